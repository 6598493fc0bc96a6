// The decoder's first layer: a frame's code becomes an image of 4 x 4 pixels (method.md 4).

struct Linear {
  frame: u32, // whose code
  length: u32, // of a code
  width: u32, // channels of the image
  scale: f32,
}

@group(0) @binding(0) var<uniform> sizes: Linear;
@group(0) @binding(1) var<storage, read> codes: array<f32>; // [frames, length]
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [width * 16, length]
@group(0) @binding(3) var<storage, read> bias: array<f32>; // [width * 16]
@group(0) @binding(4) var<storage, read_write> image: array<vec4<f32>>; // [4, 4, width / 4]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let quads = (sizes.width + 3u) / 4u;
  if (id.x >= 16u * quads) {
    return;
  }
  let pixel = id.x / quads;
  var sum = vec4<f32>();
  for (var lane = 0u; lane < 4u; lane++) {
    let channel = id.x % quads * 4u + lane;
    if (channel < sizes.width) {
      let row = channel * 16u + pixel;
      var total = 0.0;
      for (var k = 0u; k < sizes.length; k++) {
        total += weight[row * sizes.length + k] * codes[sizes.frame * sizes.length + k];
      }
      sum[lane] = total * sizes.scale + bias[row];
    }
  }
  image[id.x] = max(sum, 0.2 * sum);
}
