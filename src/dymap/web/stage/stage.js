// @ts-check
/** The stage: an engine's clip in the page, with everything around it. */

import { makeActions } from "./actions.js";
import { lensOf, lensOfCamera } from "./camera.js";
import { makeCameras } from "./cameras.js";
import { listenToComparison } from "./compare.js";
import { releaseFocus } from "./dom.js";
import { firstView, samePose, viewOfCamera } from "./framing.js";
import { hideIdleBars } from "./fullscreen.js";
import { listenToGestures } from "./gestures.js";
import { makeHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { fromLink } from "./link.js";
import { Messages } from "./messages.js";
import { Motion } from "./motion.js";
import { Outlines } from "./outlines.js";
import { makeOverlay } from "./overlay.js";
import { makePanel } from "./panel.js";
import { makePathEditor } from "./path_editor.js";
import { Playback } from "./playback.js";
import { Requests } from "./requests.js";
import { makeSettings } from "./settings.js";
import { firstState, Loop, Store } from "./state.js";
import { makeTopBar } from "./topbar.js";
import { showTraining } from "./training.js";
import { makeTransport } from "./transport.js";

/**
 * @typedef {object} Parts of a stage, which its controls are given
 * @property {HTMLElement} root
 * @property {any} engine see engines/engine.js
 * @property {Store} store
 * @property {Playback} playback
 * @property {Motion} motion
 * @property {Requests} requests
 * @property {Messages} messages
 * @property {() => {pose: import("./camera.js").Pose, fov: number}} home the view at first
 * @property {() => void} help opens it
 * @property {any} [actions] of actions.js
 * @property {Loop} loop
 * @property {Outlines} outlines
 */

const MOST_PIXELS = 2560; // device pixels along a side of the picture
const DOUBLE = 350; // ms between two taps that belong together
const ROOMY = 1100; // CSS pixels from which on the panel is open at first

/**
 * Open a clip and show it.
 * @param {HTMLElement} root the page's `.app` @param {any} engine @param {Partial<import("./state.js").State>} [wishes] at first
 * @returns {Promise<{parts: Parts, close: () => void}>}
 * @throws what engine.open() throws: an Error whose message people can read
 */
export async function openStage(root, engine, wishes = {}) {
  const find = selector => /** @type {any} */ (root.querySelector(selector));
  const poster = find(".poster");
  const showPoster = () => {
    if (engine.clip?.poster && !poster.src) [poster.src, poster.hidden] = [engine.clip.poster, false];
  };
  root.classList.add("opening");
  const looking = setInterval(showPoster, 60); // the clip is known before there is all that draws it
  try {
    await engine.open();
  } finally {
    clearInterval(looking);
    root.classList.remove("opening");
  }
  showPoster();
  const { clip } = engine,
    pictures = find(".pictures"),
    model = find(".model"),
    canvas = find(".picture");
  const loop = new Loop((now, passed) => tick(now, passed)),
    wake = () => loop.wake();
  const store = new Store(firstState(), wake),
    playback = new Playback(store, clip.fps, clip.frames);
  const motion = new Motion(store, clip),
    requests = new Requests(engine, wake),
    messages = new Messages(find(".messages"));
  const outlines = new Outlines(find(".lines"), clip);
  const shape = () => Math.max(pictures.clientWidth, 16) / Math.max(pictures.clientHeight, 16);
  const home = () => firstView(clip, shape());
  /** @type {Parts} */
  const parts = {
    root,
    engine,
    store,
    playback,
    motion,
    requests,
    messages,
    home,
    loop,
    outlines,
    help: makeHelp(find(".help")),
  };
  parts.actions = makeActions(parts);

  store.set({
    panel: innerWidth >= ROOMY && innerHeight >= 600,
    path: { ...store.state.path, fps: Math.round(clip.fps) || 25 },
  });
  makeTopBar(find(".top"), parts);
  makeTransport(find(".transport"), parts);
  makePanel(find(".panel"), parts, [
    { id: "view", title: "View", body: makeSettings(parts) },
    { id: "cameras", title: "Cameras", body: makeCameras(parts) },
    { id: "path", title: "Path", body: makePathEditor(parts) },
  ]);
  makeOverlay(find(".overlay"), parts);
  showTraining(find(".training"), parts);

  let start = home();
  store.set({ ...wishes, ...start, ...fromLink(location.hash, clip.frames) });
  const followLink = () => store.set({ previewing: false, ...fromLink(location.hash, clip.frames) });
  window.addEventListener("hashchange", followLink);

  /** Lay out the frames: the whole stage, or the shape of the camera that is compared, once or twice. */
  function arrange() {
    const { compare, camera } = store.state,
      width = pictures.clientWidth,
      height = pictures.clientHeight;
    const compared = compare !== "off" ? (clip.cameras[camera] ?? clip.cameras[0]) : null;
    let size = [width, height],
      across = false;
    if (compared) {
      const aspect = compared.width / compared.K[0] / (compared.height / compared.K[4]);
      const fit = (w, h) => (w / h > aspect ? [h * aspect, h] : [w, w / aspect]);
      const [beside, below] = [fit(width / 2 - 4, height), fit(width, height / 2 - 4)];
      across = beside[0] >= below[0];
      size = compare === "side" ? (across ? beside : below) : fit(width, height);
    }
    pictures.classList.toggle("across", across);
    pictures.style.setProperty("--w", `${Math.floor(size[0])}px`);
    pictures.style.setProperty("--h", `${Math.floor(size[1])}px`);
  }

  /** The canvas has as many pixels as the screen shows of it. */
  function resize() {
    const ratio = Math.min(devicePixelRatio || 1, MOST_PIXELS / Math.max(model.clientWidth, model.clientHeight, 1));
    const [w, h] = [model.clientWidth, model.clientHeight].map(side => Math.max(Math.round(side * ratio), 16));
    if (samePose(store.state.pose, start.pose)) store.set((start = home())); // nobody has moved yet: it stays framed
    if (canvas.width === w && canvas.height === h) return;
    [canvas.width, canvas.height] = [w, h];
    engine.attach(canvas);
    linesDue = true;
    requests.again();
  }

  let linesDue = true;
  store.watch(
    [
      "pose",
      "fov",
      "frame",
      "outline",
      "frusta",
      "camera",
      "path",
      "selected",
      "panel",
      "tab",
      "compare",
      "handling",
      "previewing",
    ],
    () => (linesDue = true),
  );
  function drawLines() {
    const { state } = store,
      width = model.clientWidth,
      height = model.clientHeight;
    const compared = state.compare !== "off" && !state.handling ? clip.cameras[state.camera] : null;
    const pose = compared ? viewOfCamera(compared, clip.box).pose : state.pose;
    const lens = compared ? lensOfCamera(compared, width, height) : lensOf(state.fov, width, height);
    outlines.draw(state, pose, lens, width, height, Math.min(devicePixelRatio || 1, 2));
    linesDue = false;
  }

  store.watch(["background"], ({ background }) => (model.dataset.backdrop = background));
  listenToComparison(pictures, parts, arrange);
  let tappedAt = -Infinity;
  listenToGestures({
    element: pictures,
    motion,
    store,
    place: () => model.getBoundingClientRect(),
    tapped: (x, y) => {
      const index = outlines.cameraAt(x, y);
      if (index >= 0) return parts.actions.camera(index);
      const now = performance.now();
      if (now - tappedAt < DOUBLE) parts.actions.home();
      tappedAt = now;
    },
    hovered: (x, y) => {
      const index = outlines.cameraAt(x, y);
      pictures.classList.toggle("on-camera", index >= 0);
      if (index === outlines.hovered) return;
      outlines.hovered = index;
      linesDue = true;
      wake();
    },
  });
  releaseFocus(root);
  const awake = hideIdleBars(root, store);
  const deaf = listenToKeys(parts.actions, motion);

  engine.addEventListener("picture", event => {
    poster.hidden = true;
    playback.shown = event.detail.view.frame;
    model.dataset.frame = event.detail.view.frame;
    messages.recover();
  });
  engine.addEventListener("error", event =>
    messages.complain(event.detail.message, event.detail.fatal ? "ever" : "picture"),
  );
  engine.addEventListener("clip", () => {
    if (!model.dataset.frame) showPoster();
    requests.again();
  });

  const observer = new ResizeObserver(() => {
    arrange();
    resize();
  });
  for (const element of [pictures, model]) observer.observe(element);
  arrange();
  resize();
  engine.attach(canvas);

  function tick(now, passed) {
    const more = [motion.tick(passed), playback.tick(passed)];
    store.flush();
    if (linesDue) drawLines();
    more.push(requests.tick(store.state, now));
    return more.some(Boolean);
  }
  wake();

  const close = () => {
    loop.stop();
    deaf();
    awake();
    observer.disconnect();
    window.removeEventListener("hashchange", followLink);
    engine.close();
  };
  return { parts, close };
}
