// @ts-check
/** The stage: an engine's clip in the page, with everything around it. */

import { makeActions } from "./actions.js";
import { makeCameras } from "./cameras.js";
import { listenToComparison } from "./compare.js";
import { releaseFocus } from "./dom.js";
import { firstView } from "./framing.js";
import { hideIdleBars } from "./fullscreen.js";
import { makeHelp } from "./help.js";
import { listenToKeys } from "./keys.js";
import { fromLink } from "./link.js";
import { Messages } from "./messages.js";
import { Motion } from "./motion.js";
import { Outlines } from "./outlines.js";
import { makeOverlay } from "./overlay.js";
import { makePanel } from "./panel.js";
import { makePathEditor } from "./path_editor.js";
import { PictureArea } from "./picture_area.js";
import { Playback } from "./playback.js";
import { Poster } from "./poster.js";
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
 * @property {Loop} loop
 * @property {Playback} playback
 * @property {Motion} motion
 * @property {Requests} requests
 * @property {Messages} messages
 * @property {Outlines} outlines
 * @property {() => {pose: import("./camera.js").Pose, fov: number}} home the view at first
 * @property {() => void} help opens it
 * @property {any} actions what a person can do: actions.js
 */

const ROOMY = [1100, 600]; // CSS pixels from which on the panel is open at first

/**
 * Open a clip and show it.
 * @param {HTMLElement} root the page's `.app` @param {any} engine
 * @param {Partial<import("./state.js").State>} [wishes] at first
 * @returns {Promise<{parts: Parts, close: () => void}>}
 * @throws what engine.open() throws: an Error whose message people can read
 */
export async function openStage(root, engine, wishes = {}) {
  const find = selector => /** @type {any} */ (root.querySelector(selector));
  const poster = new Poster(find(".poster"), find(".model"), engine, location.hash.length > 1);
  root.classList.add("opening");
  try {
    await poster.during(engine.open());
  } finally {
    root.classList.remove("opening");
  }
  const parts = makeParts(find, root, engine, (now, passed) => tick(now, passed));
  const { store, motion, playback, requests } = parts;
  store.set({ panel: innerWidth >= ROOMY[0] && innerHeight >= ROOMY[1], ...wishes });
  store.set({ path: { ...store.state.path, fps: Math.round(engine.clip.fps) || 25 } });
  makeControls(find, parts);
  store.set({ ...parts.home(), ...fromLink(location.hash, engine.clip.frames) }); // by now the picture has its place
  const area = new PictureArea(find(".pictures"), parts);
  listenToComparison(area.pictures, parts, () => area.arrange());
  listenToEngine(parts, poster, area.model);
  releaseFocus(root);
  const deaf = [listenToKeys(parts.actions, motion), hideIdleBars(root, store), listenToWindow(parts)];

  /** Before a picture of the screen: what moves, moves; what changed, is shown; what is new, is asked for. */
  function tick(now, passed) {
    const more = [motion.tick(passed), playback.tick(passed)];
    store.flush();
    area.tick();
    more.push(requests.tick(store.state, now));
    return more.some(Boolean);
  }
  parts.loop.wake();

  const close = () => {
    parts.loop.stop();
    area.close();
    for (const stop of deaf) stop();
    engine.close();
  };
  return { parts, close };
}

/** @returns {Parts} */
function makeParts(find, root, engine, tick) {
  const { clip } = engine,
    pictures = find(".pictures"),
    loop = new Loop(tick),
    wake = () => loop.wake(),
    store = new Store(firstState(), wake);
  const home = () => firstView(clip, Math.max(pictures.clientWidth, 16) / Math.max(pictures.clientHeight, 16));
  const parts = {
    root,
    engine,
    store,
    loop,
    playback: new Playback(store, clip.fps, clip.frames),
    motion: new Motion(store, clip),
    requests: new Requests(engine, wake),
    messages: new Messages(find(".messages")),
    outlines: new Outlines(find(".lines"), clip),
    home,
    help: makeHelp(find(".help")),
  };
  return { ...parts, actions: makeActions(parts) };
}

function makeControls(find, parts) {
  makeTopBar(find(".top"), parts);
  makeTransport(find(".transport"), parts);
  makePanel(find(".panel"), parts, [
    { id: "view", title: "View", body: makeSettings(parts) },
    { id: "cameras", title: "Cameras", body: makeCameras(parts) },
    { id: "path", title: "Path", body: makePathEditor(parts) },
  ]);
  makeOverlay(find(".overlay"), parts);
  showTraining(find(".training"), parts);
}

/** @param {Parts} parts @param {Poster} poster @param {HTMLElement} model the picture's frame */
function listenToEngine({ engine, playback, requests, messages }, poster, model) {
  engine.addEventListener("picture", event => {
    poster.hide();
    playback.shown = event.detail.view.frame;
    model.dataset.frame = event.detail.view.frame;
    messages.recover("picture");
  });
  engine.addEventListener("error", event => {
    const { message, fatal, lasting } = event.detail;
    messages.complain(message, fatal ? "ever" : lasting ? "clip" : "picture");
  });
  engine.addEventListener("clip", () => {
    messages.recover("clip");
    if (!model.dataset.frame) poster.show();
    requests.again();
  });
}

/** @param {Parts} parts @returns {() => void} stops */
function listenToWindow({ engine, store, requests, messages }) {
  /** @type {[string, () => void][]} */
  const listeners = [
    ["hashchange", () => store.set({ previewing: false, ...fromLink(location.hash, engine.clip.frames) })],
    ["offline", () => messages.say("Offline: what is loaded goes on playing")],
    ["online", () => [messages.say("Online again"), requests.again()]],
  ];
  for (const [name, listener] of listeners) window.addEventListener(name, listener);
  return () => listeners.forEach(([name, listener]) => window.removeEventListener(name, listener));
}
