// A transposed convolution 4 x 4, stride 2, with a bias for every pixel, then LeakyReLU(0.2) (method.md 4).
//
// An output pixel takes 2 x 2 input pixels, with the kernel's places of its parity: invocations of a workgroup have one
// parity, so that they read the same weights. Each computes four channels of four pixels, two apart.

struct Upsampling {
  before: u32, // pixels of a side of the input
  input_quads: u32,
  outputs: u32, // channels
}

@group(0) @binding(0) var<uniform> sizes: Upsampling;
@group(0) @binding(1) var<storage, read> image: array<vec4<f32>>; // [before, before, input_quads]
@group(0) @binding(2) var<storage, read> weights: array<Four>; // [output quads, 16, input_quads, 4]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [outputs, 2 before, 2 before]
@group(0) @binding(4) var<storage, read_write> result: array<vec4<f32>>; // [2 before, 2 before, output quads]

@compute @workgroup_size(32, 2)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let quads = (sizes.outputs + 3u) / 4u;
  let across = (sizes.before + 3u) / 4u;
  if (id.x >= across * sizes.before || id.y >= quads) {
    return;
  }
  let parity = vec2<u32>(id.z & 1u, id.z >> 1u);
  let place = vec2<u32>(id.x % across * 4u, id.x / across);
  var a = vec4<f32>();
  var b = vec4<f32>();
  var c = vec4<f32>();
  var d = vec4<f32>();
  for (var tap = 0u; tap < 4u; tap++) {
    let back = vec2<u32>(tap & 1u, tap >> 1u);
    let kernel = 1u - parity + 2u * back;
    let row = i32(place.y + parity.y) - i32(back.y);
    let column = i32(place.x + parity.x) - i32(back.x);
    if (row < 0 || row >= i32(sizes.before)) {
      continue;
    }
    let at = row * i32(sizes.before);
    var w = ((id.y * 4u + kernel.y) * 4u + kernel.x) * sizes.input_quads * 4u;
    for (var k = 0u; k < sizes.input_quads; k++) {
      let m = mat4x4<f32>(four(weights[w]), four(weights[w + 1u]), four(weights[w + 2u]), four(weights[w + 3u]));
      a += m * pixel(at, column, k);
      b += m * pixel(at, column + 1, k);
      c += m * pixel(at, column + 2, k);
      d += m * pixel(at, column + 3, k);
      w += 4u;
    }
  }
  put(place, parity, id.y, quads, a);
  put(place + vec2<u32>(1u, 0u), parity, id.y, quads, b);
  put(place + vec2<u32>(2u, 0u), parity, id.y, quads, c);
  put(place + vec2<u32>(3u, 0u), parity, id.y, quads, d);
}

fn pixel(row: i32, column: i32, quad: u32) -> vec4<f32> {
  let inside = column >= 0 && column < i32(sizes.before);
  let at = u32(row + clamp(column, 0, i32(sizes.before) - 1)) * sizes.input_quads + quad;
  return select(vec4<f32>(), image[at], inside);
}

fn put(place: vec2<u32>, parity: vec2<u32>, quad: u32, quads: u32, sum: vec4<f32>) {
  if (place.x >= sizes.before) {
    return;
  }
  let side = 2u * sizes.before;
  let at = (2u * place.y + parity.y) * side + 2u * place.x + parity.x;
  var value = sum;
  for (var lane = 0u; lane < 4u; lane++) {
    let channel = quad * 4u + lane;
    if (channel < sizes.outputs) {
      value[lane] += bias[channel * side * side + at];
    }
  }
  result[at * quads + quad] = max(value, 0.2 * value);
}
