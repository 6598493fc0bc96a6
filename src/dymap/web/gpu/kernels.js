// @ts-check
/** All kernels that a clip needs, compiled for its sizes. */
import { hasFootprints, kernelConstants } from "./sizes.js";

/** @typedef {import("./device.js").Gpu} Gpu */

/**
 * @typedef {object} Kernels
 * @property {Gpu} gpu
 * @property {import("../file/options.js").FieldOptions} field
 * @property {Record<string, number>} constants
 * @property {GPUComputePipeline} pack @property {GPUComputePipeline} linear @property {GPUComputePipeline} upsample
 * @property {GPUComputePipeline} toImage convolutions that write an image
 * @property {GPUComputePipeline} toPlanes and planes @property {GPUComputePipeline} toNetworks and networks, or maps
 * @property {GPUComputePipeline} collapse @property {GPUComputePipeline} occupy
 * @property {GPUComputePipeline} footprint if a field has them @property {GPUComputePipeline} multiply of networks of three layers
 * @property {GPUComputePipeline} march
 */

/**
 * @param {Gpu} gpu
 * @param {Pick<import("../file/facts.js").Facts, "field" | "levels" | "grid">} facts of the clip
 * @param {(kernels: Kernels) => void} [decodable] all are there but the march, which takes longest: frames can be decoded
 * @returns {Promise<Kernels>}
 */
export async function compileKernels(gpu, { field, levels, grid }, decodable = () => {}) {
  const constants = kernelConstants(field, levels, grid);
  const unit = `unit_${constants.UNIT}`;
  const footprints = hasFootprints(field);
  const mask = footprints ? "mask_footprint" : "mask_all";
  const wanted = {
    pack: gpu.kernel("pack"),
    linear: gpu.kernel("linear"),
    upsample: gpu.kernel("upsample"),
    toImage: gpu.kernel("convolve", ["result_image", "mask_all"]),
    toPlanes: gpu.kernel("convolve", ["result_planes", mask]),
    toNetworks: gpu.kernel("convolve", [field.layers === 3 ? "result_image" : "result_networks", mask]),
    ...(footprints ? { footprint: gpu.kernel("footprint", [], constants) } : {}),
    ...(field.layers === 3 ? { multiply: gpu.kernel("multiply", [], constants) } : {}),
    collapse: gpu.kernel("collapse", [unit], constants),
    occupy: gpu.kernel("occupy", [], constants),
  };
  const march = gpu.kernel("march", [unit, `views_${field.directions}`], constants);
  march.catch(() => {}); // told below
  const names = Object.keys(wanted);
  const compiled = await Promise.all(Object.values(wanted));
  const pipelines = Object.fromEntries(names.map((name, k) => [name, compiled[k]]));
  const kernels = /** @type {Kernels} */ ({ gpu, field, constants, ...pipelines });
  decodable(kernels);
  kernels.march = await march;
  return kernels;
}
