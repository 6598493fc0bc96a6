// Numbers of planes and the decoder's weights as they lie in memory: 16 bits each, two in a word. Those of networks have
// 32 bits: they are few, and each would be unpacked for every product.
alias real = f32;
alias Four = vec2<u32>;
alias Two = u32;
alias Weights = vec4<f32>; // of networks

const MOST = 65504.0; // of 16 bits

fn four(v: Four) -> vec4<f32> { return vec4<f32>(unpack2x16float(v.x), unpack2x16float(v.y)); }
fn two(v: Two) -> vec2<f32> { return unpack2x16float(v); }
fn as_two(v: vec2<f32>) -> Two { return pack2x16float(clamp(v, vec2<f32>(-MOST), vec2<f32>(MOST))); }
fn as_four(v: vec4<f32>) -> Four { return vec2<u32>(as_two(v.xy), as_two(v.zw)); }
fn weights_of(v: Weights) -> vec4<f32> { return v; }
fn as_weights(v: vec4<f32>) -> Weights { return v; }

// The product of a 4x4 matrix, given by its columns, and a vector.
fn times(a: Weights, b: Weights, c: Weights, d: Weights, x: vec4<real>) -> vec4<f32> {
  return mat4x4<f32>(a, b, c, d) * x;
}
