// @ts-check
/** Holds the device that draws a clip, and all that lives on it; takes it again if it is lost. */
import { Gpu } from "./device.js";
import { GpuWorks } from "./works.js";

const SHORTLY = 60_000; // ms: a device that is lost again so soon would be lost again and again
const NO_MEMORY = "The GPU has not enough memory left for this clip; close other pages that use it. `dymap view` shows it, too.";
const LOST_TWICE = "The GPU was lost again; reload the page, or close other pages that use it.";

/**
 * @typedef {object} KeeperHooks
 * @property {() => number} frame of the clip that will be wanted first
 * @property {(works: GpuWorks) => void} made
 * @property {() => void} lost what was made is gone, and can be made again
 * @property {(message: string, fatal: boolean) => void} complain
 */

export class GpuKeeper {
  /**
   * @param {import("../file/clip.js").Clip} file
   * @param {import("./sizes.js").GpuNumbers | undefined} numbers
   * @param {KeeperHooks} hooks
   */
  constructor(file, numbers, hooks) {
    this.file = file;
    this.numbers = numbers;
    this.hooks = hooks;
    /** @type {GpuWorks | null} */
    this.works = null;
    /** @type {Promise<GpuWorks> | null} */
    this.starting = null;
    /** @type {GPUDevice | null} */
    this.device = null;
    this.lostAt = -Infinity; // when the device was
    this.closed = false;
  }

  /** A device, which can be asked for before the clip is known. */
  async open() {
    const gpu = await Gpu.open({ numbers: this.numbers });
    this.device = gpu.device;
    if (this.closed) gpu.device.destroy();
    return gpu;
  }

  /**
   * All that lives on a device, made once, and again if it is lost.
   * @param {Promise<Gpu>} [opening] the device, if it was asked for
   * @returns {Promise<GpuWorks>}
   */
  start(opening) {
    if (this.closed) return Promise.reject(new DOMException("the clip is closed", "AbortError"));
    if (!this.starting) {
      const starting = this.startOn(opening ?? this.open());
      starting.catch(() => this.starting === starting && (this.starting = null)); // whoever asks next tries again
      this.starting = starting;
    }
    return this.starting;
  }

  /**
   * @param {Promise<Gpu>} opening
   * @returns {Promise<GpuWorks>}
   */
  async startOn(opening) {
    const gpu = await opening;
    this.listen(gpu.device);
    const works = await GpuWorks.make(gpu, this.file, this.hooks.frame());
    if (this.closed) {
      works.destroy();
      throw new DOMException("the clip is closed", "AbortError");
    }
    gpu.device.lost.then(() => this.lost(works));
    this.works = works;
    this.hooks.made(works);
    return works;
  }

  /** @param {GPUDevice} device */
  listen(device) {
    device.addEventListener("uncapturederror", (event) => {
      const { error } = /** @type {GPUUncapturedErrorEvent} */ (event);
      this.hooks.complain(error instanceof GPUOutOfMemoryError ? NO_MEMORY : `The GPU reports: ${error.message}`, false);
    });
  }

  /** @param {GpuWorks} works whose device was lost */
  lost(works) {
    if (this.closed || this.works !== works) return;
    this.works = this.starting = null;
    const now = performance.now();
    if (now - this.lostAt < SHORTLY) {
      this.hooks.complain(LOST_TWICE, true);
      this.closed = true;
    } else this.hooks.lost();
    this.lostAt = now;
  }

  close() {
    this.closed = true;
    this.works?.destroy();
    this.device?.destroy();
    this.works = this.starting = null;
  }
}
