// @ts-check
/** Pictures as video encoders take them: brightness of every pixel, colour of every four (ITU-R BT.709, limited range). */

const [RED, GREEN, BLUE] = [0.2126, 0.7152, 0.0722]; // of brightness

/**
 * @param {Uint8ClampedArray} pixels [height, width, 4] red, green, blue, opacity; over black, or opaque
 * @param {number} width pixels
 * @param {number} height
 * @returns {Uint8Array<ArrayBuffer>} I420: brightness [height, width], then both colour differences [(height + 1) / 2, (width + 1) / 2]
 */
export function planesOf(pixels, width, height) {
  const [columns, rows] = [(width + 1) >> 1, (height + 1) >> 1];
  const out = new Uint8Array(width * height + 2 * columns * rows);
  const [blues, reds] = [width * height, width * height + columns * rows];
  for (let i = 0, at = 0; at < width * height; i += 4, at++) {
    out[at] = 16.5 + (219 / 255) * (RED * pixels[i] + GREEN * pixels[i + 1] + BLUE * pixels[i + 2]);
  }
  for (let row = 0; row < rows; row++) {
    const [above, below] = [2 * row, Math.min(2 * row + 1, height - 1)].map((y) => 4 * width * y);
    for (let column = 0; column < columns; column++) {
      const [left, right] = [8 * column, 4 * Math.min(2 * column + 1, width - 1)];
      const [a, b, c, d] = [above + left, above + right, below + left, below + right];
      const red = (pixels[a] + pixels[b] + pixels[c] + pixels[d]) / 4;
      const green = (pixels[a + 1] + pixels[b + 1] + pixels[c + 1] + pixels[d + 1]) / 4;
      const blue = (pixels[a + 2] + pixels[b + 2] + pixels[c + 2] + pixels[d + 2]) / 4;
      const bright = RED * red + GREEN * green + BLUE * blue;
      const at = row * columns + column;
      out[blues + at] = 128.5 + ((224 / 255) * (blue - bright)) / (2 * (1 - BLUE));
      out[reds + at] = 128.5 + ((224 / 255) * (red - bright)) / (2 * (1 - RED));
    }
  }
  return out;
}
