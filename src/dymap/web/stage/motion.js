// @ts-check
/** The camera moves by itself: it glides to a view, flies, goes round, or follows a path. */

import { glided, levelled, moved, orbited } from "./camera.js";
import { durationOf, pathAt } from "./spline.js";
import { between } from "./vectors.js";

/** @typedef {import("./camera.js").Pose} Pose */

const GLIDE = 0.45; // s
const ROUND = 0.35; // radians a second of the turntable
const FLIGHT = 0.7; // of the distance to what it looks at, a second
const AXES = {
  KeyD: [1, 0, 0],
  KeyA: [-1, 0, 0],
  KeyE: [0, -1, 0],
  KeyQ: [0, 1, 0],
  KeyW: [0, 0, 1],
  KeyS: [0, 0, -1],
};

export class Motion {
  /** @param {import("./state.js").Store} store @param {{up: ArrayLike<number>, fps: number, frames: number}} clip */
  constructor(store, clip) {
    this.store = store;
    this.clip = clip;
    /** @type {{from: Pose, to: Pose, lens: number[], passed: number} | null} */
    this.glide = null;
    /** @type {Set<string>} codes of keys that are held */
    this.held = new Set();
    this.fast = false;
    this.velocity = [0, 0, 0]; // right, down, forward; a second, of the distance
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
  }

  /** What keeps the horizon level, or null. */
  get up() {
    return this.store.state.level ? this.clip.up : null;
  }

  /** A person moves the camera: nothing else does any more. @param {(pose: Pose) => Pose} change */
  move(change) {
    this.glide = null;
    this.store.set({ pose: change(this.store.state.pose), previewing: false, camera: -1 });
  }

  /** Go to a view smoothly; at once for whom movement disturbs. @param {{pose: Pose, fov: number}} view */
  to(view) {
    const { pose, fov } = this.store.state;
    this.store.set({ previewing: false, turntable: false });
    if (this.still.matches) this.store.set(view);
    else this.glide = { from: pose, to: view.pose, lens: [fov, view.fov], passed: 0 };
    this.store.wake();
  }

  /** Where it is going, or is. @returns {Pose} */
  get destination() {
    return this.glide ? this.glide.to : this.store.state.pose;
  }

  /** @param {boolean} level */
  setLevel(level) {
    this.store.set({ level });
    if (level) this.to({ pose: levelled(this.store.state.pose, this.clip.up), fov: this.store.state.fov });
  }

  /** @param {string} code of a key @param {boolean} down @returns {boolean} whether that flies */
  key(code, down) {
    if (!(code in AXES)) return false;
    if (down) this.held.add(code);
    else this.held.delete(code);
    this.store.wake();
    return true;
  }

  /** @param {number} passed seconds @returns {boolean} whether there is more to come */
  tick(passed) {
    const goesOn = [this.tickGlide(passed), this.tickFlight(passed), this.tickPath(passed), this.tickTurntable(passed)];
    return goesOn.some(Boolean);
  }

  tickGlide(passed) {
    if (!this.glide) return false;
    this.glide.passed += passed;
    const share = Math.min(this.glide.passed / GLIDE, 1),
      eased = share * share * (3 - 2 * share);
    const { from, to, lens } = this.glide;
    this.store.set({ pose: share < 1 ? glided(from, to, eased) : to, fov: between([lens[0]], [lens[1]], eased)[0] });
    if (share === 1) this.glide = null;
    return share < 1;
  }

  tickFlight(passed) {
    const wanted = [0, 0, 0];
    for (const code of this.held) AXES[code].forEach((value, k) => (wanted[k] += value * FLIGHT * (this.fast ? 3 : 1)));
    this.velocity = between(this.velocity, wanted, 1 - Math.exp(-12 * passed));
    if (!this.held.size && Math.hypot(...this.velocity) < 0.01) {
      this.velocity = [0, 0, 0];
      return false;
    }
    if (passed)
      this.move(pose =>
        moved(
          pose,
          this.velocity.map(value => value * passed * pose.distance),
        ),
      );
    return true;
  }

  tickPath(passed) {
    const { previewing, path, moment } = this.store.state;
    if (!previewing) return false;
    if (path.keys.length < 2) {
      this.store.set({ previewing: false });
      return false;
    }
    const end = durationOf(path),
      next = Math.min(moment + passed, end);
    this.showMoment(next);
    if (next === end) this.store.set({ previewing: false });
    return next < end;
  }

  /** Show a time of the film. @param {number} moment seconds */
  showMoment(moment) {
    const { path } = this.store.state;
    this.glide = null;
    this.store.set({ moment, camera: -1, ...pathAt(path, moment, this.clip) });
  }

  tickTurntable(passed) {
    const { turntable, handling, pose } = this.store.state;
    if (!turntable) return false;
    if (!handling) this.store.set({ pose: orbited(pose, ROUND * passed, 0, this.clip.up), camera: -1 });
    return true;
  }
}
