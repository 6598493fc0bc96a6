// @ts-check
/** What the engine is asked to draw: the newest state, once each; something at once while the right frame is on its way. */

import { translationOf } from "./camera.js";

/** @typedef {import("./state.js").State} State */

const REST = 140; // ms without a change, after which the picture counts as standing; none when a hand lets go of it
const HUNGER = 250; // ms without a picture, after which the next frame waits for that of the last
const PATIENCE = 2000; // ms that it waits at most
const BACKGROUNDS = { black: [0, 0, 0], white: [1, 1, 1], grey: [0.5, 0.5, 0.5] };

/** @param {string} background of the state @returns {number[] | null} [3] 0 to 1; null: see-through */
export function backgroundOf(background) {
  if (/^#[0-9a-f]{6}$/i.test(background)) return [1, 3, 5].map(k => parseInt(background.slice(k, k + 2), 16) / 255);
  return BACKGROUNDS[background] ?? null;
}

/**
 * The Engine's view of a state.
 * @param {State} state @param {object[]} cameras of the clip @param {number} frame @param {boolean} moving
 */
export function viewOf(state, cameras, frame, moving) {
  const { pose, fov, layer, exposure } = state;
  const compared = state.compare !== "off" && !state.handling ? cameras[state.camera] : null;
  const lens = compared ? { K: Array.from(compared.K), width: compared.width, height: compared.height } : { fov };
  const [R, T] = compared ? [Array.from(compared.R), Array.from(compared.T)] : [[...pose.R], translationOf(pose)];
  const background = state.compare === "off" ? backgroundOf(state.background) : [0, 0, 0]; // what was filmed is over black
  return { frame, R, T, ...lens, moving, layer, background, exposure };
}

/** Sends views to the engine. */
export class Requests {
  /** @param {any} engine @param {() => void} wake */
  constructor(engine, wake) {
    this.engine = engine;
    this.wake = wake;
    this.said = ""; // the last view, without `moving`
    this.moving = false;
    this.changedAt = 0; // ms
    this.held = false; // the last change was made by somebody who says when it is over
    this.standsIn = -1; // the frame that was asked for in place of one that is not ready
    this.sentAt = 0;
    this.sentFrame = -1;
    this.pictureAt = 0; // ms: the last that came
    this.answered = true;
    this.rightOneDue = false; // what stands in is shown
    engine.addEventListener("picture", event => {
      [this.pictureAt, this.answered] = [performance.now(), true];
      if (this.standsIn < 0 || event.detail.view.frame !== this.standsIn) return;
      this.rightOneDue = true;
      this.wake();
    });
  }

  /** Ask for the picture once more: its size changed, or what it shows. */
  again() {
    this.said = "";
    this.wake();
  }

  /**
   * Ask for what the state shows if that is new.
   * @param {State} state @param {number} now ms @returns {boolean} whether there is more to come
   */
  tick(state, now) {
    const busy = state.handling || state.scrubbing || state.playing || state.previewing || state.turntable;
    const wanted = viewOf(state, this.engine.clip.cameras, state.frame, false);
    const said = JSON.stringify(wanted);
    if (said !== this.said && this.starves(state.frame, now)) return true;
    if (said !== this.said || this.rightOneDue) {
      this.standsIn = state.scrubbing && !this.rightOneDue ? standIn(this.engine.buffered(), state.frame) : -1;
      this.send({ ...wanted, moving: true, frame: this.standsIn < 0 ? state.frame : this.standsIn }, now);
      [this.said, this.changedAt, this.moving, this.held, this.rightOneDue] = [said, now, true, busy, false];
    } else if (this.moving && !busy && now - this.changedAt > (this.held ? 0 : REST)) {
      this.send({ ...wanted, frame: state.frame }, now);
      [this.moving, this.standsIn] = [false, -1];
    }
    return this.moving && !busy;
  }

  /**
   * Whether the picture that was asked for last should come first: an engine that lets go of a frame as soon as another
   * is wanted would show none while time runs faster than it can.
   * @param {number} frame @param {number} now ms
   */
  starves(frame, now) {
    return !this.answered && frame !== this.sentFrame && now - this.pictureAt > HUNGER && now - this.sentAt < PATIENCE;
  }

  send(view, now) {
    [this.sentAt, this.sentFrame, this.answered] = [now, view.frame, false];
    this.engine.request(view);
  }
}

/**
 * The ready frame that is nearest to one that is not.
 * @param {number[][]} buffered [first, stop] each @param {number} frame @returns {number} -1: it is ready, or none is
 */
export function standIn(buffered, frame) {
  let best = -1;
  for (const [first, stop] of buffered) {
    if (stop <= first) continue;
    const near = Math.min(Math.max(frame, first), stop - 1);
    if (best < 0 || Math.abs(near - frame) < Math.abs(best - frame)) best = near;
  }
  return best === frame ? -1 : best;
}
