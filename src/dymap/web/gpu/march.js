// @ts-check
/** Pictures of frames: rays through their occupied voxels, band by band (march.wgsl). */
import { raysOfView } from "./lens.js";
import { marchLevels } from "./segment.js";

const HEAD = 28; // words of View in march.wgsl before its levels
const OCCUPANCY_LAYER = 1;
const MERGED = 4; // consecutive samples that get one colour in a draft

/**
 * @typedef {import("./segment.js").GpuFrame} GpuFrame
 * @typedef {import("../engines/engine.js").View} View
 * @typedef {object} GpuPicture
 * @property {number} width pixels @property {number} height
 * @property {GPUBuffer} colours [height, width, 4] rgb over black, opacity
 * @property {GPUBuffer} depths [height, width, 2] metres along the ray, where it leaves the box
 */

export class GpuMarch {
  /**
   * @param {import("./kernels.js").Kernels} kernels
   * @param {Pick<import("../file/facts.js").Facts, "levels" | "render">} facts of the clip
   */
  constructor(kernels, { levels, render }) {
    this.kernels = kernels;
    this.maxSamples = render.max_samples; // the step is the box's diagonal divided by this
    this.levels = marchLevels(levels);
    /** @type {GPUBuffer[]} one for each frame of a picture */
    this.views = [];
    /** @type {GpuPicture | null} */
    this.kept = null;
  }

  /**
   * Memory for a picture of a size; used again for the next.
   * @param {number} width
   * @param {number} height
   * @returns {GpuPicture}
   */
  picture(width, height) {
    const { gpu } = this.kernels;
    const kept = this.kept;
    if (kept && kept.colours.size >= 16 * width * height && kept.colours.size <= 64 * width * height) return { ...kept, width, height };
    kept?.colours.destroy();
    kept?.depths.destroy();
    this.kept = { width, height, colours: gpu.buffer(16 * width * height, "the picture"), depths: gpu.buffer(8 * width * height, "the picture") };
    return this.kept;
  }

  /**
   * Draw rows of a picture.
   * @param {View} view
   * @param {GpuPicture} picture
   * @param {{frame: GpuFrame, weight: number}[]} parts what is mixed; weights sum up to 1
   * @param {boolean} draft a few samples may get one colour
   * @param {number} first row
   * @param {number} stop row
   */
  draw(view, picture, parts, draft, first = 0, stop = picture.height) {
    const { gpu, march } = this.kernels;
    const groups = [Math.ceil(picture.width / 8), Math.ceil((stop - first) / 8), 1];
    const steps = parts.map(({ frame, weight }, k) => {
      this.views[k] ??= gpu.uniform(new Uint32Array(HEAD), this.levels);
      gpu.write(this.views[k], this.head(view, picture, frame, { weight, added: k > 0, draft, row: first }));
      const { planes, grids, networks, occupied } = frame;
      const bindings = gpu.bind(march, this.views[k], planes, grids, networks, occupied, picture.colours, picture.depths);
      return { pipeline: march, bindings, groups };
    });
    gpu.run(steps);
  }

  /**
   * @param {View} view
   * @param {GpuPicture} picture
   * @param {GpuFrame} frame
   * @param {{weight: number, added: boolean, draft: boolean, row: number}} how added: to what is there
   */
  head(view, { width, height }, { box }, { weight, added, draft, row }) {
    const { right, down, ahead, origin } = raysOfView(view, width, height);
    const head = new Uint32Array(HEAD);
    const { constants: n } = this.kernels;
    const sides = [0, 1, 2].map((axis) => box[3 + axis] - box[axis]);
    const layer = view.layer === "occupancy" ? OCCUPANCY_LAYER : 0;
    const voxel = Math.min(sides[0] / n.GRID_X, sides[1] / n.GRID_Y, sides[2] / n.GRID_Z);
    const step = layer === OCCUPANCY_LAYER ? voxel / 2 : Math.hypot(...sides) / this.maxSamples;
    const floats = [right, draft ? MERGED : 1, down, 0, ahead, 0, origin, step, ...box.slice(0, 3), weight, ...box.slice(3), Number(added)];
    new Float32Array(head.buffer).set(floats.flat());
    head.set([width, height, layer, row], 24);
    return head;
  }

  destroy() {
    this.kept?.colours.destroy();
    this.kept?.depths.destroy();
    for (const view of this.views) view.destroy();
    this.kept = null;
    this.views = [];
  }
}
