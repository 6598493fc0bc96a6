// Weights of a convolution, from the order of the file to the order in which they are multiplied: for each four output
// channels, place of the kernel and four input channels a 4x4 matrix, column by column. Once for a decoder.

struct Packing {
  quads: u32, // of output channels
  taps: u32, // places of the kernel
  inputs: u32, // input channels
  output_stride: u32, // numbers from an output channel to the next
  input_stride: u32,
  first: u32, // quad of the packed weights to begin with
  scale: f32,
}

const NONE = 0xffffffffu;

@group(0) @binding(0) var<uniform> sizes: Packing;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read> lanes: array<u32>; // the output channel of each place, or NONE: zeros
@group(0) @binding(3) var<storage, read_write> packed: array<Four>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * 64u + local;
  let columns = (sizes.inputs + 3u) / 4u * 4u;
  if (at >= sizes.quads * sizes.taps * columns) {
    return;
  }
  let input = at % columns;
  let tap = at / columns % sizes.taps;
  let quad = at / (columns * sizes.taps);
  var column = vec4<f32>();
  for (var lane = 0u; lane < 4u; lane++) {
    let output = lanes[quad * 4u + lane];
    if (output != NONE && input < sizes.inputs) {
      column[lane] = raw[output * sizes.output_stride + input * sizes.input_stride + tap] * sizes.scale;
    }
  }
  packed[sizes.first * sizes.taps * columns + at] = as_four(column);
}
