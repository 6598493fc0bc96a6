// @ts-check
/** The decoder on the GPU: a frame's code becomes planes and networks in the order in which the march reads them. */
import { convolutionStep, GpuWeights, layerImage, LEAKY_GAIN, upsamplingStep } from "./convolutions.js";
import { groupsOf } from "./device.js";
import { hasFootprints, networkLanes, plainLanes, quadsOf } from "./sizes.js";

const PLANE_BLOCKS = [0, 2, 1]; // where heads keep the planes xy, xz, yz among their blocks of channels
const MAP_HEADS = ["decoder.map_z", "decoder.map_y", "decoder.map_x"]; // of the maps xy, xz, yz

/**
 * @typedef {import("./device.js").GpuStep} GpuStep
 * @typedef {import("./kernels.js").Kernels} Kernels
 */

/** A decoder's packed weights and its images. */
export class GpuDecoder {
  /**
   * @param {Kernels} kernels
   * @param {Record<string, Float32Array>} values the decoder's parameters, as the file holds them
   * @param {[string, number[]][]} shapes
   */
  constructor(kernels, values, shapes) {
    this.kernels = kernels;
    this.gpu = kernels.gpu;
    const weights = new GpuWeights(this.gpu, kernels.pack, values, new Map(shapes));
    const { field } = kernels;
    const gain = new Float32Array([LEAKY_GAIN / Math.sqrt(field.code_dim)]);
    this.frame = this.gpu.uniform(new Uint32Array([0, field.code_dim, field.width]), gain);
    this.code = [weights.raw("decoder.code.weight"), weights.raw("decoder.code.bias")];
    this.first = layerImage(this.gpu, 4, field.width);
    this.footprints = this.footprintBuffers();
    /** @type {GpuStep[]} */
    this.layers = [];
    const last = this.upsamplings(weights);
    this.planes = this.planeHead(weights, last);
    const small = this.halvings(weights, last);
    this.maps = this.mapHeads(weights, small);
    weights.finish();
  }

  /**
   * What makes a frame's planes and networks, into these buffers of zeros.
   * @param {GPUBuffer} codes [frames, code]
   * @param {number} frame
   * @param {GPUBuffer} planes
   * @param {GPUBuffer} networks
   * @param {GPUBuffer} occupied bits of its voxels
   * @returns {GpuStep[]}
   */
  steps(codes, frame, planes, networks, occupied) {
    const { gpu, kernels } = this;
    gpu.write(this.frame, new Uint32Array([frame]));
    const bindings = gpu.bind(kernels.linear, this.frame, codes, ...this.code, this.first);
    const linear = { pipeline: kernels.linear, bindings, groups: groupsOf(16 * quadsOf(kernels.field.width)) };
    const looks = this.footprints.map(({ side, sizes, out }) => {
      const groups = groupsOf(3 * side * quadsOf(side));
      return { pipeline: kernels.footprint, bindings: gpu.bind(kernels.footprint, sizes, occupied, out), groups };
    });
    return [...looks, linear, ...this.layers, this.planes(planes), ...this.maps(networks)];
  }

  /** Sizes and memory of the footprints of planes and of networks; none if nobody looks at them. */
  footprintBuffers() {
    const { gpu } = this;
    const { field } = this.kernels;
    if (!hasFootprints(field)) return [];
    return [field.plane_size, field.map_size].map((side, maps) => {
      return { side, sizes: gpu.uniform(new Uint32Array([side, maps])), out: gpu.buffer(12 * side * quadsOf(side), "a footprint") };
    });
  }

  /**
   * From the code's image up to the planes' size.
   * @param {GpuWeights} weights
   */
  upsamplings(weights) {
    const { gpu, kernels } = this;
    let image = this.first;
    let side = 4;
    let channels = kernels.field.width;
    for (; side < kernels.field.plane_size; side *= 2) {
      const name = `decoder.up.${this.layers.length}`;
      const [inputs, outputs] = weights.shape(`${name}.weight`);
      const packed = weights.packed([[name, plainLanes(outputs)]], 16, true, LEAKY_GAIN / Math.sqrt(4 * inputs));
      const result = layerImage(gpu, 2 * side, outputs);
      this.layers.push(upsamplingStep(gpu, kernels.upsample, [image, packed, weights.raw(`${name}.bias`), result], side, inputs, outputs));
      [image, channels] = [result, outputs];
    }
    return { image, side, channels };
  }

  /**
   * Features and density coefficients of each plane, side by side.
   * @param {GpuWeights} weights
   * @param {{image: GPUBuffer, side: number, channels: number}} input
   * @returns {(planes: GPUBuffer) => GpuStep}
   */
  planeHead(weights, { image, side, channels }) {
    const { gpu, kernels } = this;
    const C = kernels.field.channels;
    /** @type {[string, number[]][]} */
    const parts = PLANE_BLOCKS.flatMap((block) => ["decoder.features", "decoder.density"].map((head) => /** @type {[string, number[]]} */ ([head, plainLanes(C, block * C)])));
    const given = [image, weights.packed(parts, 9), weights.bias(parts)];
    const group = kernels.constants.PLANE_QUADS;
    const mask = this.footprints.slice(0, 1).map(({ out }) => out);
    return (planes) => convolutionStep(gpu, kernels.toPlanes, [...given, planes, ...mask], [side, side, quadsOf(channels), 3 * group, group, 0]);
  }

  /**
   * From the planes' size down to the maps'.
   * @param {GpuWeights} weights
   * @param {{image: GPUBuffer, side: number, channels: number}} input
   */
  halvings(weights, { image, side, channels }) {
    const { gpu, kernels } = this;
    for (let layer = 0; side > kernels.field.map_size; layer += 2) {
      const name = `decoder.trunk.${layer}`;
      const [outputs, inputs] = weights.shape(`${name}.weight`);
      /** @type {[string, number[]][]} */
      const parts = [[name, plainLanes(outputs)]];
      const result = layerImage(gpu, side / 2, outputs);
      const quads = quadsOf(outputs);
      const given = [image, weights.packed(parts, 9), weights.bias(parts), result];
      this.layers.push(convolutionStep(gpu, kernels.toImage, given, [side, side / 2, quadsOf(inputs), quads, quads, 1]));
      [image, side, channels] = [result, side / 2, outputs];
    }
    return { image, side, channels };
  }

  /**
   * The networks, in the order of the march; of three layers, as they are trained, then multiplied out.
   * @param {GpuWeights} weights
   * @param {{image: GPUBuffer, side: number, channels: number}} input
   * @returns {(networks: GPUBuffer) => GpuStep[]}
   */
  mapHeads(weights, { image, side, channels }) {
    const { gpu, kernels } = this;
    const { constants, field } = kernels;
    const three = field.layers === 3;
    const lanes = three ? plainLanes(field.map_params) : networkLanes(field);
    /** @type {[string, number[]][]} */
    const parts = MAP_HEADS.map((head) => [head, lanes]);
    const given = [image, weights.packed(parts, 9), weights.bias(parts)];
    const count = three ? constants.MAP_QUADS : constants.NETWORK;
    const sizes = [side, side, quadsOf(channels), 3 * count, count, 0];
    const mask = this.footprints.slice(1).map(({ out }) => out);
    if (!three) return (networks) => [convolutionStep(gpu, kernels.toNetworks, [...given, networks, ...mask], sizes)];
    const maps = gpu.buffer(3 * side * side * count * 16, "the MLP maps");
    const heads = convolutionStep(gpu, kernels.toNetworks, [...given, maps, ...mask], sizes);
    const { multiply } = kernels;
    const groups = groupsOf(3 * side * side * constants.NETWORK);
    return (networks) => [heads, { pipeline: multiply, bindings: gpu.bind(multiply, maps, networks), groups }];
  }
}
