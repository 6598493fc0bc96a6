// @ts-check
/**
 * What the page shows, in one place: whoever changes it sets it here, and who shows it watches it.
 *
 * Watchers run once before the next picture of the screen, with all that changed since; nothing runs if nothing changed.
 */

/**
 * @typedef {object} State
 * @property {import("./camera.js").Pose} pose of the camera
 * @property {number} fov vertical, radians
 * @property {number} frame position in the clip
 * @property {boolean} playing
 * @property {number} speed 1: as filmed; negative: backwards
 * @property {boolean} loop
 * @property {"time"|"frames"} keep time: frames are left out if drawing is too slow; frames: none is, the clip slows down
 * @property {boolean} scrubbing the timeline is being dragged
 * @property {boolean} handling the camera is being dragged
 * @property {boolean} turntable the camera goes round by itself
 * @property {boolean} level the horizon stays level
 * @property {"colour"|"depth"|"opacity"|"occupancy"} layer
 * @property {string} background black, white, grey, checker, transparent or #rrggbb
 * @property {number} exposure stops
 * @property {boolean} outline of the box
 * @property {boolean} frusta of the captured cameras
 * @property {number} camera index of the captured camera that is shown, -1: none
 * @property {"off"|"side"|"wipe"|"difference"} compare with what was filmed
 * @property {number} wipe 0 to 1: where the divider is
 * @property {boolean} panel whether it is open
 * @property {"view"|"cameras"|"path"} tab of the panel
 * @property {boolean} overlay milliseconds and bytes over the picture
 * @property {import("./spline.js").Path} path of the camera, for a film
 * @property {number} selected index of the chosen key view, -1: none
 * @property {number} moment seconds into the film
 * @property {boolean} previewing the film
 */

export const LAYERS = ["colour", "depth", "opacity", "occupancy"];

/** @returns {State} at first, but for the camera */
export const firstState = () => ({
  pose: { position: [0, 0, -1], R: [1, 0, 0, 0, 1, 0, 0, 0, 1], distance: 1 },
  fov: 0.8,
  frame: 0,
  playing: false,
  speed: 1,
  loop: true,
  keep: "time",
  scrubbing: false,
  handling: false,
  turntable: false,
  level: true,
  layer: "colour",
  background: "black",
  exposure: 0,
  outline: false,
  frusta: false,
  camera: -1,
  compare: "off",
  wipe: 0.5,
  panel: false,
  tab: "view",
  overlay: false,
  path: { keys: [], time: "runs", fps: 25 },
  selected: -1,
  moment: 0,
  previewing: false,
});

/** The state and its watchers. */
export class Store {
  /** @param {State} state @param {() => void} wake is called after a change: a tick is due */
  constructor(state, wake) {
    this.state = state;
    this.wake = wake;
    /** @type {Set<string>} */
    this.changed = new Set();
    /** @type {{keys: string[], show: (state: State) => void}[]} */
    this.watchers = [];
  }

  /** Change something. @param {Partial<State>} patch */
  set(patch) {
    const names = Object.keys(patch).filter(name => !Object.is(this.state[name], patch[name]));
    if (!names.length) return;
    Object.assign(this.state, patch);
    for (const name of names) this.changed.add(name);
    this.wake();
  }

  /** Show something now and after each change of one of the keys. @param {string[]} keys @param {(state: State) => void} show */
  watch(keys, show) {
    this.watchers.push({ keys, show });
    show(this.state);
  }

  /** Run the watchers of what changed. @returns {boolean} whether anything did */
  flush() {
    if (!this.changed.size) return false;
    const changed = this.changed;
    this.changed = new Set();
    for (const { keys, show } of this.watchers) if (keys.some(key => changed.has(key))) show(this.state);
    return true;
  }
}

/** Calls back once before the screen's next picture, and again while it is told that there is more to do. */
export class Loop {
  /** @param {(now: number, passed: number) => boolean} tick now: ms; passed: s since the last tick without a pause, at most 0.1 */
  constructor(tick) {
    this.tick = tick;
    this.waiting = 0;
    this.last = -1;
  }

  wake() {
    this.waiting ||= requestAnimationFrame(now => this.run(now));
  }

  /** @param {number} now ms */
  run(now) {
    this.waiting = 0;
    const passed = this.last < 0 ? 0 : Math.min((now - this.last) / 1000, 0.1);
    const goesOn = this.tick(now, passed);
    this.last = goesOn ? now : -1;
    if (goesOn) this.wake();
  }

  stop() {
    cancelAnimationFrame(this.waiting);
    this.tick = () => false;
  }
}
