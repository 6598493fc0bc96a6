// @ts-check
/** A picture on a canvas, or as bytes (present.wgsl). */
import { shaderText } from "./sources.js";

const PRESENT_LAYERS = ["colour", "depth", "opacity"];

/**
 * @typedef {import("./march.js").GpuPicture} GpuPicture
 * @typedef {import("../engines/engine.js").View} View
 */

export class GpuPresenter {
  /**
   * @param {import("./device.js").Gpu} gpu
   * @returns {Promise<GpuPresenter>}
   */
  static async make(gpu) {
    const module = gpu.device.createShaderModule({ code: await shaderText("present"), label: "present" });
    const presenter = new GpuPresenter(gpu, module);
    await presenter.pipeline(presenter.format);
    return presenter;
  }

  /**
   * @param {import("./device.js").Gpu} gpu
   * @param {GPUShaderModule} module
   */
  constructor(gpu, module) {
    this.gpu = gpu;
    this.module = module;
    this.format = navigator.gpu.getPreferredCanvasFormat();
    /** @type {Map<GPUTextureFormat, GPURenderPipeline>} made when they are needed */
    this.pipelines = new Map();
    this.uniform = gpu.uniform(new Float32Array(12));
    /** @type {GPUCanvasContext | null} */
    this.context = null;
  }

  /**
   * What draws into textures of a format.
   * @param {GPUTextureFormat} format
   */
  async pipeline(format) {
    const { module } = this;
    const made =
      this.pipelines.get(format) ??
      (await this.gpu.device.createRenderPipelineAsync({
        layout: "auto",
        vertex: { module, entryPoint: "corner" },
        fragment: { module, entryPoint: "pixel", targets: [{ format }] },
      }));
    this.pipelines.set(format, made);
    return made;
  }

  /** @param {HTMLCanvasElement} canvas */
  attach(canvas) {
    const empty = canvas.width * canvas.height === 0; // it gets a size, and is attached again
    this.context = empty ? null : /** @type {GPUCanvasContext | null} */ (canvas.getContext("webgpu"));
    this.context?.configure({ device: this.gpu.device, format: this.format, alphaMode: "premultiplied" });
  }

  /**
   * Show a picture on the canvas, scaled to it.
   * @param {GpuPicture} picture
   * @param {View} view
   * @param {number[]} range nearest and farthest depth, metres
   */
  show(picture, view, range) {
    if (!this.context) return;
    const pipeline = /** @type {GPURenderPipeline} */ (this.pipelines.get(this.format));
    const texture = this.context.getCurrentTexture();
    this.gpu.device.queue.submit([this.pass(pipeline, texture, picture, view, range).finish()]);
  }

  /**
   * The picture as it is shown, in its own size: [height * width * 4] bytes, straight alpha.
   * @param {GpuPicture} picture
   * @param {View} view
   * @param {number[]} range
   * @returns {Promise<Uint8ClampedArray>}
   */
  async bytes(picture, view, range) {
    const { device } = this.gpu;
    const { width, height } = picture;
    const pipeline = await this.pipeline("rgba8unorm");
    const row = Math.ceil((4 * width) / 256) * 256;
    const texture = device.createTexture({ size: [width, height], format: "rgba8unorm", usage: GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC });
    const copy = device.createBuffer({ size: row * height, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const encoder = this.pass(pipeline, texture, picture, view, range);
    encoder.copyTextureToBuffer({ texture }, { buffer: copy, bytesPerRow: row }, [width, height]);
    device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const padded = new Uint8Array(copy.getMappedRange());
    const out = new Uint8ClampedArray(4 * width * height);
    for (let y = 0; y < height; y++) out.set(padded.subarray(y * row, y * row + 4 * width), 4 * y * width);
    copy.destroy();
    texture.destroy();
    for (let i = 0; i < out.length; i += 4) {
      const opacity = out[i + 3];
      if (opacity > 0 && opacity < 255) for (let c = i; c < i + 3; c++) out[c] = (out[c] * 255) / opacity;
    }
    return out;
  }

  /**
   * @param {GPURenderPipeline} pipeline
   * @param {GPUTexture} texture
   * @param {GpuPicture} picture
   * @param {View} view
   * @param {number[]} range
   */
  pass(pipeline, texture, picture, view, range) {
    const background = view.background ?? [0, 0, 0];
    const layer = Math.max(PRESENT_LAYERS.indexOf(view.layer), 0); // what is occupied is shown as a colour
    const exposure = view.layer === "colour" ? (view.exposure ?? 0) : 0;
    const behind = view.layer === "occupancy" ? [0, 0, 0, 1] : [...background, Number(view.background !== null)];
    const size = [picture.width, picture.height, texture.width, texture.height];
    this.gpu.write(this.uniform, new Float32Array([...size, ...behind, layer, exposure, ...range]));
    const encoder = this.gpu.device.createCommandEncoder();
    const drawing = encoder.beginRenderPass({ colorAttachments: [{ view: texture.createView(), loadOp: "clear", storeOp: "store" }] });
    drawing.setPipeline(pipeline);
    drawing.setBindGroup(0, this.gpu.bind(pipeline, this.uniform, picture.colours, picture.depths));
    drawing.draw(3);
    drawing.end();
    return encoder;
  }
}
