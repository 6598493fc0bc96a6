// @ts-check
/** The clip's poster, which is its first view in a square window, until there is a picture. */

import { firstView } from "./framing.js";

const LOOK = 60; // ms between two looks whether the clip is known

export class Poster {
  /**
   * @param {HTMLImageElement} image @param {HTMLElement} place where pictures are shown @param {any} engine
   * @param {boolean} elsewhere whether the page begins with another view
   */
  constructor(image, place, engine, elsewhere) {
    this.image = image;
    this.place = place;
    this.engine = engine;
    this.over = false; // there was a picture, or another clip
    this.observer = new ResizeObserver(() => this.fit());
    if (elsewhere) this.hide();
  }

  /** Show it as soon as the clip is known, which is before there is all that draws it. @param {Promise<void>} opening */
  async during(opening) {
    const looking = setInterval(() => this.show(), LOOK);
    try {
      await opening;
    } finally {
      clearInterval(looking);
    }
    this.show();
  }

  /** Show it, if there is one, unless it was hidden. */
  show() {
    const { clip } = this.engine;
    if (!clip || this.over) return;
    if (clip.poster && !this.image.src) [this.image.src, this.image.hidden] = [clip.poster, false];
    this.observer.observe(this.place);
    this.fit();
  }

  /** As large as the first view shows what is in it. */
  fit() {
    const { clip } = this.engine,
      aspect = Math.max(this.place.clientWidth, 16) / Math.max(this.place.clientHeight, 16);
    const height = firstView(clip, 1).pose.distance / firstView(clip, aspect).pose.distance;
    this.image.style.setProperty("--height", height.toFixed(4));
  }

  /** Show it, and wait until it is there: its engine may close then. */
  async keep() {
    this.show();
    if (!this.image.hidden) await this.image.decode().catch(() => {});
  }

  /** For good: whoever still opens its clip does not show it any more. */
  hide() {
    this.over = true;
    this.image.hidden = true;
    this.observer.disconnect();
  }
}
