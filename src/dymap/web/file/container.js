// @ts-check
/** The container of version 2: a preamble, a JSON header with a table of chunks, and the chunks (docs/format.md). */
import { crc32 } from "./crc.js";
import { ClipFault, shortText } from "./faults.js";
import { nextTurn } from "./turns.js";

export const FIRST_REQUEST = 256 * 1024; // bytes that are asked for first: header and poster, unless a clip is very long
const FORMAT_MAGIC = [0x89, 0x64, 0x79, 0x6d, 0x61, 0x70, 0x0a, 0x1a];
const FORMAT_PREAMBLE = 24;
const MAX_HEADER = 16 * 2 ** 20;
const MAX_CHUNKS = 100_000;
const CHECKED = 2 ** 21; // bytes of which a checksum is made at a time

/**
 * @typedef {object} Chunk
 * @property {string} kind poster, common or segment
 * @property {number} offset in the file
 * @property {number} length bytes
 * @property {number} crc32
 * @property {unknown} [segment] its number
 * @property {unknown} [sections] [name, length] of what lies in it, in order
 */

/**
 * Reads preamble and header, and checks that the chunks are back to back up to the end of the file.
 * @param {import("./source.js").Source} source
 * @returns {Promise<{header: Record<string, unknown>, chunks: Chunk[], bytes: number}>} bytes: of the whole file
 * Throws ClipFault for what is no whole file of version 2.
 */
export async function readContainer(source) {
  const size = await source.size();
  const front = await source.read(0, Math.min(FORMAT_PREAMBLE, size ?? FORMAT_PREAMBLE));
  const length = headerLength(source.name, front, size);
  const text = await source.read(FORMAT_PREAMBLE, length);
  const view = new DataView(front.buffer, front.byteOffset);
  if (crc32(text) !== view.getUint32(16, true)) {
    throw new ClipFault(`${source.name}: damaged header (it is not what was written: its checksum differs)`);
  }
  const header = parsedHeader(source.name, text);
  try {
    const chunks = chunkTable(header, FORMAT_PREAMBLE + length, size);
    const last = chunks[chunks.length - 1];
    return { header, chunks, bytes: last ? last.offset + last.length : FORMAT_PREAMBLE + length };
  } catch (error) {
    throw damagedHeader(source.name, error);
  }
}

/**
 * The bytes of a chunk, which must be those that were written.
 * @param {import("./source.js").Source} source
 * @param {Chunk} chunk
 * @param {import("./source.js").ReadOptions} [options]
 */
export async function readChunk(source, chunk, options) {
  const data = await source.read(chunk.offset, chunk.length, options);
  let sum = 0;
  for (let at = 0; at < data.length; at += CHECKED) {
    if (at) await nextTurn();
    sum = crc32(data.subarray(at, at + CHECKED), sum);
  }
  if (sum !== chunk.crc32) {
    throw new ClipFault(`${source.name}: damaged file (its ${chunk.kind} is not what was written: its checksum differs)`);
  }
  return data;
}

/**
 * Where the sections of a chunk lie in its bytes.
 * @param {Chunk} chunk whose sections were checked
 * @param {Uint8Array} data
 * @returns {Record<string, Uint8Array>}
 */
export function sectionsOf(chunk, data) {
  /** @type {Record<string, Uint8Array>} */
  const sections = {};
  let at = 0;
  for (const [name, length] of /** @type {[string, number][]} */ (chunk.sections)) {
    sections[name] = data.subarray(at, at + length);
    at += length;
  }
  return sections;
}

/**
 * The sentence for what a header says that cannot be; bugs are passed on.
 * @param {string} name of the file
 * @param {unknown} error
 */
export function damagedHeader(name, error) {
  return error instanceof ClipFault ? new ClipFault(`${name}: damaged header (${error.message})`) : error;
}

/**
 * @param {string} name
 * @param {Uint8Array} front the first bytes of the file
 * @param {number | null} size of the file; null: nobody knows
 */
function headerLength(name, front, size) {
  if (!FORMAT_MAGIC.every((byte, index) => front[index] === byte)) throw new ClipFault(`${name}: ${whatElse(front)}`);
  const view = new DataView(front.buffer, front.byteOffset, front.length);
  if (front.length < FORMAT_PREAMBLE || crc32(front.subarray(0, 20)) !== view.getUint32(20, true)) {
    throw new ClipFault(`${name}: damaged file (its first bytes are not what was written)`);
  }
  const version = view.getUint32(8, true);
  if (version !== 2) throw new ClipFault(`${name}: version ${version} of the file format; this player reads version 2`);
  const length = view.getUint32(12, true);
  const most = Math.min(MAX_HEADER, size === null ? MAX_HEADER : size - FORMAT_PREAMBLE);
  if (length > most) {
    throw new ClipFault(`${name}: damaged or cut file (a header of ${length} bytes in a file of ${size ?? "unknown size"})`);
  }
  return length;
}

/**
 * What a file is that does not begin as one of version 2.
 * @param {Uint8Array} front
 */
function whatElse(front) {
  if (front.length === 0) return "the file is empty";
  const text = String.fromCharCode(...front);
  if (/^\s*</.test(text)) return "this is a web page and no dymap file; the address may be wrong, or ask for a password";
  // Version 1 is a safetensors file: the length of its header in 8 bytes, then JSON.
  if (front.length > 8 && front[8] === 0x7b && front[6] === 0 && front[7] === 0) {
    return "this is a file of version 1, which browsers do not read; `dymap pack` makes one of version 2 of it";
  }
  return "this is no dymap file";
}

/**
 * @param {string} name
 * @param {Uint8Array} text
 * @returns {Record<string, unknown>}
 */
function parsedHeader(name, text) {
  let header;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text));
  } catch {
    throw new ClipFault(`${name}: damaged header (it is no JSON)`);
  }
  if (header === null || typeof header !== "object" || Array.isArray(header)) {
    throw new ClipFault(`${name}: damaged header (expected a mapping, found ${shortText(header)})`);
  }
  return header;
}

/**
 * @param {Record<string, unknown>} header
 * @param {number} start where the first chunk begins
 * @param {number | null} size of the file
 * @returns {Chunk[]}
 */
function chunkTable(header, start, size) {
  const held = header.chunks;
  if (!Array.isArray(held) || held.length > MAX_CHUNKS) throw new ClipFault(`chunks is no list of at most ${MAX_CHUNKS}`);
  let at = start;
  const chunks = held.map((entry) => {
    const { kind, offset, length, crc32: sum } = entry ?? {};
    if (typeof kind !== "string" || ![offset, length, sum].every((n) => Number.isSafeInteger(n) && n >= 0)) {
      throw new ClipFault("a chunk without kind, offset, length or crc32");
    }
    if (offset !== at) throw new ClipFault(`a chunk at ${offset}, expected at ${at}, where the one before ends`);
    at += length;
    return { kind: shortText(kind), offset, length, crc32: sum, segment: entry.segment, sections: entry.sections };
  });
  if (size !== null && at !== size) {
    throw new ClipFault(`its chunks end at byte ${at}, but the file has ${size}: it was cut, or something was added`);
  }
  if (!Number.isSafeInteger(at)) throw new ClipFault(`chunks that end at byte ${at}`);
  return chunks;
}
