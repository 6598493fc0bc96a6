// @ts-check
/** What draws: all that the page knows of an engine. The engines extend this class; its methods say what is missing. */

/**
 * @typedef {object} ClipCamera a camera of the capture, prepared: no distortion, pixel centres at whole numbers
 * @property {string} name
 * @property {number[]} K [9] row by row, pixels
 * @property {number[]} R [9] world to camera: x_cam = R x + T, OpenCV axes (x right, y down, z forward)
 * @property {number[]} T [3] metres
 * @property {number} width pixels @property {number} height pixels
 * @property {boolean} test kept out of training
 */
/**
 * @typedef {object} Clip
 * @property {string} name @property {string} title @property {string} author @property {string} licence
 * @property {number} fps @property {number} frames how many
 * @property {Float32Array} boxes [frames * 6] min xyz, max xyz of each frame, metres, world
 * @property {number[]} box [6] the median of them
 * @property {ClipCamera[]} cameras
 * @property {number[]} up [3] unit, world
 * @property {string | null} poster URL of a picture
 * @property {boolean} capture whether what was filmed is at hand
 * @property {boolean} training whether it is trained right now; then step, steps, loss and psnr, as far as known
 * @property {number} [step] @property {number} [steps] @property {number} [loss] @property {number} [psnr]
 * @property {string} [ended] how the training has ended, in a sentence
 * @property {boolean} film whether it can render an MP4
 * @property {number | null} bytes size of the file
 */
/**
 * @typedef {object} View what to draw
 * @property {number} frame
 * @property {number[]} R [9] and @property {number[]} T [3] world to camera, metres
 * @property {number} [fov] vertical, radians; or a lens:
 * @property {number[]} [K] [9] in pixels of an image of @property {number} [width] x @property {number} [height]
 * @property {boolean} moving more will follow at once: a draft is enough
 * @property {"colour" | "depth" | "opacity" | "occupancy"} layer
 * @property {number[] | null} background [3] 0 to 1; null: transparent
 * @property {number} exposure stops, in linear light
 */

/**
 * Draws pictures of a clip on a canvas. Events:
 * "picture" {view, kind: "draft" | "full", width, height, ms: {queue, render, encode, transfer, decode}, bytes};
 * "buffer": `buffered()` has changed; "clip": `clip` has changed; "error" {message, fatal, lasting: pictures come all the same}.
 */
export class Engine extends EventTarget {
  /** @type {Clip} after `open` */
  // @ts-ignore
  clip;

  /** @returns {Promise<void>} rejects with an Error whose message people can read */
  async open() {
    throw new Error("this engine cannot open anything");
  }

  /** The canvas to draw on, which fills the picture's place; the page sets its size in device pixels. May change. */
  attach(/** @type {HTMLCanvasElement} */ _canvas) {}

  /** Draw this; of several requests the newest counts. */
  request(/** @type {View} */ _view) {}

  /** @returns {number[][]} [first, stop] of the frames that can be drawn at once */
  buffered() {
    return [];
  }

  /** @returns {Promise<Blob>} the present picture as PNG, as large as the canvas, in full quality */
  async capture() {
    throw new Error("this engine takes no pictures");
  }

  /** What a camera filmed. @returns {Promise<ImageBitmap | null>} null: it is not at hand */
  async truth(/** @type {number} */ _camera, /** @type {number} */ _frame, /** @type {number} */ _width) {
    return null;
  }

  /** @returns {string | null | Promise<string | null>} URL of a small picture of what a camera sees, at once or when it is drawn */
  thumbnail(/** @type {number} */ _camera) {
    return null;
  }

  /**
   * @param {object} _path the JSON of `dymap render --cameras`
   * @param {{size: number[], fps: number, onprogress?: (share: number) => void, signal?: AbortSignal, background?: number[]}} _options
   * @returns {Promise<Blob>} MP4
   */
  async film(_path, _options) {
    throw new Error("this engine renders no films");
  }

  close() {}

  /** @param {string} type @param {object} [detail] */
  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
