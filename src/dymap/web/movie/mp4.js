// @ts-check
/** An MP4 of one track of pictures: its index first, so that it plays while it comes (ISO/IEC 14496-12, -15). */

const MATRIX = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000]; // unturned
const MOVIE_SCALE = 1000; // units a second of the film's length
const FRAME_SCALE = 1000; // units of a frame's length: rates need not be whole
const MOST_BYTES = 2 ** 32 - 1;
const BT709 = 1; // primaries, transfer and matrix (ITU-T H.273)

/**
 * @typedef {{data: Uint8Array<ArrayBuffer>, key: boolean, timestamp: number}} Mp4Sample an encoded picture, in the order of
 *   decoding; timestamp: when it is shown, in pictures from the film's beginning
 * @typedef {object} Mp4Track
 * @property {string} codec as WebCodecs names it: avc1.*, vp09.* or av01.*
 * @property {Uint8Array | null} description of H.264: its AVCDecoderConfigurationRecord
 * @property {number} width pixels @property {number} height @property {number} fps
 */

/**
 * @param {Mp4Track} track
 * @param {Mp4Sample[]} samples
 * @returns {Blob}
 */
export function mp4Of(track, samples) {
  const bytes = samples.reduce((sum, { data }) => sum + data.length, 0);
  const front = box("ftyp", text("isom"), u32(512), text("isomiso2mp41"));
  const length = movie(track, samples, 0).length; // the same wherever the pictures lie
  const at = front.length + length + 8;
  if (at + bytes > MOST_BYTES) throw new Error("the film is larger than 4 GB; a smaller size, or a shorter path, fits");
  const head = new Uint8Array([...u32(8 + bytes), ...text("mdat")]);
  return new Blob([front, movie(track, samples, at), head, ...samples.map(({ data }) => data)], { type: "video/mp4" });
}

/**
 * @param {Mp4Track} track
 * @param {Mp4Sample[]} samples
 * @param {number} at where the first picture lies in the file
 */
function movie(track, samples, at) {
  const { width, height, fps } = track;
  const length = Math.round((samples.length / fps) * MOVIE_SCALE);
  const scale = Math.round(fps * FRAME_SCALE);
  const head = full("mvhd", 0, 0, u32(0, 0, MOVIE_SCALE, length, 0x10000), u16(0x100, 0), u32(0, 0, ...MATRIX, 0, 0, 0, 0, 0, 0, 2));
  const shown = u32(...MATRIX, width << 16, height << 16);
  const trackHead = full("tkhd", 0, 3, u32(0, 0, 1, 0, length, 0, 0), u16(0, 0, 0, 0), shown);
  const mediaHead = full("mdhd", 0, 0, u32(0, 0, scale, samples.length * FRAME_SCALE), u16(0x55c4, 0)); // no language
  const handler = full("hdlr", 0, 0, u32(0), text("vide"), u32(0, 0, 0), text("dymap\0"));
  const here = box("dinf", full("dref", 0, 0, u32(1), full("url ", 0, 1)));
  const table = box("stbl", full("stsd", 0, 0, u32(1), entry(track)), ...index(samples, at));
  const media = box("mdia", mediaHead, handler, box("minf", full("vmhd", 0, 1, u16(0, 0, 0, 0)), here, table));
  return box("moov", head, box("trak", trackHead, media));
}

/**
 * When each picture is shown, which need no other, how large they are, and where: all in one piece.
 * @param {Mp4Sample[]} samples
 * @param {number} at
 */
function index(samples, at) {
  const count = samples.length;
  const delays = samples.map(({ timestamp }, k) => (timestamp - k) * FRAME_SCALE);
  const keys = samples.flatMap(({ key }, k) => (key ? [k + 1] : []));
  return [
    full("stts", 0, 0, u32(1, count, FRAME_SCALE)),
    ...(delays.some(Boolean) ? [full("ctts", 1, 0, u32(count), words(delays.flatMap((delay) => [1, delay])))] : []),
    full("stss", 0, 0, u32(keys.length), words(keys)),
    full("stsc", 0, 0, u32(1, 1, count, 1)),
    full("stsz", 0, 0, u32(0, count), words(samples.map(({ data }) => data.length))),
    full("stco", 0, 0, u32(1, at)),
  ];
}

/**
 * How pictures are coded.
 * @param {Mp4Track} track
 */
function entry({ codec, description, width, height }) {
  const [kind, ...numbers] = codec.split(".");
  const picture = [u32(0), u16(0, 1), u32(0, 0, 0, 0), u16(width, height), u32(0x480000, 0x480000, 0), u16(1), new Uint8Array(32), u16(24, 0xffff)];
  const colours = box("colr", text("nclx"), u16(BT709, BT709, BT709), [0]); // limited range
  return box(kind, ...picture, configuration(kind, numbers, description), colours);
}

/**
 * @param {string} kind
 * @param {string[]} numbers of the codec's name
 * @param {Uint8Array | null} description
 */
function configuration(kind, numbers, description) {
  if (kind === "avc1") {
    if (!description) throw new Error("the browser's encoder does not say how its H.264 is to be decoded");
    return box("avcC", description);
  }
  const [profile, level] = [Number(numbers[0]), parseInt(numbers[1], 10)];
  if (kind === "vp09") return full("vpcC", 1, 0, [profile, level, (8 << 4) | (1 << 1), BT709, BT709, BT709, 0, 0]); // 8 bits, 4:2:0
  if (kind === "av01") return box("av1C", [0x81, (profile << 5) | level, 0x0c, 0]); // 8 bits, 4:2:0
  throw new Error(`films of ${kind} cannot be written`);
}

/**
 * @param {string} kind four letters
 * @param {...ArrayLike<number>} parts
 */
function box(kind, ...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 8);
  const out = new Uint8Array(length);
  out.set([...u32(length), ...text(kind)]);
  let at = 8;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * A box with a version and flags.
 * @param {string} kind
 * @param {number} version
 * @param {number} flags
 * @param {...ArrayLike<number>} parts
 */
function full(kind, version, flags, ...parts) {
  return box(kind, u32((version << 24) | flags), ...parts);
}

/** @param {string} letters */
function text(letters) {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** Big-endian numbers of 32 bits. @param {...number} values */
function u32(...values) {
  return words(values);
}

/** @param {number[]} values */
function words(values) {
  const out = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, k) => out.setUint32(4 * k, value));
  return new Uint8Array(out.buffer);
}

/** Big-endian numbers of 16 bits. @param {...number} values */
function u16(...values) {
  const out = new DataView(new ArrayBuffer(2 * values.length));
  values.forEach((value, k) => out.setUint16(2 * k, value));
  return new Uint8Array(out.buffer);
}
