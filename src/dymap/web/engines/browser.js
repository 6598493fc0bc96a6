// @ts-check
/** Engine "browser": this machine's GPU draws, out of a file that it reads itself (docs/stage.md). */
import { Clip } from "../file/clip.js";
import { encodeFilm, mayEncode } from "../movie/encode.js";
import { depthRange } from "../gpu/depths.js";
import { GpuKeeper } from "../gpu/keeper.js";
import { GpuPace } from "../gpu/pace.js";
import { kernelConstants } from "../gpu/sizes.js";
import { Engine } from "./engine.js";
import { imageFile, thumbnailSize, viewsOfPath } from "./pictures.js";
import { Thumbnails } from "./thumbnails.js";

const BAND_TIME = 12; // ms of a full picture, before a newer request is looked at
const PLAIN = { moving: false, layer: /** @type {const} */ ("colour"), background: [0, 0, 0], exposure: 0 };
const LOST_NOW = "The GPU was lost; try again.";

/** @typedef {import("./engine.js").View} View @typedef {import("../gpu/works.js").GpuWorks} GpuWorks */
export class BrowserEngine extends Engine {
  /**
   * @param {ConstructorParameters<typeof Clip>[0]} from an address, a file, or bytes
   * @param {ConstructorParameters<typeof Clip>[1] & {numbers?: import("../gpu/sizes.js").GpuNumbers}} [options]
   */
  constructor(from, options = {}) {
    super();
    this.file = new Clip(from, options);
    this.keeper = new GpuKeeper(this.file, options.numbers, this.hooks());
    this.pace = new GpuPace();
    /** @type {HTMLCanvasElement | null} */
    this.canvas = null;
    /** @type {View | null} the newest, until it is drawn */
    this.wanted = null;
    /** @type {View | null} of the picture that is shown, or was asked for last */
    this.view = null;
    /** @type {import("../gpu/march.js").GpuPicture | null} on the canvas */
    this.shown = null;
    this.askedAt = 0;
    this.drawing = false;
    this.closed = false;
    /** @type {AbortController | null} of the frame that is waited for */
    this.waiting = null;
    /** @type {number[]} the last two frames that were drawn: which way time goes */
    this.past = [];
    this.reading = Promise.resolve(); // whoever reads a picture back, one after the other
    this.thumbnails = new Thumbnails((camera) => this.thumbnailOf(camera), () => this.idle()); // prettier-ignore
  }

  async open() {
    const [reading, opening] = [this.file.open(), this.keeper.open()]; // workers, and the GPU's process, take a while to begin
    for (const begun of [reading, opening]) begun.catch(() => {}); // told below
    this.clip = Object.assign(await reading, { capture: false, training: false, film: mayEncode() });
    this.file.addEventListener("clip", () => this.tell("clip"));
    this.file.addEventListener("buffer", () => this.tell("buffer"));
    this.file.segment(0).catch(() => {}); // its frames will be wanted first: they are read while kernels are compiled
    await opening;
    const { field, levels, grid } = /** @type {import("../file/facts.js").Facts} */ (this.file.facts);
    kernelConstants(field, levels, grid); // says so if networks are too large
    this.keeper.start(opening).catch(() => {}); // told with the first picture
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
    return imageFile(await this.pixels({ ...view, moving: false }, width, height), width, height, "image/png");
  }

  /** @param {number} camera */
  thumbnail(camera) {
    return this.thumbnails.take(camera);
  }

  /** @param {number} camera */
  async thumbnailOf(camera) {
    const { width, height } = thumbnailSize(this.clip.cameras[camera]);
    const view = { ...this.clip.cameras[camera], ...PLAIN, frame: 0, moving: true };
    return imageFile(await this.pixels(view, width, height), width, height, "image/jpeg");
  }

  /**
   * @param {any} path the JSON of `dymap render --cameras`
   * @param {{size: number[], fps: number, onprogress?: (share: number) => void, signal?: AbortSignal, background?: number[]}} options
   */
  film(path, { size, background, ...options }) {
    const views = viewsOfPath(path, this.clip.frames).map((view) => ({ ...view, ...PLAIN, ...(background ? { background } : {}) }));
    const picture = (/** @type {number} */ index) => this.pixels(views[index], size[0], size[1]);
    return encodeFilm({ ...options, size, count: views.length, picture });
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
   * Colours and depths of a view, for compositing: rgb over black and opacity [height * width * 4]; and metres [height *
   * width] as of rayDepths. seen: as of seenDepths (gpu/depths.js).
   * @param {View} view
   * @param {number} width pixels
   * @param {number} height
   * @returns {Promise<{colours: Float32Array, depths: Float32Array, seen: Float32Array}>}
   */
  numbersOf(view, width, height) {
    return this.apart(view, width, height, (works, picture) => works.numbers(picture));
  }

  /**
   * How far away it is what the present picture shows, for compositing: [height * width] metres along the ray, infinity
   * where nothing is seen. Of the picture that a "picture" event tells of, if it is called there.
   * @returns {Promise<{width: number, height: number, depths: Float32Array}>}
   */
  async depth() {
    const { works, shown } = this;
    if (!works || !shown) throw new Error("there is no picture yet");
    const { seen } = await works.numbers(shown);
    return { width: shown.width, height: shown.height, depths: seen };
  }

  close() {
    this.closed = true;
    this.waiting?.abort();
    this.thumbnails.close();
    this.file.close();
    this.keeper.close();
  }

  /**
   * Draw a picture beside those on the canvas, and do something with it.
   * @template T
   * @param {View} view
   * @param {number} width
   * @param {number} height
   * @param {(works: GpuWorks, picture: import("../gpu/march.js").GpuPicture) => Promise<T>} read
   * @returns {Promise<T>}
   */
  apart(view, width, height, read) {
    const draw = async () => {
      const works = await this.start();
      return works.apart(view, width, height, this.bandOf(width), (picture) => read(works, picture)).then(
        (value) => (works.lost ? Promise.reject(new Error(LOST_NOW)) : value), // it may hold nothing
        (error) => Promise.reject(works.lost ? new Error(LOST_NOW) : error),
      );
    };
    const again = (/** @type {Error} */ error) => (error.message === LOST_NOW && !this.closed ? draw() : Promise.reject(error));
    const done = this.reading.then(draw).catch(again);
    this.reading = done.then(() => {}, () => {}); // prettier-ignore
    return done;
  }

  /** Until nobody waits for a picture, or the GPU has time for others between those that are played. */
  async idle() {
    const quick = () => this.pace.quick((this.canvas?.width ?? 0) * (this.canvas?.height ?? 0));
    while (!this.closed && (!this.shown || (!quick() && (this.drawing || this.view?.moving)))) {
      await new Promise((resolve) => this.addEventListener("rest", resolve, { once: true }));
    }
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
    this.tell("rest"); // for `idle`
  }

  /** @param {View} view */
  async draw(view) {
    const asked = this.askedAt;
    const works = await this.start();
    const begun = performance.now();
    this.waiting = new AbortController();
    const parts = await works.frames.take(view.frame, this.waiting.signal);
    const { canvas } = this;
    if (!canvas?.width || !canvas.height || this.works !== works) return; // one without a place shows nothing
    const decoded = performance.now();
    const pixels = canvas.width * canvas.height;
    const draft = view.moving && !this.pace.exact(pixels);
    const share = draft ? this.pace.share(pixels) : 1;
    const [width, height] = [canvas.width, canvas.height].map((side) => Math.max(1, Math.round(side * share)));
    const picture = works.march.picture(width, height);
    if (!(await this.inBands(works, view, picture, parts, draft)) || this.works !== works) return;
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
   * @param {GpuWorks} works
   * @param {View} view
   * @param {import("../gpu/march.js").GpuPicture} picture
   * @param {{frame: import("../gpu/segment.js").GpuFrame, weight: number}[]} parts
   * @param {boolean} draft
   * @returns {Promise<boolean>} whether it was finished
   */
  async inBands({ gpu, frames, march }, view, picture, parts, draft) {
    const rows = view.moving ? picture.height : this.bandOf(picture.width);
    const release = frames.hold(parts);
    try {
      for (let first = 0; first < picture.height; first += rows) {
        march.draw(view, picture, parts, draft, first, Math.min(first + rows, picture.height));
        await gpu.done();
        if (this.wanted && first + rows < picture.height) return false;
      }
    } finally {
      release();
    }
    return true;
  }

  /**
   * Rows that are drawn at a time.
   * @param {number} width pixels
   */
  bandOf(width) {
    return Math.max(8, Math.floor(this.pace.pixels(BAND_TIME) / width));
  }

  /**
   * Decode the frame that comes next while time runs, if its segment is here and nothing else is wanted.
   * @param {GpuWorks} works
   * @param {number} frame
   */
  ahead(works, frame) {
    if (frame !== this.past[1]) this.past = [this.past[1] ?? frame, frame];
    const step = this.past[1] - this.past[0];
    const next = (((frame + step) % this.clip.frames) + this.clip.frames) % this.clip.frames;
    if (step && Math.abs(step) < 8 && works.frames.ready(next)) works.frames.take(next).catch(() => {});
  }

  /** All that lives on a device, which is taken if it is not there. */
  start() {
    return this.keeper.start();
  }

  get works() {
    return this.keeper.works;
  }

  /** @returns {import("../gpu/keeper.js").KeeperHooks} */
  hooks() {
    return {
      frame: () => this.view?.frame ?? 0,
      made: (works) => this.canvas && works.presenter.attach(this.canvas),
      lost: () => {
        this.shown = null;
        if (this.view) this.request(this.view);
      },
      complain: (message, fatal) => {
        this.closed ||= fatal;
        this.tell("error", { message, fatal });
      },
    };
  }
}
