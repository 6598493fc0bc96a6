// @ts-check
/** The place of the picture: how large it is and of which shape, the lines over it, and what is touched there. */

import { lensOf, lensOfCamera } from "./camera.js";
import { samePose, viewOfCamera } from "./framing.js";
import { listenToGestures } from "./gestures.js";

const MOST_PIXELS = 2560; // device pixels along a side of the picture
const SHARPEST_LINES = 2; // device pixels a CSS pixel
const DOUBLE = 350; // ms between two taps that belong together
const GAP = 8; // CSS pixels between two pictures
const DRAWN = "pose fov frame outline frusta camera path selected panel tab compare handling previewing".split(" ");

export class PictureArea {
  /** @param {HTMLElement} pictures holds the frames @param {import("./stage.js").Parts} parts */
  constructor(pictures, parts) {
    this.pictures = pictures;
    this.parts = parts;
    this.model = /** @type {HTMLElement} */ (pictures.querySelector(".model"));
    this.canvas = /** @type {HTMLCanvasElement} */ (pictures.querySelector(".picture"));
    this.linesDue = true;
    this.start = parts.home(); // where the camera began
    this.tappedAt = -Infinity;
    const { store } = parts;
    store.watch(DRAWN, () => (this.linesDue = true));
    store.watch(["background"], ({ background }) => (this.model.dataset.backdrop = background));
    this.listen();
    this.observer = new ResizeObserver(() => this.fit());
    for (const element of [pictures, this.model]) this.observer.observe(element);
    this.fit();
    parts.engine.attach(this.canvas);
  }

  /** The captured camera that is compared, if one is; not while it is turned. */
  get compared() {
    const { compare, handling, camera } = this.parts.store.state;
    return compare !== "off" && !handling ? this.parts.engine.clip.cameras[camera] : null;
  }

  fit() {
    this.arrange();
    this.resize();
  }

  /** Lay out the frames: the whole stage, or the shape of the camera that is compared, once or twice. */
  arrange() {
    const { compare, camera } = this.parts.store.state,
      { cameras } = this.parts.engine.clip;
    const shape = compare === "off" ? null : (cameras[camera] ?? cameras[0]);
    const layout = layoutOf(this.pictures.clientWidth, this.pictures.clientHeight, shape, compare === "side");
    this.pictures.classList.toggle("across", layout.across);
    this.pictures.style.setProperty("--w", `${Math.floor(layout.width)}px`);
    this.pictures.style.setProperty("--h", `${Math.floor(layout.height)}px`);
  }

  /** The canvas has as many pixels as the screen shows of it. */
  resize() {
    const { store, engine, requests, home } = this.parts;
    const places = [this.model.clientWidth, this.model.clientHeight];
    const ratio = Math.min(devicePixelRatio || 1, MOST_PIXELS / Math.max(...places, 1));
    const [width, height] = places.map(side => Math.max(Math.round(side * ratio), 16));
    if (samePose(store.state.pose, this.start.pose)) store.set((this.start = home())); // nobody moved: it stays framed
    if (this.canvas.width === width && this.canvas.height === height) return;
    [this.canvas.width, this.canvas.height] = [width, height];
    engine.attach(this.canvas);
    this.linesDue = true;
    requests.again();
  }

  /** Draw the lines over the picture if something changed. */
  tick() {
    if (!this.linesDue) return;
    this.linesDue = false;
    const { store, engine, outlines } = this.parts,
      { state } = store,
      { compared } = this;
    const [width, height] = [this.model.clientWidth, this.model.clientHeight];
    const pose = compared ? viewOfCamera(compared, engine.clip.box).pose : state.pose;
    const lens = compared ? lensOfCamera(compared, width, height) : lensOf(state.fov, width, height);
    outlines.draw(state, pose, lens, width, height, Math.min(devicePixelRatio || 1, SHARPEST_LINES));
  }

  listen() {
    const { store, motion, outlines, actions, loop } = this.parts;
    listenToGestures({
      element: this.pictures,
      motion,
      store,
      place: () => this.model.getBoundingClientRect(),
      tapped: (x, y) => {
        const index = outlines.cameraAt(x, y);
        if (index >= 0) return actions.camera(index);
        const now = performance.now();
        if (now - this.tappedAt < DOUBLE) actions.home();
        this.tappedAt = now;
      },
      hovered: (x, y) => {
        const index = outlines.cameraAt(x, y);
        this.pictures.classList.toggle("on-camera", index >= 0);
        if (index === outlines.hovered) return;
        outlines.hovered = index;
        this.linesDue = true;
        loop.wake();
      },
    });
  }

  close() {
    this.observer.disconnect();
  }
}

/**
 * How large a picture is: all of the place, or of a camera's shape; two beside or below each other, whichever is larger.
 * @param {number} width CSS pixels @param {number} height
 * @param {{K: ArrayLike<number>, width: number, height: number} | null} camera @param {boolean} twice
 * @returns {{width: number, height: number, across: boolean}} across: beside each other
 */
export function layoutOf(width, height, camera, twice) {
  if (!camera) return { width, height, across: false };
  const aspect = camera.width / camera.K[0] / (camera.height / camera.K[4]);
  const fit = (w, h) => (w / h > aspect ? { width: h * aspect, height: h } : { width: w, height: w / aspect });
  if (!twice) return { ...fit(width, height), across: false };
  const [beside, below] = [fit((width - GAP) / 2, height), fit(width, (height - GAP) / 2)];
  const across = beside.width >= below.width;
  return { ...(across ? beside : below), across };
}
