// @ts-check
/** The decoder's layers as steps of the GPU: weights packed once, images that one layer writes and the next reads. */
import { groupsOf } from "./device.js";
import { NO_CHANNEL, quadsOf } from "./sizes.js";

/** Of equalised layers before LeakyReLU(0.2) (docs/method.md, 4). */
export const LEAKY_GAIN = Math.sqrt(2 / 1.04);

/**
 * @typedef {import("./device.js").Gpu} Gpu
 * @typedef {import("./device.js").GpuStep} GpuStep
 * @typedef {[string, number[]][]} ChannelParts names of parameters and, of each, the channels of its outputs in fours
 */

/** Parameters of a decoder, and how they are packed for the kernels. */
export class GpuWeights {
  /**
   * @param {Gpu} gpu
   * @param {GPUComputePipeline} pack
   * @param {Record<string, Float32Array>} values name -> numbers in C order
   * @param {Map<string, number[]>} shapes
   */
  constructor(gpu, pack, values, shapes) {
    this.gpu = gpu;
    this.pack = pack;
    this.values = values;
    this.shapes = shapes;
    /** @type {GPUBuffer[]} */
    this.passing = []; // needed only until everything is packed
  }

  /**
   * @param {string} name
   * @returns {number[]}
   */
  shape(name) {
    return /** @type {number[]} */ (this.shapes.get(name));
  }

  /**
   * A parameter as it is.
   * @param {string} name
   */
  raw(name) {
    return this.gpu.upload(this.values[name], `the decoder's ${name}`);
  }

  /**
   * Weights of one convolution out of several.
   * @param {ChannelParts} parts
   * @param {number} taps places of a kernel
   * @param {boolean} [transposed] [inputs, outputs, ...] in place of [outputs, inputs, ...]
   * @param {number} [scale]
   */
  packed(parts, taps, transposed = false, scale = 1) {
    const { gpu, pack } = this;
    const inputs = this.shape(`${parts[0][0]}.weight`)[transposed ? 0 : 1];
    const quads = parts.reduce((sum, [, lanes]) => sum + lanes.length / 4, 0);
    const out = gpu.buffer(quads * taps * quadsOf(inputs) * 16 * (gpu.numbers === "f32" ? 4 : 2), `the decoder's ${parts[0][0]}`);
    let first = 0;
    for (const [name, lanes] of parts) {
      const second = this.shape(`${name}.weight`)[1] * taps;
      const strides = transposed ? [taps, second] : [second, taps];
      const numbers = new Uint32Array([lanes.length / 4, taps, inputs, ...strides, first]);
      const given = [gpu.uniform(numbers, new Float32Array([scale, 0])), this.raw(`${name}.weight`), gpu.upload(new Uint32Array(lanes), "channels")];
      gpu.run([{ pipeline: pack, bindings: gpu.bind(pack, ...given, out), groups: groupsOf(lanes.length * taps * quadsOf(inputs)) }]);
      this.passing.push(...given);
      first += lanes.length / 4;
    }
    return out;
  }

  /**
   * Biases in the order of `packed`.
   * @param {ChannelParts} parts
   */
  bias(parts) {
    const values = parts.flatMap(([name, lanes]) => {
      const bias = this.values[`${name}.bias`];
      return lanes.map((channel) => (channel === NO_CHANNEL ? 0 : bias[channel]));
    });
    return this.gpu.upload(new Float32Array(values), "biases");
  }

  /** Lets go what is not needed any more. */
  finish() {
    for (const buffer of this.passing) buffer.destroy();
    this.passing = [];
  }
}

/**
 * Memory for an image [side, side, channels in fours] of a layer.
 * @param {Gpu} gpu
 * @param {number} side
 * @param {number} channels
 */
export function layerImage(gpu, side, channels) {
  return gpu.buffer(side * side * quadsOf(channels) * 16, "an image of the decoder");
}

/**
 * A 3 x 3 convolution, see convolve.wgsl.
 * @param {Gpu} gpu
 * @param {GPUComputePipeline} pipeline
 * @param {GPUBuffer[]} buffers image, weights, biases, result
 * @param {number[]} sizes before, after, input quads, output quads, quads of a group, ReLU (0 or 1)
 * @returns {GpuStep}
 */
export function convolutionStep(gpu, pipeline, buffers, sizes) {
  const [, after, , quads] = sizes;
  const groups = [Math.ceil((quadsOf(after) * after) / 32), Math.ceil(quads / 2), 1];
  return { pipeline, bindings: gpu.bind(pipeline, gpu.uniform(new Uint32Array(sizes)), ...buffers), groups };
}

/**
 * A transposed convolution 4 x 4 to twice the size, see upsample.wgsl.
 * @param {Gpu} gpu
 * @param {GPUComputePipeline} pipeline
 * @param {GPUBuffer[]} buffers image, weights, biases, result
 * @param {number} before pixels of a side
 * @param {number} inputs channels
 * @param {number} outputs
 * @returns {GpuStep}
 */
export function upsamplingStep(gpu, pipeline, buffers, before, inputs, outputs) {
  const sizes = gpu.uniform(new Uint32Array([before, quadsOf(inputs), outputs]));
  const groups = [Math.ceil((quadsOf(before) * before) / 32), Math.ceil(quadsOf(outputs) / 2), 4];
  return { pipeline, bindings: gpu.bind(pipeline, sizes, ...buffers), groups };
}
