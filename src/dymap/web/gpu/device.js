// @ts-check
/** The browser's GPU: in what numbers it computes, buffers, and kernels run one after the other. */
import { earlyAdapter } from "../file/early.js";
import { shaderText } from "./sources.js";
import { writeShader } from "./template.js";

const MOST_GROUPS = 65535; // workgroups along an axis
const WIDE = /** @type {const} */ (["maxStorageBufferBindingSize", "maxBufferSize"]); // asked for as the adapter has them

/**
 * @typedef {{pipeline: GPUComputePipeline, bindings: GPUBindGroup, groups: number[]}} GpuStep
 * @typedef {import("./sizes.js").GpuNumbers} GpuNumbers
 */

/** A device, and the texts of shaders. */
export class Gpu {
  /**
   * @param {{numbers?: GpuNumbers}} [options] default f16 if the adapter has it, else packed
   * @returns {Promise<Gpu>}
   * Rejects with an Error whose message people can read.
   */
  static async open({ numbers } = {}) {
    if (!globalThis.navigator?.gpu) throw new Error(globalThis.isSecureContext === false ? NOT_SECURE : NO_WEBGPU);
    const adapter = await (earlyAdapter() ?? navigator.gpu.requestAdapter({ powerPreference: "high-performance" }));
    if (!adapter) throw new Error(NO_ADAPTER);
    const half = adapter.features.has("shader-f16");
    const chosen = numbers ?? (half ? "f16" : "packed");
    const limits = Object.fromEntries(WIDE.map((name) => [name, adapter.limits[name]]));
    /** @type {GPUFeatureName[]} */
    const features = chosen === "f16" ? ["shader-f16"] : [];
    try {
      return new Gpu(await adapter.requestDevice({ requiredFeatures: features, requiredLimits: limits }), adapter, chosen);
    } catch (error) {
      throw new Error(`${NO_DEVICE} (${/** @type {Error} */ (error).message})`);
    }
  }

  /**
   * @param {GPUDevice} device
   * @param {GPUAdapter} adapter
   * @param {GpuNumbers} numbers
   */
  constructor(device, adapter, numbers) {
    this.device = device;
    this.adapter = adapter;
    this.numbers = numbers;
    this.mostBytes = device.limits.maxStorageBufferBindingSize;
  }

  /**
   * A compute pipeline: a template behind other parts, see sources.js.
   * @param {string} name
   * @param {string[]} [parts]
   * @param {Record<string, number>} [constants]
   * @returns {Promise<GPUComputePipeline>}
   */
  async kernel(name, parts = [], constants = {}) {
    const texts = await Promise.all([`numbers_${this.numbers}`, ...parts, name].map(shaderText));
    const code = (this.numbers === "f16" ? "enable f16;\n" : "") + writeShader(texts, constants);
    const module = this.device.createShaderModule({ code, label: name });
    return this.device.createComputePipelineAsync({ label: name, layout: "auto", compute: { module, entryPoint: "main" } });
  }

  /**
   * Memory of so many bytes, zeros, that kernels read and write.
   * @param {number} size
   * @param {string} what
   */
  buffer(size, what) {
    if (size > this.mostBytes) {
      const [needed, most] = [size, this.mostBytes].map((bytes) => (bytes / 2 ** 20).toFixed(0));
      throw new Error(`This clip is too large for this GPU: ${what} takes ${needed} MiB, ${most} at most can be used. \`dymap view\` shows it.`);
    }
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    return this.device.createBuffer({ label: what, size: Math.max(Math.ceil(size / 16) * 16, 16), usage });
  }

  /**
   * A buffer that holds an array.
   * @param {Float32Array | Uint32Array} array
   * @param {string} what
   */
  upload(array, what) {
    const buffer = this.buffer(array.byteLength, what);
    this.write(buffer, array);
    return buffer;
  }

  /**
   * A small buffer of numbers, one behind the other, which `write` changes.
   * @param {...(Float32Array | Uint32Array)} values
   */
  uniform(...values) {
    const length = values.reduce((sum, array) => sum + array.byteLength, 0);
    const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    const buffer = this.device.createBuffer({ size: Math.ceil(length / 16) * 16, usage });
    let at = 0;
    for (const array of values) {
      this.write(buffer, array, at);
      at += array.byteLength;
    }
    return buffer;
  }

  /**
   * @param {GPUBuffer} buffer
   * @param {Float32Array | Uint32Array} array
   */
  write(buffer, array, offset = 0) {
    if (array.length) this.device.queue.writeBuffer(buffer, offset, /** @type {any} */ (array));
  }

  /**
   * Buffers as the bindings 0, 1, ... of a pipeline.
   * @param {GPUComputePipeline | GPURenderPipeline} pipeline
   * @param {...GPUBuffer} buffers
   */
  bind(pipeline, ...buffers) {
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    return this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  /**
   * Run kernels, each seeing what those before it wrote.
   * @param {GpuStep[]} steps
   */
  run(steps) {
    const encoder = this.device.createCommandEncoder();
    const compute = encoder.beginComputePass();
    for (const { pipeline, bindings, groups } of steps) {
      compute.setPipeline(pipeline);
      compute.setBindGroup(0, bindings);
      compute.dispatchWorkgroups(groups[0], groups[1], groups[2]);
    }
    compute.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /** Until all that was asked for is done. */
  done() {
    return this.device.queue.onSubmittedWorkDone();
  }

  /**
   * The first so many floats of a buffer, when all kernels before are done.
   * @param {GPUBuffer} buffer
   * @param {number} count
   * @returns {Promise<Float32Array>}
   */
  async read(buffer, count) {
    const size = 4 * count;
    const copy = this.device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, copy, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const found = new Float32Array(copy.getMappedRange().slice(0));
    copy.destroy();
    return found;
  }
}

/**
 * Workgroups along x and y that hold so many invocations, within what one axis may have.
 * @param {number} count
 */
export function groupsOf(count, size = 64) {
  const groups = Math.ceil(count / size);
  const down = Math.max(1, Math.ceil(groups / MOST_GROUPS));
  return [Math.ceil(groups / down), down, 1];
}

const NO_WEBGPU =
  "This browser cannot draw the clip: it has no WebGPU. Chrome and Edge 113 or newer have it, Safari 26 and, on Windows, " +
  "Firefox 141. `dymap view` shows the clip in any browser.";
const NOT_SECURE = "Browsers draw with WebGPU only on secure pages (https) and on those of this machine (localhost); this one is neither.";
const NO_DEVICE = "This browser found a GPU, but does not get it: other programs may hold it, or its driver has stopped; try again";
const NO_ADAPTER =
  "This browser has WebGPU, but found no GPU that it may use: perhaps hardware acceleration is switched off in its settings. " +
  "`dymap view` shows the clip without one.";
