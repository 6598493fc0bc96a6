// @ts-check
/** All that a clip has on a device: its kernels, its frames, what draws pictures and what shows them. */
import { rayDepths, seenDepths } from "./depths.js";
import { GpuFrames } from "./frames.js";
import { compileKernels } from "./kernels.js";
import { GpuMarch } from "./march.js";
import { GpuPresenter } from "./present.js";

/**
 * @typedef {import("../engines/engine.js").View} View
 * @typedef {import("./march.js").GpuPicture} GpuPicture
 */

export class GpuWorks {
  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {import("../file/clip.js").Clip} file
   * @param {number} frame of the clip that will be wanted first: it is decoded while the march is compiled
   * @returns {Promise<GpuWorks>}
   */
  static async make(gpu, file, frame) {
    const facts = /** @type {import("../file/facts.js").Facts} */ (file.facts);
    /** @type {GpuFrames | null} */
    let frames = null;
    const begin = (/** @type {import("./kernels.js").Kernels} */ kernels) => {
      frames = new GpuFrames(kernels, file);
      frames.take(frame).catch(() => {}); // told when it is drawn
    };
    const [kernels, presenter] = await Promise.all([compileKernels(gpu, facts, begin), GpuPresenter.make(gpu)]);
    return new GpuWorks(gpu, frames ?? new GpuFrames(kernels, file), new GpuMarch(kernels, facts), presenter);
  }

  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {GpuFrames} frames
   * @param {GpuMarch} march of the pictures on the canvas
   * @param {GpuPresenter} presenter
   */
  constructor(gpu, frames, march, presenter) {
    this.gpu = gpu;
    this.frames = frames;
    this.march = march;
    this.presenter = presenter;
    this.lost = false; // the device: nothing that was asked of it comes any more
    gpu.device.lost.then(() => (this.lost = true));
  }

  /**
   * Draw a picture beside those on the canvas, band by band, and do something with it.
   * @template T
   * @param {View} view
   * @param {number} width pixels
   * @param {number} height
   * @param {number} rows of a band
   * @param {(picture: GpuPicture) => Promise<T>} read
   * @returns {Promise<T>}
   */
  async apart(view, width, height, rows, read) {
    const parts = await this.frames.take(view.frame);
    const march = new GpuMarch(this.march.kernels, this.frames.facts);
    const release = this.frames.hold(parts);
    try {
      const picture = march.picture(width, height);
      for (let first = 0; first < height; first += rows) {
        march.draw(view, picture, parts, view.moving, first, Math.min(first + rows, height));
        await this.gpu.done();
      }
      return await read(picture);
    } finally {
      release();
      march.destroy();
    }
  }

  /**
   * Colours, and depths as whoever composites wants them (depths.js), of a picture that was drawn.
   * @param {GpuPicture} picture
   */
  async numbers({ width, height, colours, depths }) {
    const [seen, both] = await Promise.all([this.gpu.read(colours, 4 * width * height), this.gpu.read(depths, 2 * width * height)]);
    return { colours: seen, depths: rayDepths(both), seen: seenDepths(seen, both) };
  }

  destroy() {
    this.frames.destroy();
    this.march.destroy();
    this.gpu.device.destroy();
  }
}
