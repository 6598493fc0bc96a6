// @ts-check
/**
 * Occupancy grids as a stream (docs/format.md, Occupancy).
 *
 * What comes out is a bit a voxel, for a march: the bit of voxel (x, y, z) of frame f is bit v % 32, the lowest being bit
 * 0, of word f * wordsOfGrid(grid) + floor(v / 32), v = (x gy + y) gz + z. Each frame begins with a word of its own.
 *
 * Inside, a grid is held in blocks of 2 x 2 x 2, the children of a voxel of the coarser grid: a byte each, bit c being
 * child c. Counts for all eight children of a block at once are eight digits of 4 bits of one number.
 */
import { ClipFault } from "./faults.js";
import { Stream } from "./rans.js";

const OCCUPANCY_FIRST = [0, 4, 13, 23]; // contexts of children with 0, 1, 2, 3 bits
const OCCUPANCY_CONTEXTS = 450;
const MANY_PARENTS = 4096; // whose children take a while

/**
 * Words of a frame's grid.
 * @param {number[]} grid [gx, gy, gz]
 */
export function wordsOfGrid(grid) {
  return Math.ceil((grid[0] * grid[1] * grid[2]) / 32);
}

/**
 * The grids of all frames of a segment; whoever asks may do something else in between.
 * @param {Uint8Array} data
 * @param {number} frames
 * @param {number[]} grid [gx, gy, gz]
 * @returns {Generator<void, Uint32Array>} [frames, words], see above
 * Throws ClipFault if the stream is none of such a shape.
 */
export function* readOccupancy(data, frames, grid) {
  const stream = new Stream(data, OCCUPANCY_CONTEXTS + 1);
  if (stream.symbolCount > 2) throw new ClipFault(`${stream.symbolCount} symbols, expected 2`);
  const words = wordsOfGrid(grid);
  const out = new Int32Array(frames * words);
  const sizes = [grid];
  while (Math.max(...sizes[0]) > 1) sizes.unshift(sizes[0].map((n) => (n + 1) >> 1)); // the coarsest first
  const levels = sizes.slice(1).map((size, index) => new OccupancyLevel(sizes[index], size));
  const scratch = new OccupancyScratch(grid);
  for (let frame = 0; frame < frames; frame++) {
    yield* readGrid(stream, levels, frame > 0, scratch, out.subarray(frame * words, (frame + 1) * words));
    yield;
  }
  stream.finish();
  return new Uint32Array(out.buffer);
}

/**
 * One frame, from one voxel to the finest grid.
 * @param {Stream} stream
 * @param {OccupancyLevel[]} levels the coarsest first, with what they held in the frame before
 * @param {boolean} later whether there is a frame before
 * @param {OccupancyScratch} scratch
 * @param {Int32Array} words zeros, to be filled
 * @returns {Generator<void, void>}
 */
function* readGrid(stream, levels, later, scratch, words) {
  scratch.which[0] = OCCUPANCY_CONTEXTS;
  stream.bits(scratch.which, 1, scratch.found);
  if (levels.length) levels[0].parents[levels[0].place(0, 0, 0)] = scratch.found[0];
  else words[0] = scratch.found[0];
  for (const [index, level] of levels.entries()) {
    [level.blocks, level.before] = [level.before, level.blocks];
    level.blocks.fill(0);
    const count = findParents(level, later, scratch);
    for (let child = 0; child < 8; child++) {
      readChildren(stream, child, count, level, scratch);
      if (count > MANY_PARENTS) yield;
    }
    if (index + 1 < levels.length) spread(level, levels[index + 1], count, scratch);
    else pack(level, words, count, scratch);
  }
}

/**
 * Where occupied parents are, in C order, and what is known of their children before any is read.
 * @param {OccupancyLevel} level
 * @param {boolean} later
 * @param {OccupancyScratch} scratch
 * @returns {number} how many
 */
function findParents(level, later, scratch) {
  const { parents, before, strideX, strideY } = level;
  const { parent, flat, edge, unknown, told } = scratch;
  const [nx, ny, nz] = level.coarse;
  const [gx, gy, gz] = level.size;
  let count = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = level.place(x, y, 0);
      const outside = (2 * x + 1 >= gx ? 4 : 0) | (2 * y + 1 >= gy ? 2 : 0);
      for (let z = 0; z < nz; z++) {
        const at = row + z;
        if (parents[at] === 0) continue;
        parent[count] = at;
        flat[count] = (2 * x * gy + 2 * y) * gz + 2 * z;
        edge[count] = outside | (2 * z + 1 >= gz ? 1 : 0);
        unknown[count] = // parents in the negative directions of those children whose bit is 0
          0x00001111 * parents[at - strideX] + 0x00110011 * parents[at - strideY] + 0x01010101 * parents[at - 1];
        if (later) {
          told[count] =
            TOLD_SELF[before[at]] +
            TOLD_LOW[before[at - strideX] | 1024] + TOLD_HIGH[before[at + strideX] | 1024] +
            TOLD_LOW[before[at - strideY] | 512] + TOLD_HIGH[before[at + strideY] | 512] +
            TOLD_LOW[before[at - 1] | 256] + TOLD_HIGH[before[at + 1] | 256]; // prettier-ignore
        } else told[count] = 0xeeeeeeee;
        count++;
      }
    }
  }
  return count;
}

/**
 * One of the eight children of all occupied parents, as far as it lies in the grid.
 * @param {Stream} stream
 * @param {number} child
 * @param {number} count parents
 * @param {OccupancyLevel} level
 * @param {OccupancyScratch} scratch
 */
function readChildren(stream, child, count, level, scratch) {
  const { blocks, strideX, strideY } = level;
  const { parent, edge, unknown, told, which, found, kept } = scratch;
  const pairs = (child >> 2) + ((child >> 1) & 1) + (child & 1);
  const first = OCCUPANCY_FIRST[pairs];
  const weight = 4 - pairs;
  const digit = 4 * child;
  // Along axes whose bit is 1 both neighbours are known, one of the same block and one of the next; shifts of 8 tell nothing.
  const own = (child & 4 && 1 << (child - 4)) | (child & 2 && 1 << (child - 2)) | (child & 1 && 1 << (child - 1));
  const [stepX, shiftX] = child & 4 ? [strideX, child - 4] : [0, 8];
  const [stepY, shiftY] = child & 2 ? [strideY, child - 2] : [0, 8];
  const [stepZ, shiftZ] = child & 1 ? [1, child - 1] : [0, 8];
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (edge[i] & child) continue;
    const at = parent[i];
    const known =
      BITS_SET[blocks[at] & own] +
      ((blocks[at + stepX] >> shiftX) & 1) +
      ((blocks[at + stepY] >> shiftY) & 1) +
      ((blocks[at + stepZ] >> shiftZ) & 1);
    which[n] = (first + known * weight + ((unknown[i] >>> digit) & 15)) * 15 + ((told[i] >>> digit) & 15);
    kept[n++] = at;
  }
  stream.bits(which, n, found);
  for (let i = 0; i < n; i++) blocks[kept[i]] |= found[i] << child;
}

/**
 * What was read becomes the parents of the next level.
 * @param {OccupancyLevel} level
 * @param {OccupancyLevel} next
 * @param {number} count
 * @param {OccupancyScratch} scratch
 */
function spread(level, next, count, scratch) {
  const { blocks } = level;
  const { parents, strideX, strideY } = next;
  parents.fill(0);
  for (let i = 0; i < count; i++) {
    const at = scratch.parent[i];
    const block = blocks[at];
    const x = Math.floor(at / level.strideX);
    const rest = at - x * level.strideX;
    const y = Math.floor(rest / level.strideY);
    const low = next.place(2 * x - 2, 2 * y - 2, 2 * (rest - y * level.strideY) - 2);
    for (let child = 0; child < 8; child++) {
      if ((block >> child) & 1) parents[low + (child >> 2) * strideX + ((child >> 1) & 1) * strideY + (child & 1)] = 1;
    }
  }
}

/**
 * What was read becomes the bits of a frame.
 * @param {OccupancyLevel} level the finest
 * @param {Int32Array} words
 * @param {number} count
 * @param {OccupancyScratch} scratch
 */
function pack(level, words, count, scratch) {
  const [, gy, gz] = level.size;
  for (let i = 0; i < count; i++) {
    const block = level.blocks[scratch.parent[i]];
    for (let row = 0; row < 4; row++) {
      const pair = (block >> (2 * row)) & 3;
      if (pair === 0) continue;
      const voxel = scratch.flat[i] + ((row >> 1) * gy + (row & 1)) * gz;
      words[voxel >> 5] |= pair << (voxel & 31);
      if (pair > 1 && (voxel & 31) === 31) words[(voxel >> 5) + 1] |= 1;
    }
  }
}

/**
 * What a block of the frame before says of eight children, 4 bits each: of its own, 7 for the voxel itself and 1 for each
 * of three neighbours; of those of the block next to it in the negative (LOW) or positive (HIGH) direction, 1 for the
 * neighbour that is there. LOW and HIGH: [axis bit * 256 + block].
 */
const TOLD_SELF = Int32Array.from({ length: 256 }, (_, block) => {
  const bit = (/** @type {number} */ child) => (block >> child) & 1;
  return digitsOf((child) => 7 * bit(child) + bit(child ^ 1) + bit(child ^ 2) + bit(child ^ 4));
});
const TOLD_LOW = Int32Array.from({ length: 5 * 256 }, (_, at) => {
  return digitsOf((child) => (child & (at >> 8) ? 0 : (at >> (child | (at >> 8))) & 1));
});
const TOLD_HIGH = Int32Array.from({ length: 5 * 256 }, (_, at) => {
  return digitsOf((child) => (child & (at >> 8) ? (at >> (child & ~(at >> 8))) & 1 : 0));
});

const BITS_SET = Uint8Array.from({ length: 256 }, (_, bits) => bits.toString(2).replaceAll("0", "").length);

/** @param {(child: number) => number} of */
function digitsOf(of) {
  let digits = 0;
  for (let child = 0; child < 8; child++) digits |= of(child) << (4 * child);
  return digits;
}

/** A grid of a pyramid in blocks. The grid of the blocks has one more on each side, which is empty. */
class OccupancyLevel {
  /**
   * @param {number[]} coarse size of the grid of the blocks
   * @param {number[]} size of the grid
   */
  constructor(coarse, size) {
    this.coarse = coarse;
    this.size = size;
    this.strideX = (coarse[1] + 2) * (coarse[2] + 2);
    this.strideY = coarse[2] + 2;
    const blocks = (coarse[0] + 2) * this.strideX;
    this.parents = new Uint8Array(blocks); // 1 for those blocks that hold something
    this.blocks = new Uint8Array(blocks);
    this.before = new Uint8Array(blocks); // those of the frame before
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} z
   */
  place(x, y, z) {
    return (x + 1) * this.strideX + (y + 1) * this.strideY + z + 1;
  }
}

/** Memory for the occupied parents of a grid. */
class OccupancyScratch {
  /** @param {number[]} grid */
  constructor(grid) {
    const most = grid.reduce((product, n) => product * ((n + 1) >> 1), 1);
    this.parent = new Int32Array(most); // where its block is
    this.flat = new Int32Array(most); // where child 0 is in the grid
    this.edge = new Uint8Array(most); // the bits of children that lie outside
    this.unknown = new Int32Array(most); // eight digits
    this.told = new Int32Array(most); // eight digits
    this.which = new Uint16Array(most);
    this.kept = new Int32Array(most); // blocks whose child is read
    this.found = new Uint8Array(most);
  }
}
