// @ts-check
/** A segment on the GPU: its tables, its codes and its decoder, from which frames are made. */
import { groupsOf } from "./device.js";
import { frameBytes } from "./sizes.js";

/**
 * What the march reads of a frame (march.wgsl).
 * @typedef {object} GpuFrame
 * @property {GPUBuffer} planes @property {GPUBuffer} networks @property {GPUBuffer} grids @property {GPUBuffer} occupied
 * @property {Float32Array} box [6] metres, world @property {number} bytes of the GPU's memory
 */

export class GpuSegment {
  /**
   * @param {import("./kernels.js").Kernels} kernels
   * @param {import("../file/clip.js").ClipSegment} segment
   * @param {import("./decoder.js").GpuDecoder} decoder
   * @param {import("../file/sizes.js").HashLevels} levels
   */
  constructor(kernels, segment, decoder, levels) {
    const { gpu } = kernels;
    this.kernels = kernels;
    this.segment = segment;
    this.decoder = decoder;
    this.sizes = frameBytes(kernels.constants, gpu.numbers);
    this.codes = gpu.upload(segment.codes, "the codes");
    this.tables = segment.hash.map((table) => gpu.upload(table, "a hash table"));
    this.time = gpu.uniform(new Float32Array(4), collapseLevels(levels));
    this.bytes = segment.codes.byteLength + segment.hash.reduce((sum, table) => sum + table.byteLength, 0);
  }

  /**
   * The frame at a position of the segment, decoded and collapsed.
   * @param {number} index
   * @returns {GpuFrame}
   */
  frame(index) {
    const { kernels, segment, sizes } = this;
    const { gpu, constants: n } = kernels;
    const [planes, networks, grids, occupied] = Object.entries(sizes).map(([name, size]) => gpu.buffer(size, `a frame's ${name}`));
    gpu.write(occupied, segment.occupancy.subarray(index * n.VOXEL_WORDS, (index + 1) * n.VOXEL_WORDS));
    const time = (index / (segment.stop - segment.first)) * kernels.field.hash.time_share;
    gpu.write(this.time, new Float32Array([time]));
    const [x, y] = groupsOf(n.VERTICES);
    const collapse = { pipeline: kernels.collapse, bindings: gpu.bind(kernels.collapse, this.time, ...this.tables, grids), groups: [x, y, 3] };
    const words = Math.ceil((n.BLOCKS_X * n.BLOCKS_Y * n.BLOCKS_Z) / 32);
    const occupy = { pipeline: kernels.occupy, bindings: gpu.bind(kernels.occupy, occupied), groups: groupsOf(words) };
    gpu.run([...this.decoder.steps(this.codes, index, planes, networks, occupied), collapse, occupy]);
    const bytes = Object.values(sizes).reduce((sum, size) => sum + size, 0);
    return { planes, networks, grids, occupied, box: segment.boxes.slice(6 * index, 6 * index + 6), bytes };
  }

  destroy() {
    for (const buffer of [this.codes, this.time, ...this.tables]) buffer.destroy();
  }
}

/** @param {GpuFrame} frame */
export function destroyFrame({ planes, networks, grids, occupied }) {
  for (const buffer of [planes, networks, grids, occupied]) buffer.destroy();
}

/**
 * [levels, 8] the levels as collapse.wgsl reads them.
 * @param {import("../file/sizes.js").HashLevels} levels
 */
function collapseLevels({ scales, resolutions, lengths, offsets }) {
  const out = new Uint32Array(8 * scales.length);
  let vertex = 0;
  resolutions.forEach((side, level) => {
    const dense = Number(side ** 3 <= lengths[level]);
    out.set([bitsOfFloat(scales[level]), side, lengths[level], offsets[level], vertex, dense], 8 * level);
    vertex += side * side;
  });
  return out;
}

/**
 * [levels, 4] the levels as march.wgsl reads them.
 * @param {import("../file/sizes.js").HashLevels} levels
 */
export function marchLevels({ scales, resolutions }) {
  const out = new Uint32Array(4 * scales.length);
  let vertex = 0;
  resolutions.forEach((side, level) => {
    out.set([bitsOfFloat(scales[level]), side, vertex], 4 * level);
    vertex += side * side;
  });
  return out;
}

/** @param {number} value */
function bitsOfFloat(value) {
  return new Uint32Array(new Float32Array([value]).buffer)[0];
}
