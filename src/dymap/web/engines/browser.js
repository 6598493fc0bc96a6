// @ts-check
/** Engine "browser": this machine's GPU draws, out of a file that it reads itself (docs/stage.md). */
import { Clip } from "../file/clip.js";
import { depthRange, rayDepths, seenDepths } from "../gpu/depths.js";
import { Gpu } from "../gpu/device.js";
import { GpuFrames } from "../gpu/frames.js";
import { compileKernels } from "../gpu/kernels.js";
import { GpuMarch } from "../gpu/march.js";
import { GpuPace } from "../gpu/pace.js";
import { GpuPresenter } from "../gpu/present.js";
import { kernelConstants } from "../gpu/sizes.js";
import { Engine } from "./engine.js";

const BAND_TIME = 12; // ms of a full picture, before a newer request is looked at
const LOST_TWICE = "The GPU was lost again; reload the page, or close other pages that use it.";

/** @typedef {import("./engine.js").View} View */
/** @typedef {{gpu: Gpu, frames: GpuFrames, march: GpuMarch, presenter: GpuPresenter}} Works all that lives on a device */

export class BrowserEngine extends Engine {
  /**
   * @param {ConstructorParameters<typeof Clip>[0]} from an address, a file, or bytes
   * @param {ConstructorParameters<typeof Clip>[1] & {numbers?: import("../gpu/sizes.js").GpuNumbers}} [options]
   */
  constructor(from, options = {}) {
    super();
    this.file = new Clip(from, options);
    this.numbers = options.numbers;
    this.pace = new GpuPace();
    /** @type {HTMLCanvasElement | null} */
    this.canvas = null;
    /** @type {Works | null} */
    this.works = null;
    /** @type {Promise<Works> | null} */
    this.starting = null;
    /** @type {View | null} the newest, until it is drawn */
    this.wanted = null;
    /** @type {View | null} of the picture that is shown, or was asked for last */
    this.view = null;
    /** @type {import("../gpu/march.js").GpuPicture | null} on the canvas */
    this.shown = null;
    this.askedAt = 0;
    this.drawing = false;
    this.losses = 0; // of the device
    this.closed = false;
    /** @type {AbortController | null} of the frame that is waited for */
    this.waiting = null;
    /** @type {number[]} the last two frames that were drawn: which way time goes */
    this.past = [];
    this.reading = Promise.resolve(); // whoever reads a picture back, one after the other
  }

  async open() {
    const opening = Gpu.open({ numbers: this.numbers });
    opening.catch(() => {}); // told below
    this.clip = Object.assign(await this.file.open(), { capture: false, training: false, film: false });
    this.file.addEventListener("clip", () => this.tell("clip"));
    this.file.addEventListener("buffer", () => this.tell("buffer"));
    this.file.segment(0).catch(() => {}); // its frames will be wanted first: they are read while kernels are compiled
    await opening;
    const { field, levels, grid } = /** @type {import("../file/facts.js").Facts} */ (this.file.facts);
    kernelConstants(field, levels, grid); // says so if networks are too large
    this.start(opening).catch(() => {}); // told with the first picture
  }

  /** @param {HTMLCanvasElement} canvas */
  attach(canvas) {
    this.canvas = canvas;
    this.works?.presenter.attach(canvas);
    if (this.view) this.request(this.view);
  }

  /** @param {View} view */
  request(view) {
    // What is being loaded is needed still, if the new frame lies in the same segment.
    if (this.view && this.segmentsOf(view.frame) !== this.segmentsOf(this.view.frame)) this.waiting?.abort();
    this.wanted = this.view = view;
    this.askedAt = performance.now();
    if (!this.drawing) this.work();
  }

  /** @param {number} frame */
  segmentsOf(frame) {
    return frame >= 0 && frame < this.clip.frames ? String(this.file.shares(frame).map(({ segment }) => segment)) : "";
  }

  buffered() {
    return this.file.buffered();
  }

  async capture() {
    const { view } = this;
    const { width, height } = this.canvas ?? {};
    if (!view || !width || !height) throw new Error("there is no picture yet");
    const bytes = await this.pixels({ ...view, moving: false }, width, height);
    const surface = new OffscreenCanvas(width, height);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (surface.getContext("2d"));
    context.putImageData(new ImageData(/** @type {any} */ (bytes), width, height), 0, 0);
    return surface.convertToBlob({ type: "image/png" });
  }

  /**
   * What a view shows, in full quality: [height * width * 4] bytes of red, green, blue and straight alpha.
   * @param {View} view
   * @param {number} width pixels
   * @param {number} height
   */
  pixels(view, width, height) {
    return this.apart(view, width, height, (works, picture) => works.presenter.bytes(picture, view, depthRange(view, this.clip.boxes)));
  }

  /**
   * Colours and depths of a view, for compositing: rgb over black and opacity [height * width * 4]; and metres along the
   * ray [height * width], of which the light that passes has a share at the ray's end; infinity if a ray misses the box.
   * seen: the same of only what is seen, infinity where nothing is.
   * @param {View} view
   * @param {number} width pixels
   * @param {number} height
   * @returns {Promise<{colours: Float32Array, depths: Float32Array, seen: Float32Array}>}
   */
  numbersOf(view, width, height) {
    return this.apart(view, width, height, async ({ gpu }, picture) => {
      const count = width * height;
      const [colours, both] = await Promise.all([gpu.read(picture.colours, 4 * count), gpu.read(picture.depths, 2 * count)]);
      return { colours, depths: rayDepths(both), seen: seenDepths(colours, both) };
    });
  }

  /**
   * How far away it is what the present picture shows, for compositing: [height * width] metres along the ray, infinity
   * where nothing is seen. Of the picture that a "picture" event tells of, if it is called there.
   * @returns {Promise<{width: number, height: number, depths: Float32Array}>}
   */
  async depth() {
    const { works, shown } = this;
    if (!works || !shown) throw new Error("there is no picture yet");
    const { width, height, colours, depths } = shown;
    const count = width * height;
    const [seen, both] = await Promise.all([works.gpu.read(colours, 4 * count), works.gpu.read(depths, 2 * count)]);
    return { width, height, depths: seenDepths(seen, both) };
  }

  close() {
    this.closed = true;
    this.waiting?.abort();
    this.file.close();
    this.letGo();
  }

  /**
   * Draw a picture beside those on the canvas, and do something with it.
   * @template T
   * @param {View} view
   * @param {number} width
   * @param {number} height
   * @param {(works: Works, picture: import("../gpu/march.js").GpuPicture) => Promise<T>} read
   * @returns {Promise<T>}
   */
  apart(view, width, height, read) {
    const done = this.reading.then(async () => {
      const works = await this.start();
      const parts = await works.frames.take(view.frame);
      const march = new GpuMarch(works.march.kernels, works.frames.facts);
      try {
        const picture = march.picture(width, height);
        march.draw(view, picture, parts, view.moving);
        return await read(works, picture);
      } finally {
        march.destroy();
      }
    });
    this.reading = done.then(() => {}, () => {}); // prettier-ignore
    return done;
  }

  /** Draw what is wanted, one picture after the other, until nothing is. */
  async work() {
    this.drawing = true;
    while (this.wanted && !this.closed) {
      const view = this.wanted;
      this.wanted = null;
      try {
        await this.draw(view);
      } catch (error) {
        if (!this.closed && !(error instanceof DOMException && error.name === "AbortError")) {
          this.tell("error", { message: /** @type {Error} */ (error).message, fatal: false });
        }
      }
    }
    this.drawing = false;
  }

  /** @param {View} view */
  async draw(view) {
    const asked = this.askedAt;
    const works = await this.start();
    const begun = performance.now();
    this.waiting = new AbortController();
    const parts = await works.frames.take(view.frame, this.waiting.signal);
    const { canvas } = this;
    if (!canvas || this.works !== works) return;
    const decoded = performance.now();
    const pixels = canvas.width * canvas.height;
    const draft = view.moving && !this.pace.exact(pixels);
    const share = draft ? this.pace.share(pixels) : 1;
    const [width, height] = [canvas.width, canvas.height].map((side) => Math.max(1, Math.round(side * share)));
    const picture = works.march.picture(width, height);
    if (!(await this.inBands(works, view, picture, parts, draft))) return;
    const rendered = performance.now();
    this.pace.took(width * height, rendered - decoded, draft);
    this.shown = picture;
    works.presenter.show(picture, view, depthRange(view, this.clip.boxes));
    const ms = { queue: begun - asked, render: rendered - decoded, encode: 0, transfer: 0, decode: decoded - begun, all: performance.now() - asked };
    this.tell("picture", { view, kind: draft ? "draft" : "full", width, height, ms, bytes: 0 });
    this.ahead(works, view.frame);
  }

  /**
   * Draw a picture; a full one in bands of rows if that takes long, so that a newer request can end it.
   * @param {Works} works
   * @param {View} view
   * @param {import("../gpu/march.js").GpuPicture} picture
   * @param {{frame: import("../gpu/segment.js").GpuFrame, weight: number}[]} parts
   * @param {boolean} draft
   * @returns {Promise<boolean>} whether it was finished
   */
  async inBands({ gpu, march }, view, picture, parts, draft) {
    const rows = view.moving ? picture.height : Math.max(8, Math.floor(this.pace.pixels(BAND_TIME) / picture.width));
    for (let first = 0; first < picture.height; first += rows) {
      march.draw(view, picture, parts, draft, first, Math.min(first + rows, picture.height));
      await gpu.done();
      if (this.wanted && first + rows < picture.height) return false;
    }
    return true;
  }

  /**
   * Decode the frame that comes next while time runs, if its segment is here and nothing else is wanted.
   * @param {Works} works
   * @param {number} frame
   */
  ahead(works, frame) {
    if (frame !== this.past[1]) this.past = [this.past[1] ?? frame, frame];
    const step = this.past[1] - this.past[0];
    const next = (((frame + step) % this.clip.frames) + this.clip.frames) % this.clip.frames;
    if (step && Math.abs(step) < 8 && works.frames.ready(next)) works.frames.take(next).catch(() => {});
  }

  /**
   * The device and all that lives on it, made once, and again if it is lost.
   * @param {Promise<Gpu>} [opening]
   * @returns {Promise<Works>}
   */
  start(opening) {
    if (!this.starting) {
      this.starting = this.startOn(opening ?? Gpu.open({ numbers: this.numbers }));
      this.starting.catch(() => (this.starting = null));
    }
    return this.starting;
  }

  /**
   * @param {Promise<Gpu>} opening
   * @returns {Promise<Works>}
   */
  async startOn(opening) {
    const gpu = await opening;
    const facts = /** @type {import("../file/facts.js").Facts} */ (this.file.facts);
    const [kernels, presenter] = await Promise.all([compileKernels(gpu, facts), GpuPresenter.make(gpu)]);
    const march = new GpuMarch(kernels, facts);
    const works = { gpu, frames: new GpuFrames(kernels, this.file), march, presenter };
    if (this.canvas) presenter.attach(this.canvas);
    gpu.device.lost.then(() => this.lost(works));
    gpu.device.addEventListener("uncapturederror", (event) => {
      this.tell("error", { message: `The GPU reports: ${/** @type {any} */ (event).error.message}`, fatal: false });
    });
    this.works = works;
    return works;
  }

  /** @param {Works} works whose device was lost */
  lost(works) {
    if (this.closed || this.works !== works) return;
    this.works = this.starting = this.shown = null;
    if (++this.losses > 1) {
      this.tell("error", { message: LOST_TWICE, fatal: true });
      this.closed = true;
    } else if (this.view) this.request(this.view);
  }

  letGo() {
    const { works } = this;
    this.works = this.starting = null;
    if (!works) return;
    works.frames.destroy();
    works.march.destroy();
    works.gpu.device.destroy();
  }
}
