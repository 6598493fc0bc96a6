// @ts-check
/** What the header of a clip says, checked before any memory is taken for it (docs/format.md, Header). */
import { camerasOf, checkTransform, upDirection } from "./cameras.js";
import { asList, asMapping, asNumber, asNumbers, asText, asWhole, asWholeNumbers } from "./checks.js";
import { damagedHeader } from "./container.js";
import { ClipFault, shortText } from "./faults.js";
import { bakeOptions, fieldOptions, renderOptions } from "./options.js";
import { checkShapes, decoderShapes, hashLevels } from "./sizes.js";
import { shapeSize } from "./values.js";

const MAX_CLIP_FRAMES = 200_000;
const MAX_CLIP_VIEWS = 4096;
const MAX_CLIP_TEXT = 10_000; // letters of a title, an author and a licence
const MAX_POSTER = 2 ** 24;
// Small files hold no more than a few millions, and so many for each of their bytes.
const MAX_FIELD_VALUES = 2 ** 27; // of a segment's field
const FIELD_VALUES_A_BYTE = 256;
const MAX_GRID_VOXELS = 2 ** 26; // of a frame
const MAX_SEGMENT_VOXELS = 2 ** 30; // of a segment; a bit each
const VOXELS_A_BYTE = 2 ** 10;
const MAX_STEP = 9.999e29;

/**
 * @typedef {object} Span frames first to stop - 1 of the clip
 * @property {number} first @property {number} stop
 *
 * @typedef {object} Facts
 * @property {string} name @property {string} title @property {string} author @property {string} licence
 * @property {number} fps @property {number[]} numbers frame numbers; how many there are is the length of the clip
 * @property {number[]} box [6] the median box: minimum, maximum, metres, world
 * @property {number[]} viewerBox scale about the centre of a frame's box, then shift in metres along x, y and z
 * @property {import("./cameras.js").ClipCamera[]} cameras @property {number[]} up unit vector [3], world
 * @property {import("./options.js").FieldOptions} field
 * @property {{samples: number, max_samples: number, background: "black" | "white"}} render
 * @property {number[]} grid [gx, gy, gz] voxels of a frame
 * @property {import("./sizes.js").HashLevels} levels @property {[string, number[]][]} shapes of the decoder's parameters
 * @property {Span[]} spans of the segments
 * @property {Quantiser} quantiser
 * @property {Record<string, [string, number]> | null} start of the decoder's parameters: kind and factor
 *
 * @typedef {object} Quantiser
 * @property {number | null} start seed of what the decoder began with
 * @property {Record<string, number>} decoder steps
 * @property {{codes: number, hash: number[]}[]} segments steps
 */

/**
 * @param {string} name of the file
 * @param {Record<string, any>} header
 * @param {import("./container.js").Chunk[]} chunks
 * @returns {Facts}
 * Throws ClipFault that names what is wrong.
 */
export function factsOf(name, header, chunks) {
  try {
    return checkedFacts(header, chunks);
  } catch (error) {
    throw damagedHeader(name, error);
  }
}

/**
 * @param {Record<string, any>} header
 * @param {import("./container.js").Chunk[]} chunks
 * @returns {Facts}
 */
function checkedFacts(header, chunks) {
  const field = fieldOptions(header.field);
  const { grid } = bakeOptions(header.bake);
  const render = renderOptions(header.render);
  const numbers = asWholeNumbers(header.frames, "frames", MAX_CLIP_FRAMES, 2 ** 53);
  if (numbers.length === 0) throw new ClipFault("no frames");
  const views = [header.train_views, header.test_views].map((v) => asWholeNumbers(v, "a list of views", MAX_CLIP_VIEWS, MAX_CLIP_VIEWS));
  asWholeNumbers(header.path_views, "path_views", MAX_CLIP_VIEWS, MAX_CLIP_VIEWS);
  const cameras = camerasOf(header.cameras, views[1]);
  checkTransform(header.transform);
  const lost = views.flat().find((view) => view >= cameras.length);
  if (lost !== undefined) throw new ClipFault(`view ${lost} of ${cameras.length} cameras`);
  const spans = spansOf(header.segments, numbers.length);
  const shapes = decoderShapes(field);
  const levels = hashLevels(header.hash_levels, field.hash);
  checkSizes(field, shapes, levels, grid, spans, chunks);
  checkShapes(header.decoder_shapes, shapes);
  const quantiser = quantiserOf(asMapping(header.quantiser, "quantiser"), shapes, field.hash.levels, spans.length);
  const start = startOf(header.decoder_start, quantiser.start, shapes);
  checkChunks(chunks, spans.length);
  asMapping(header.provenance ?? {}, "provenance");
  const [scale, ...shift] = asNumbers(header.viewer_box ?? [1, 0, 0, 0], "viewer_box", 4);
  return {
    name: asText(header.name, "name"),
    title: asText(header.title ?? "", "title", MAX_CLIP_TEXT),
    author: asText(header.author ?? "", "author", MAX_CLIP_TEXT),
    licence: asText(header.licence ?? "", "licence", MAX_CLIP_TEXT),
    fps: asNumber(header.fps, "fps", Number.MIN_VALUE, 100_000),
    box: boxOf(header.box),
    viewerBox: [asNumber(scale, "the scale of viewer_box", Number.MIN_VALUE), ...shift],
    numbers, cameras, up: upDirection(cameras), field, render, grid, levels, shapes, spans, quantiser, start,
  }; // prettier-ignore
}

/** @param {unknown} held */
function boxOf(held) {
  return asNumbers(held, "box", 6);
}

/**
 * Segments cover the clip in order, and may overlap.
 * @param {unknown} held
 * @param {number} frames
 * @returns {Span[]}
 */
function spansOf(held, frames) {
  let end = 0;
  let before = -1;
  const spans = asList(held, "segments").map((entry) => {
    const { first, stop } = asMapping(entry, "a segment");
    if (!(Number.isInteger(first) && Number.isInteger(stop) && before < first && first <= end && end < stop && stop <= frames)) {
      throw new ClipFault(`a segment of frames ${shortText(first)} to ${shortText(stop)} after ${end} of ${frames}`);
    }
    [before, end] = [first, stop];
    return { first, stop };
  });
  if (end !== frames) throw new ClipFault(`segments end at frame ${end} of ${frames}`);
  return spans;
}

/**
 * @param {import("./options.js").FieldOptions} field
 * @param {[string, number[]][]} shapes
 * @param {import("./sizes.js").HashLevels} levels
 * @param {number[]} grid
 * @param {Span[]} spans
 * @param {import("./container.js").Chunk[]} chunks
 */
function checkSizes(field, shapes, levels, grid, spans, chunks) {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const longest = spans.reduce((most, { first, stop }) => Math.max(most, stop - first), 0);
  const decoder = shapes.reduce((sum, [, shape]) => sum + shapeSize(shape), 0);
  const hash = 3 * levels.offsets[levels.offsets.length - 1] * field.hash.features;
  const values = decoder + hash + longest * field.code_dim;
  if (values > Math.min(MAX_FIELD_VALUES, 2 ** 22 + FIELD_VALUES_A_BYTE * bytes)) {
    throw new ClipFault(`a field of ${values} values in a file of ${bytes} bytes`);
  }
  const voxels = shapeSize(grid);
  if (voxels > MAX_GRID_VOXELS || longest * voxels > Math.min(MAX_SEGMENT_VOXELS, MAX_GRID_VOXELS + VOXELS_A_BYTE * bytes)) {
    throw new ClipFault(`${longest} grids of ${voxels} voxels in a file of ${bytes} bytes`);
  }
}

/**
 * @param {Record<string, any>} held
 * @param {[string, number[]][]} shapes
 * @param {number} levels
 * @param {number} segments
 * @returns {Quantiser}
 */
function quantiserOf(held, shapes, levels, segments) {
  const given = asMapping(held.decoder, "quantiser.decoder");
  const decoder = Object.fromEntries(shapes.map(([name]) => [name, stepsOf(given[name], 1)[0]]));
  const parts = asList(held.segments, "quantiser.segments").map((entry) => {
    const own = asMapping(entry, "steps of a segment");
    return { codes: stepsOf(own["codes.weight"], 1)[0], hash: stepsOf(own.hash, levels) };
  });
  if (parts.length !== segments) throw new ClipFault(`steps of ${parts.length} segments, expected ${segments}`);
  asNumber(held.coarseness, "quantiser.coarseness", Number.MIN_VALUE, MAX_STEP);
  const start = held.start === null ? null : asWhole(held.start, "quantiser.start", 0, 2 ** 32 - 1);
  return { start, decoder, segments: parts };
}

/**
 * @param {unknown} held
 * @param {number} count
 */
function stepsOf(held, count) {
  return asNumbers(held, "a list of steps", count, Number.MIN_VALUE, MAX_STEP);
}

/**
 * How the decoder's parameters began: with one of three kinds of numbers, which the player makes itself.
 * @param {unknown} held
 * @param {number | null} seed
 * @param {[string, number[]][]} shapes
 * @returns {Record<string, [string, number]> | null}
 */
function startOf(held, seed, shapes) {
  if (held === null && seed === null) return null;
  const given = asMapping(held, "decoder_start");
  if (seed === null) throw new ClipFault("decoder_start without the seed in quantiser.start");
  const known = new Map(shapes);
  for (const [name, entry] of Object.entries(given)) {
    const [kind, factor] = asList(entry, "an entry of decoder_start");
    const shape = known.get(name);
    if (!shape) throw new ClipFault(`decoder_start names ${shortText(name)}, which is no parameter`);
    asNumber(factor, "a factor of decoder_start", -MAX_STEP, MAX_STEP);
    const blocks = kind === "blocks" && shape.length === 4 && shape[2] === 4 && shape[3] === 4;
    if (!(kind === "normal" || kind === "uniform" || blocks)) throw new ClipFault(`decoder_start of the kind ${shortText(kind)}`);
  }
  return /** @type {Record<string, [string, number]>} */ (given);
}

/**
 * A poster if there is one, what all share, then the segments in order.
 * @param {import("./container.js").Chunk[]} chunks
 * @param {number} segments
 */
function checkChunks(chunks, segments) {
  const poster = chunks.length && chunks[0].kind === "poster" ? 1 : 0;
  const kinds = chunks.slice(poster).map((chunk) => chunk.kind);
  if (kinds.length !== segments + 1 || kinds[0] !== "common" || !kinds.slice(1).every((kind) => kind === "segment")) {
    throw new ClipFault(`chunks ${shortText(chunks.map((chunk) => chunk.kind).join(", "), 80)}`);
  }
  if (poster && chunks[0].length > MAX_POSTER) throw new ClipFault(`a poster of ${chunks[0].length} bytes`);
  checkSections(chunks[poster], ["boxes", "decoder"]);
  for (const [index, chunk] of chunks.slice(poster + 1).entries()) {
    if (chunk.segment !== index) throw new ClipFault(`segment ${shortText(chunk.segment)} in the place of ${index}`);
    checkSections(chunk, ["codes", "decoder", "hash", "occupancy"]);
  }
}

/**
 * @param {import("./container.js").Chunk} chunk
 * @param {string[]} names
 */
function checkSections(chunk, names) {
  const held = asList(chunk.sections, `sections of a ${chunk.kind}`);
  let sum = 0;
  const right = (/** @type {any} */ entry, /** @type {number} */ index) => {
    sum += entry?.[1];
    return Array.isArray(entry) && entry.length === 2 && entry[0] === names[index] && Number.isSafeInteger(entry[1]) && entry[1] >= 0;
  };
  if (held.length !== names.length || !held.every(right)) throw new ClipFault(`sections of a ${chunk.kind} are ${shortText(held, 80)}`);
  if (sum !== chunk.length) throw new ClipFault(`sections of a ${chunk.kind} do not fill it`);
}
