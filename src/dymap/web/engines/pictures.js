// @ts-check
/** Pictures that are no pictures of the screen: of films, of cameras, as files. */

const THUMBNAIL = 192; // pixels of the longer side
const MAX_PICTURES = 100_000; // of a film

/**
 * What the images of a film show.
 * @param {any} path the JSON of `dymap render --cameras`
 * @param {number} frames of the clip
 * @returns {{frame: number, K: number[], R: number[], T: number[], width: number, height: number}[]}
 */
export function viewsOfPath(path, frames) {
  const cameras = path?.cameras;
  if (!Array.isArray(cameras) || cameras.length < 1 || cameras.length > MAX_PICTURES) {
    throw new Error(`a film has 1 to ${MAX_PICTURES} images`);
  }
  return cameras.map(({ K, R, T, width, height, pixel_offset: offset, frame }, index) => {
    const lens = K.flat();
    lens[2] -= offset;
    lens[5] -= offset;
    const numbers = [...lens, ...R.flat(), ...T, width, height];
    const right = numbers.length === 23 && numbers.every(Number.isFinite) && Number.isInteger(frame) && frame >= 0 && frame < frames;
    if (!right) throw new Error(`image ${index} of the film is none of this clip`);
    return { frame, K: lens, R: R.flat(), T, width, height };
  });
}

/**
 * @param {{width: number, height: number}} camera
 * @returns {{width: number, height: number}} pixels
 */
export function thumbnailSize({ width, height }) {
  const scale = THUMBNAIL / Math.max(width, height);
  const [across, down] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  return { width: across, height: down };
}

/**
 * @param {Uint8ClampedArray} pixels [height, width, 4] straight alpha
 * @param {number} width
 * @param {number} height
 * @param {string} type image/png or image/jpeg
 * @returns {Promise<Blob>}
 */
export function imageFile(pixels, width, height, type) {
  const surface = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (surface.getContext("2d"));
  context.putImageData(new ImageData(/** @type {any} */ (pixels), width, height), 0, 0);
  return surface.convertToBlob({ type });
}
