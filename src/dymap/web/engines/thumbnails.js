// @ts-check
/** Small pictures of what cameras see, drawn one after the other while nothing else is. */

export class Thumbnails {
  /**
   * @param {(camera: number) => Promise<Blob>} draw
   * @param {() => Promise<unknown>} idle until nothing else is drawn
   */
  constructor(draw, idle) {
    this.draw = draw;
    this.idle = idle;
    /** @type {Map<number, Promise<string | null>>} */
    this.asked = new Map();
    /** @type {string[]} */
    this.addresses = [];
    this.last = Promise.resolve();
    this.closed = false;
  }

  /**
   * @param {number} camera
   * @returns {Promise<string | null>} its address until this is closed; null: it cannot be drawn
   */
  take(camera) {
    const asked = this.asked.get(camera) ?? this.last.then(() => this.make(camera));
    this.asked.set(camera, asked);
    this.last = asked.then(() => {});
    return asked;
  }

  /** @param {number} camera */
  async make(camera) {
    try {
      await this.idle();
      if (this.closed) return null;
      const picture = await this.draw(camera);
      if (this.closed) return null;
      const address = URL.createObjectURL(picture);
      this.addresses.push(address);
      return address;
    } catch {
      this.asked.delete(camera); // whoever asks again may have more luck
      return null;
    }
  }

  close() {
    this.closed = true;
    for (const address of this.addresses) URL.revokeObjectURL(address);
  }
}
