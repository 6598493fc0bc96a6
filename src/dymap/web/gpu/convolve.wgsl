// A convolution 3 x 3, zeros outside, stride 1 or 2, with or without ReLU (method.md 4). Its output channels lie in
// groups, each an image of its own: so the heads write planes and networks as they are read in the march.
//
// An invocation computes four channels of four neighbouring pixels; those of a workgroup's row read the same weights.
// Pixels that nobody reads are left out (mask_*.wgsl).

struct Convolution {
  before: u32, // pixels of a side of the input
  after: u32, // of the output
  input_quads: u32,
  output_quads: u32,
  group: u32, // quads of a group of the output
  relu: u32,
}

@group(0) @binding(0) var<uniform> sizes: Convolution;
@group(0) @binding(1) var<storage, read> image: array<vec4<f32>>; // [before, before, input_quads]
@group(0) @binding(2) var<storage, read> weights: array<Four>; // [output_quads, 9, input_quads, 4]
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>; // [output_quads]
@group(0) @binding(4) var<storage, read_write> result: array<Result>; // [groups, after, after, group]

@compute @workgroup_size(32, 2)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let across = (sizes.after + 3u) / 4u;
  if (id.x >= across * sizes.after || id.y >= sizes.output_quads) {
    return;
  }
  let stride = sizes.before / sizes.after;
  let place = place_of(id.x, across);
  if (!wanted(id.y / sizes.group, place)) {
    return;
  }
  var a = bias[id.y];
  var b = a;
  var c = a;
  var d = a;
  for (var tap = 0u; tap < 9u; tap++) {
    let row = i32(place.y * stride + tap / 3u) - 1;
    let column = i32(place.x * stride + tap % 3u) - 1;
    if (row < 0 || row >= i32(sizes.before)) {
      continue;
    }
    let at = row * i32(sizes.before);
    let step = i32(stride);
    var w = (id.y * 9u + tap) * sizes.input_quads * 4u;
    for (var k = 0u; k < sizes.input_quads; k++) {
      let m = mat4x4<f32>(four(weights[w]), four(weights[w + 1u]), four(weights[w + 2u]), four(weights[w + 3u]));
      a += m * pixel(at, column, k);
      b += m * pixel(at, column + step, k);
      c += m * pixel(at, column + 2 * step, k);
      d += m * pixel(at, column + 3 * step, k);
      w += 4u;
    }
  }
  put(place, id.y, a);
  put(place + vec2<u32>(1u, 0u), id.y, b);
  put(place + vec2<u32>(2u, 0u), id.y, c);
  put(place + vec2<u32>(3u, 0u), id.y, d);
}

// The first pixel of an invocation: those of a row of a workgroup make a square, of 16 x 8 pixels, if the image is large
// enough.
fn place_of(number: u32, across: u32) -> vec2<u32> {
  if (across % 4u != 0u || sizes.after % 8u != 0u) {
    return vec2<u32>(number % across * 4u, number / across);
  }
  let tile = number / 32u;
  let inner = number % 32u;
  let tiles = across / 4u;
  return vec2<u32>((tile % tiles * 4u + inner % 4u) * 4u, tile / tiles * 8u + inner / 4u);
}

fn pixel(row: i32, column: i32, quad: u32) -> vec4<f32> {
  let inside = column >= 0 && column < i32(sizes.before);
  let at = u32(row + clamp(column, 0, i32(sizes.before) - 1)) * sizes.input_quads + quad;
  return select(vec4<f32>(), image[at], inside);
}

fn put(place: vec2<u32>, quad: u32, sum: vec4<f32>) {
  if (place.x >= sizes.after) {
    return;
  }
  let number = quad / sizes.group;
  let at = (number * sizes.after + place.y) * sizes.after + place.x;
  let value = select(sum, max(sum, vec4<f32>()), sizes.relu == 1u);
  result[at * sizes.group + quad % sizes.group] = as_result(value);
}
