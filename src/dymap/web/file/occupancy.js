// @ts-check
/**
 * Occupancy grids as a stream (docs/format.md, Occupancy).
 *
 * What comes out is a bit a voxel, for a march: the bit of voxel (x, y, z) of frame f is bit v % 32, the lowest being bit
 * 0, of word f * wordsOfGrid(grid) + floor(v / 32), v = (x gy + y) gz + z. Each frame begins with a word of its own.
 */
import { ClipFault } from "./faults.js";
import { Stream } from "./rans.js";

const OCCUPANCY_FIRST = [0, 4, 13, 23]; // contexts of children with 0, 1, 2, 3 bits
const OCCUPANCY_CONTEXTS = 450;

/**
 * Words of a frame's grid.
 * @param {number[]} grid [gx, gy, gz]
 */
export function wordsOfGrid(grid) {
  return Math.ceil((grid[0] * grid[1] * grid[2]) / 32);
}

/**
 * The grids of all frames of a segment; whoever asks may do something else between two.
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
  const out = new Uint32Array(frames * words);
  const scratch = new OccupancyScratch(grid);
  /** @type {PaddedGrid[] | null} */
  let before = null;
  let spare = null;
  for (let frame = 0; frame < frames; frame++) {
    const levels = spare ?? paddedPyramid(grid);
    readGrid(stream, levels, before, scratch, out.subarray(frame * words, (frame + 1) * words));
    spare = before;
    before = levels;
    yield;
  }
  stream.finish();
  return out;
}

/**
 * One frame, from one voxel to the finest grid.
 * @param {Stream} stream
 * @param {PaddedGrid[]} levels
 * @param {PaddedGrid[] | null} before those of the frame before
 * @param {OccupancyScratch} scratch
 * @param {Uint32Array} words
 */
function readGrid(stream, levels, before, scratch, words) {
  const top = levels[levels.length - 1];
  top.cells.fill(0);
  scratch.which[0] = OCCUPANCY_CONTEXTS;
  stream.bits(scratch.which, 1, scratch.found);
  top.cells[top.strideX + top.strideY + 1] = scratch.found[0];
  if (levels.length === 1) words[0] = scratch.found[0];
  for (let level = levels.length - 2; level >= 0; level--) {
    const count = findParents(levels[level + 1], levels[level], scratch);
    levels[level].cells.fill(0);
    const out = level === 0 ? words : null;
    for (let child = 0; child < 8; child++) {
      readChildren(stream, child, count, levels[level + 1], levels[level], before && before[level], scratch, out);
    }
  }
}

/**
 * Where occupied parents are, in C order.
 * @param {PaddedGrid} parents
 * @param {PaddedGrid} finer
 * @param {OccupancyScratch} scratch
 * @returns {number} how many
 */
function findParents(parents, finer, scratch) {
  const { parent, first, flat, edge } = scratch;
  const [nx, ny, nz] = parents.size;
  const [gx, gy, gz] = finer.size;
  let count = 0;
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = (x + 1) * parents.strideX + (y + 1) * parents.strideY + 1;
      const below = (2 * x + 1) * finer.strideX + (2 * y + 1) * finer.strideY + 1;
      const outside = (2 * x + 1 >= gx ? 4 : 0) | (2 * y + 1 >= gy ? 2 : 0);
      for (let z = 0; z < nz; z++) {
        if (parents.cells[row + z] === 0) continue;
        parent[count] = row + z;
        first[count] = below + 2 * z;
        flat[count] = (2 * x * gy + 2 * y) * gz + 2 * z;
        edge[count] = outside | (2 * z + 1 >= gz ? 1 : 0);
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
 * @param {PaddedGrid} parents
 * @param {PaddedGrid} finer
 * @param {PaddedGrid | null} before the finer grid of the frame before
 * @param {OccupancyScratch} scratch
 * @param {Uint32Array | null} words of the finest grid
 */
function readChildren(stream, child, count, parents, finer, before, scratch, words) {
  const { parent, first, flat, edge, which, found, place, voxel } = scratch;
  const bits = [child >> 2, (child >> 1) & 1, child & 1];
  const step = [finer.strideX, finer.strideY, 1];
  const back = [parents.strideX, parents.strideY, 1];
  const pairs = bits[0] + bits[1] + bits[2];
  const offset = bits[0] * step[0] + bits[1] * step[1] + bits[2];
  const flatOffset = (bits[0] * finer.size[1] + bits[1]) * finer.size[2] + bits[2];
  // Of neighbours across three pairs of faces: those among children that are known count `weigh`, parents of others 1.
  const cells = finer.cells;
  const wide = parents.cells;
  const old = before ? before.cells : null;
  const weigh = 4 - pairs;
  const [bx, by, bz] = bits;
  const [sx, sy] = step;
  const [ux, uy] = back;
  let n = 0;
  for (let i = 0; i < count; i++) {
    if (edge[i] & child) continue;
    const at = first[i] + offset;
    const up = parent[i];
    let context = OCCUPANCY_FIRST[pairs];
    context += bx ? weigh * (cells[at + sx] + cells[at - sx]) : wide[up - ux];
    context += by ? weigh * (cells[at + sy] + cells[at - sy]) : wide[up - uy];
    context += bz ? weigh * (cells[at + 1] + cells[at - 1]) : wide[up - 1];
    const told = old
      ? 7 * old[at] + old[at + sx] + old[at - sx] + old[at + sy] + old[at - sy] + old[at + 1] + old[at - 1]
      : 14;
    which[n] = context * 15 + told;
    place[n] = at;
    voxel[n] = flat[i] + flatOffset;
    n++;
  }
  stream.bits(which, n, found);
  for (let i = 0; i < n; i++) cells[place[i]] = found[i];
  if (words) for (let i = 0; i < n; i++) words[voxel[i] >>> 5] |= found[i] << (voxel[i] & 31);
}

/** A grid of a pyramid with one more voxel on each side, which is empty. */
class PaddedGrid {
  /** @param {number[]} size [nx, ny, nz] */
  constructor(size) {
    this.size = size;
    this.strideX = (size[1] + 2) * (size[2] + 2);
    this.strideY = size[2] + 2;
    this.cells = new Uint8Array((size[0] + 2) * this.strideX);
  }
}

/**
 * The grid, and coarser ones down to one voxel.
 * @param {number[]} grid
 */
function paddedPyramid(grid) {
  const levels = [new PaddedGrid(grid)];
  for (let size = grid; Math.max(...size) > 1; ) {
    size = size.map((n) => (n + 1) >> 1);
    levels.push(new PaddedGrid(size));
  }
  return levels;
}

/** Memory for the occupied parents of a grid. */
class OccupancyScratch {
  /** @param {number[]} grid */
  constructor(grid) {
    const most = grid.reduce((product, n) => product * ((n + 1) >> 1), 1);
    this.parent = new Int32Array(most); // in the padded grid of parents
    this.first = new Int32Array(most); // child 0 in the padded finer grid
    this.flat = new Int32Array(most); // child 0 in the finer grid
    this.edge = new Uint8Array(most); // bits of children that lie outside
    this.which = new Uint16Array(Math.max(most, 1)); // and of one child of each
    this.found = new Uint8Array(Math.max(most, 1));
    this.place = new Int32Array(most);
    this.voxel = new Int32Array(most);
  }
}
