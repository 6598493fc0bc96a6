// @ts-check
/** The clip's poster, which is its first view, until there is a picture. */

const LOOK = 60; // ms between two looks whether the clip is known

export class Poster {
  /**
   * @param {HTMLImageElement} image @param {any} engine @param {boolean} elsewhere whether the page begins with another view
   */
  constructor(image, engine, elsewhere) {
    this.image = image;
    this.engine = engine;
    this.elsewhere = elsewhere;
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

  /** Show it, if there is one, and no picture was shown yet. */
  show() {
    const address = this.engine.clip?.poster;
    if (address && !this.image.src && !this.elsewhere) [this.image.src, this.image.hidden] = [address, false];
  }

  hide() {
    this.image.hidden = true;
  }
}
