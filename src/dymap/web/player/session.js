// @ts-check
/** A clip that plays in <dymap-player>: an engine, the state, and what moves both. It ends with `close`. */

import { dollied, orbited } from "../stage/camera.js";
import { firstView, samePose } from "../stage/framing.js";
import { listenToGestures } from "../stage/gestures.js";
import { Motion } from "../stage/motion.js";
import { Playback } from "../stage/playback.js";
import { Requests } from "../stage/requests.js";
import { firstState, Loop, Store } from "../stage/state.js";

const SESSION_PIXELS = 2560; // device pixels along a side of the picture, at most

export class Session {
  /**
   * @param {any} engine see engines/engine.js; it is open @param {HTMLCanvasElement} canvas of this session only
   * @param {Partial<import("../stage/state.js").State>} given what the state begins with
   */
  constructor(engine, canvas, given) {
    const { clip } = engine;
    this.engine = engine;
    this.canvas = canvas;
    this.attached = false;
    this.store = new Store(firstState(), () => this.loop.wake());
    this.loop = new Loop((now, passed) => this.tick(now, passed));
    this.playback = new Playback(this.store, clip.fps, clip.frames);
    this.motion = new Motion(this.store, clip);
    this.requests = new Requests(engine, () => this.loop.wake());
    this.start = this.home();
    this.store.set({ ...this.start, ...given });
    this.observer = new ResizeObserver(() => this.resize());
    this.resize();
    this.observer.observe(canvas);
    listenToGestures({ element: canvas, motion: this.motion, store: this.store, tapped: () => {}, hovered: () => {},
      place: () => canvas.getBoundingClientRect() });
    canvas.addEventListener("keydown", event => this.key(event));
    engine.addEventListener("picture", event => (this.playback.shown = event.detail.view.frame));
    engine.addEventListener("clip", () => this.requests.again());
    this.loop.wake();
  }

  /** The first view: upright, the whole clip in the picture. */
  home() {
    return firstView(this.engine.clip, Math.max(this.canvas.clientWidth, 16) / Math.max(this.canvas.clientHeight, 16));
  }

  resize() {
    const { canvas } = this, sides = [canvas.clientWidth, canvas.clientHeight];
    const ratio = Math.min(devicePixelRatio || 1, SESSION_PIXELS / Math.max(...sides, 1));
    const [width, height] = sides.map(side => Math.max(Math.round(side * ratio), 16));
    if (samePose(this.store.state.pose, this.start.pose)) this.store.set((this.start = this.home())); // nobody has moved yet
    if (canvas.width === width && canvas.height === height && this.attached) return;
    [canvas.width, canvas.height] = [width, height];
    this.engine.attach(canvas);
    this.attached = true;
    this.requests.again();
  }

  /** @param {number} now ms @param {number} passed seconds */
  tick(now, passed) {
    const more = [this.motion.tick(passed), this.playback.tick(passed)];
    this.store.flush();
    more.push(this.requests.tick(this.store.state, now));
    return more.some(Boolean);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const turn = (yaw, pitch) => this.motion.move(pose => orbited(pose, yaw * 0.12, pitch * 0.12, this.motion.up));
    const zoom = factor => this.motion.move(pose => dollied(pose, factor, [0, 0]));
    const keys = {
      " ": () => this.playback.toggle(), ArrowLeft: () => turn(-1, 0), ArrowRight: () => turn(1, 0),
      ArrowUp: () => turn(0, 1), ArrowDown: () => turn(0, -1), "+": () => zoom(0.87), "=": () => zoom(0.87),
      "-": () => zoom(1 / 0.87), ",": () => this.playback.step(-1), ".": () => this.playback.step(1),
      Home: () => this.motion.to(this.home()),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  close() {
    this.loop.stop();
    this.observer.disconnect();
    this.engine.close();
  }
}
