// Numbers of planes, networks and weights as they lie in memory: 16 bits each, two in a word; computed with in 32 bits.
alias real = f32;
alias Four = vec2<u32>;
alias Two = u32;

const MOST = 65504.0; // of 16 bits

fn four(v: Four) -> vec4<f32> { return vec4<f32>(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn two(v: Two) -> vec2<f32> { return unpack2x16float(v); }
fn as_two(v: vec2<f32>) -> Two { return pack2x16float(clamp(v, vec2<f32>(-MOST), vec2<f32>(MOST))); }
fn as_four(v: vec4<f32>) -> Four { return vec2<u32>(as_two(v.xy), as_two(v.zw)); }

// The product of a 4x4 matrix, given by its columns, and a vector.
fn times(a: Four, b: Four, c: Four, d: Four, x: vec4<real>) -> vec4<f32> {
  return mat4x4<f32>(four(a), four(b), four(c), four(d)) * x;
}
