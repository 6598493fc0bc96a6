// @ts-check
/** The sizes of a field that kernels are made for, as whole numbers; `dymap/gpu/sizes.py` does the same. */

/** A place of packed weights for which there is no channel (pack.wgsl). */
export const NO_CHANNEL = 0xffffffff;
const MASKED_PLANES = 64; // of this size on: computed only where points in occupied voxels read them; looking costs too
const MOST_QUADS = 64; // of channels, views and hidden units: kernels are written out for them

/** @typedef {import("../file/options.js").FieldOptions} FieldOptions */
/** @typedef {"f32" | "packed" | "f16"} GpuNumbers how numbers lie in memory, see the files numbers_*.wgsl */

/**
 * The constants of the kernels, in their order.
 * @param {FieldOptions} field
 * @param {import("../file/sizes.js").HashLevels} levels
 * @param {number[]} grid [3] voxels along x, y, z
 * @returns {Record<string, number>}
 */
export function kernelConstants(field, levels, grid) {
  const { channels: C, view_dim: V, hidden: H } = field;
  const F = field.hash.features;
  const unit = F % 4 === 0 ? 4 : F % 2 === 0 ? 2 : 1;
  const [quads, viewQuads, hiddenQuads] = [quadsOf(C), quadsOf(V), quadsOf(H)];
  if (Math.max(quads, viewQuads, hiddenQuads) > MOST_QUADS) {
    throw new Error(
      `This clip's networks are too large for a browser: ${C} channels, ${V} view numbers and ${H} hidden units, ` +
        `expected up to ${4 * MOST_QUADS} of each. \`dymap view\` shows it.`,
    );
  }
  const row = 4 * (quads + viewQuads) + 3;
  const blocks = grid.map(quadsOf);
  return {
    CHANNELS: C,
    VIEWS: V,
    HIDDEN: H,
    FREQUENCIES: field.direction_degree,
    QUADS: quads,
    PLANE_QUADS: 2 * quads,
    VIEW_QUADS: viewQuads,
    HIDDEN_QUADS: hiddenQuads,
    INPUT_QUADS: quads + viewQuads,
    MAP_QUADS: quadsOf(field.map_params),
    ROW: row,
    NETWORK: hiddenQuads * row,
    PLANE_SIZE: field.plane_size,
    MAP_SIZE: field.map_size,
    OVERLAP: Number(field.overlap),
    LEVELS: field.hash.levels,
    UNIT: unit,
    LEVEL_UNITS: F / unit,
    VERTICES: levels.resolutions.reduce((sum, side) => sum + side * side, 0),
    GRID_X: grid[0],
    GRID_Y: grid[1],
    GRID_Z: grid[2],
    BLOCKS_X: blocks[0],
    BLOCKS_Y: blocks[1],
    BLOCKS_Z: blocks[2],
    VOXEL_WORDS: Math.ceil((grid[0] * grid[1] * grid[2]) / 32),
  };
}

/**
 * Whether planes and networks are computed only where something is.
 * @param {FieldOptions} field
 */
export function hasFootprints(field) {
  return field.plane_size >= MASKED_PLANES;
}

/**
 * How many fours hold so many.
 * @param {number} count
 */
export function quadsOf(count) {
  return Math.ceil(count / 4);
}

/**
 * Which parameter of a map's network of two layers each number of a packed network is: [NETWORK * 4], in the order of
 * march.wgsl.
 * @param {FieldOptions} field
 * @returns {number[]}
 */
export function networkLanes({ channels: C, view_dim: V, hidden: H }) {
  const rows = [...plainLanes(C), ...plainLanes(V, C)];
  const lanes = [];
  for (let first = 0; first < 4 * quadsOf(H); first += 4) {
    const hidden = [0, 1, 2, 3].map((k) => (first + k < H ? first + k : NO_CHANNEL));
    const none = (/** @type {number[]} */ ...places) => places.includes(NO_CHANNEL);
    for (const row of rows) lanes.push(...hidden.map((h) => (none(row, h) ? NO_CHANNEL : row * H + h)));
    for (let colour = 0; colour < 3; colour++) lanes.push(...hidden.map((h) => (none(h) ? h : (C + V) * H + 3 * h + colour)));
  }
  return lanes;
}

/**
 * Channels first, first + 1, ... one after the other, filled up to fours.
 * @param {number} channels
 * @returns {number[]}
 */
export function plainLanes(channels, first = 0) {
  return Array.from({ length: 4 * quadsOf(channels) }, (_, k) => (k < channels ? first + k : NO_CHANNEL));
}

/**
 * Bytes of each of a frame's buffers.
 * @param {Record<string, number>} n constants
 * @param {GpuNumbers} numbers
 */
export function frameBytes(n, numbers) {
  const number = numbers === "f32" ? 4 : 2;
  const unit = n.UNIT * (n.UNIT === 1 ? 4 : number);
  const blocks = n.BLOCKS_X * n.BLOCKS_Y * n.BLOCKS_Z;
  return {
    planes: 3 * n.PLANE_SIZE ** 2 * 8 * n.QUADS * number,
    networks: 3 * n.MAP_SIZE ** 2 * n.NETWORK * (numbers === "f16" ? 8 : 16),
    grids: 3 * n.VERTICES * n.LEVEL_UNITS * unit,
    occupied: 4 * (n.VOXEL_WORDS + Math.ceil(blocks / 32)),
  };
}
