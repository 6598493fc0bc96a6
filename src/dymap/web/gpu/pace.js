// @ts-check
/** How large pictures may be while something moves, so that enough of them come a second; learned from what they took. */

const FRAME_TIME = 1000 / 60; // ms of a picture that is aimed at
const SMALLEST_SHARE = 0.25; // of the full picture's side
const EXACT_TIMES = 2; // as long as a draft takes an exact picture
const UNKNOWN_PIXELS = 2 ** 14; // at once, until it is known how long they take: systems end what takes seconds
const SHARE_STEPS = 8; // sizes between a picture and one of twice the side: few, so that it does not flicker

export class GpuPace {
  constructor() {
    this.pixelTime = 0; // ms a pixel of a draft took, 0: not known yet
    this.pictures = 0;
  }

  /**
   * The share of a full picture's side that a picture may have while something moves.
   * @param {number} pixels of the full picture
   * @param {number} [budget] ms
   */
  share(pixels, budget = FRAME_TIME) {
    if (!this.pixelTime) return 0.5;
    const fitting = Math.sqrt((0.8 * budget) / (this.pixelTime * pixels));
    if (fitting >= 1) return 1;
    return Math.max(SMALLEST_SHARE, 2 ** (Math.floor(SHARE_STEPS * Math.log2(fitting)) / SHARE_STEPS));
  }

  /**
   * Whether a full picture is soon enough there even if it is exact.
   * @param {number} pixels of the full picture
   */
  exact(pixels) {
    return this.pixelTime > 0 && EXACT_TIMES * this.pixelTime * pixels < 0.6 * FRAME_TIME;
  }

  /**
   * Whether the GPU has time for other pictures between drafts.
   * @param {number} pixels of the full picture
   */
  quick(pixels) {
    return this.pixelTime > 0 && this.pixelTime * pixels < 0.25 * FRAME_TIME;
  }

  /**
   * How many pixels of an exact picture take so long.
   * @param {number} ms
   */
  pixels(ms) {
    return this.pixelTime ? ms / (EXACT_TIMES * this.pixelTime) : UNKNOWN_PIXELS;
  }

  /**
   * A picture of so many pixels took so long: slower is followed quickly, faster by and by. The first does not count:
   * drivers finish their kernels then.
   * @param {number} pixels
   * @param {number} ms
   * @param {boolean} [draft] or an exact one
   */
  took(pixels, ms, draft = true) {
    if (++this.pictures === 1) return;
    const found = Math.max(ms, 0.05) / Math.max(pixels, 1) / (draft ? 1 : EXACT_TIMES);
    if (!this.pixelTime) this.pixelTime = found;
    this.pixelTime += (found > this.pixelTime ? 0.5 : 0.2) * (found - this.pixelTime);
  }
}
