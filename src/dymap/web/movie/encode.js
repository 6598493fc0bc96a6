// @ts-check
/** Pictures become an MP4 by the browser's own encoder (WebCodecs). */
import { planesOf } from "./colours.js";
import { mp4Of } from "./mp4.js";

const BITS_A_PIXEL = 0.25; // of a film at 25 pictures a second
const LEAST_BITS = 2e6; // a second
const KEY_EVERY = 2; // seconds
const MOST_WAITING = 4; // pictures that may wait for the encoder
const MICROSECONDS = 1e6;
const COLOURS = /** @type {const} */ ({ primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false });
const NO_ENCODER = "this browser has no encoder for films";

/**
 * @typedef {object} FilmPlan
 * @property {number[]} size [2] pixels @property {number} fps @property {number} count pictures
 * @property {(index: number) => Promise<Uint8ClampedArray>} picture [height, width, 4] opaque
 * @property {(share: number) => void} [onprogress] of what is done, 0 to 1
 * @property {AbortSignal} [signal]
 */

/** Whether a browser may have an encoder; which sizes it takes is known when it is asked. */
export const mayEncode = () => typeof globalThis.VideoEncoder === "function";

/**
 * @param {FilmPlan} plan
 * @returns {Promise<Blob>} MP4
 * Rejects with an Error whose message people can read; with the signal's reason when it is aborted.
 */
export async function encodeFilm({ size: [width, height], fps, count, picture, onprogress, signal }) {
  const config = await encoderFor(width, height, fps);
  const film = new FilmEncoder(config, fps);
  try {
    for (let index = 0; index < count; index++) {
      signal?.throwIfAborted();
      const pixels = await picture(index);
      await film.add(pixels, index);
      onprogress?.((index + 1) / count);
    }
    signal?.throwIfAborted();
    return await film.finish();
  } finally {
    film.close();
  }
}

/**
 * The first of these that the browser can encode in such a size: H.264, which plays everywhere, VP9, AV1.
 * @param {number} width
 * @param {number} height
 * @param {number} fps
 * @returns {Promise<VideoEncoderConfig>}
 */
export async function encoderFor(width, height, fps) {
  if (!mayEncode()) throw new Error(NO_ENCODER);
  for (const codec of codecsFor(width, height, fps)) {
    /** @type {VideoEncoderConfig} */
    const config = {
      codec, width, height, framerate: fps, latencyMode: "quality",
      bitrate: Math.round(Math.max(LEAST_BITS, BITS_A_PIXEL * width * height * fps)),
      ...(codec.startsWith("avc1") ? { avc: { format: /** @type {const} */ ("avc") } } : {}),
    }; // prettier-ignore
    const { supported } = await VideoEncoder.isConfigSupported(config).catch(() => ({ supported: false }));
    if (supported) return config;
  }
  throw new Error(`${NO_ENCODER} of ${width} x ${height} pixels`);
}

/**
 * Names of codecs with a level that allows such films (ITU-T H.264, A.3; VP9 and AV1: by the rate of pixels).
 * @param {number} width
 * @param {number} height
 * @param {number} fps
 */
function codecsFor(width, height, fps) {
  const blocks = Math.ceil(width / 16) * Math.ceil(height / 16);
  const level = blocks <= 3600 && blocks * fps <= 108_000 ? "1f" : blocks <= 8192 && blocks * fps <= 245_760 ? "28" : blocks * fps <= 522_240 ? "2a" : "34";
  const large = width * height > 2_228_224 || width * height * fps > 150_000_000;
  return [`avc1.6400${level}`, `avc1.4d00${level}`, `avc1.42e0${level}`, `vp09.00.${large ? 51 : 41}.08`, `av01.0.${large ? "13" : "09"}M.08`];
}

/** An encoder, and what came out of it. */
class FilmEncoder {
  /**
   * @param {VideoEncoderConfig} config
   * @param {number} fps
   */
  constructor(config, fps) {
    this.config = config;
    this.fps = fps;
    /** @type {import("./mp4.js").Mp4Sample[]} */
    this.samples = [];
    /** @type {Uint8Array | null} */
    this.description = null;
    /** @type {Error | null} */
    this.fault = null;
    /** @type {(value?: any) => void} whoever waits for the encoder goes on */
    this.stir = () => {};
    const fail = (/** @type {Error} */ fault) => {
      this.fault = fault;
      this.stir();
    };
    this.encoder = new VideoEncoder({ output: (chunk, about) => this.came(chunk, about), error: fail });
    this.encoder.configure(config);
  }

  /**
   * @param {Uint8ClampedArray} pixels
   * @param {number} index
   */
  async add(pixels, index) {
    while (this.encoder.encodeQueueSize > MOST_WAITING && !this.fault) {
      await new Promise((resolve) => {
        this.stir = resolve;
        this.encoder.addEventListener("dequeue", resolve, { once: true });
      });
    }
    this.check();
    const { width, height } = this.config;
    const timestamp = Math.round((index * MICROSECONDS) / this.fps);
    const shape = { format: /** @type {const} */ ("I420"), codedWidth: width, codedHeight: height, timestamp, colorSpace: COLOURS };
    const frame = new VideoFrame(planesOf(pixels, width, height), shape);
    this.encoder.encode(frame, { keyFrame: index % Math.ceil(KEY_EVERY * this.fps) === 0 });
    frame.close();
  }

  async finish() {
    await this.encoder.flush().catch((fault) => (this.fault ??= fault));
    this.check();
    const { codec, width, height } = this.config;
    return mp4Of({ codec, description: this.description, width, height, fps: this.fps }, this.samples);
  }

  /**
   * @param {EncodedVideoChunk} chunk
   * @param {EncodedVideoChunkMetadata} [about]
   */
  came(chunk, about) {
    const told = about?.decoderConfig?.description;
    if (told) this.description = bytesIn(told);
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const timestamp = Math.round((chunk.timestamp * this.fps) / MICROSECONDS);
    this.samples.push({ data, key: chunk.type === "key", timestamp });
  }

  check() {
    if (this.fault) throw new Error(`the browser's encoder gave up: ${this.fault.message}`);
    if (this.encoder.state === "closed") throw new Error("the browser's encoder gave up");
  }

  close() {
    if (this.encoder.state !== "closed") this.encoder.close();
  }
}

/** @param {AllowSharedBufferSource} source */
function bytesIn(source) {
  const view = ArrayBuffer.isView(source) ? source : new Uint8Array(source);
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
}
