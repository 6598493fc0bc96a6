// @ts-check
/** Time: which frame is due while the clip plays, and steps by frame. */

/** @typedef {import("./state.js").State} State */

export const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4];

/** The clip's clock. It holds the time between frames, which the state leaves out. */
export class Playback {
  /** @param {import("./state.js").Store} store @param {number} fps @param {number} frames of the clip */
  constructor(store, fps, frames) {
    this.store = store;
    this.fps = fps;
    this.frames = frames;
    this.between = 0; // frames since the shown one was due
    this.shown = -1; // the frame of the last picture
  }

  /**
   * Advance while playing.
   * @param {number} passed seconds @returns {boolean} whether there is more to come
   */
  tick(passed) {
    const { playing, keep, frame, speed, scrubbing } = this.store.state;
    if (!playing || scrubbing) return playing;
    this.between += passed * this.fps * speed;
    if (Math.abs(this.between) < 1) return true;
    if (keep === "frames") {
      if (this.shown !== frame) return true; // its picture is still to come
      this.between = limitedStep(this.between);
    }
    const steps = Math.trunc(this.between);
    this.between -= steps;
    const next = frame + steps;
    if (next >= 0 && next < this.frames) this.store.set({ frame: next });
    else if (this.store.state.loop) this.store.set({ frame: ((next % this.frames) + this.frames) % this.frames });
    else this.store.set({ frame: next < 0 ? 0 : this.frames - 1, playing: false });
    return this.store.state.playing;
  }

  /** Play or pause; at the end of a clip that does not repeat, from the beginning. */
  toggle() {
    const { playing, loop, frame, speed } = this.store.state;
    const end = speed > 0 ? this.frames - 1 : 0;
    this.between = 0;
    this.store.set({
      playing: !playing,
      previewing: false,
      frame: !playing && !loop && frame === end ? this.frames - 1 - end : frame,
    });
  }

  /** Pause at a frame, this many after the present one. @param {number} count */
  step(count) {
    const { frame, loop } = this.store.state;
    const next = frame + count;
    this.seek(loop ? ((next % this.frames) + this.frames) % this.frames : next);
    this.store.set({ playing: false, previewing: false });
  }

  /** @param {number} frame */
  seek(frame) {
    this.between = 0;
    this.store.set({ frame: Math.min(Math.max(Math.round(frame), 0), this.frames - 1) });
  }

  /** The next speed of the list. @param {number} way 1: faster, -1: slower */
  change(way) {
    const { speed } = this.store.state;
    const nearest = SPEEDS.reduce(
      (best, one, k) => (Math.abs(one - speed) < Math.abs(SPEEDS[best] - speed) ? k : best),
      0,
    );
    this.store.set({ speed: SPEEDS[Math.min(Math.max(nearest + way, 0), SPEEDS.length - 1)] });
  }
}

/** At most one frame, either way: none is left out. @param {number} between */
const limitedStep = between => Math.min(Math.max(between, -1), 1);

/**
 * Minutes and seconds of a frame.
 * @param {number} frame @param {number} fps @returns {string} 1:02.50
 */
export function clockOf(frame, fps) {
  const hundredths = Math.round((100 * frame) / fps),
    minutes = Math.floor(hundredths / 6000);
  return `${minutes}:${((hundredths % 6000) / 100).toFixed(2).padStart(5, "0")}`;
}
