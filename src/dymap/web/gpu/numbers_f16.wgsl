// Numbers of planes, networks and the decoder's weights as they lie in memory: 16 bits each. Networks multiply in 16
// bits, and their products are added up in 32. For adapters with `shader-f16`; begins with `enable f16;`.
alias real = f16;
alias Four = vec4<f16>;
alias Two = vec2<f16>;
alias Weights = vec4<f16>; // of networks

const MOST = 65504.0; // of 16 bits

fn four(v: Four) -> vec4<f32> { return vec4<f32>(v); }
fn two(v: Two) -> vec2<f32> { return vec2<f32>(v); }
fn as_four(v: vec4<f32>) -> Four { return vec4<f16>(clamp(v, vec4<f32>(-MOST), vec4<f32>(MOST))); }
fn weights_of(v: Weights) -> vec4<f32> { return four(v); }
fn as_weights(v: vec4<f32>) -> Weights { return as_four(v); }
fn as_two(v: vec2<f32>) -> Two { return vec2<f16>(clamp(v, vec2<f32>(-MOST), vec2<f32>(MOST))); }

// The product of a 4x4 matrix, given by its columns, and a vector.
fn times(a: Weights, b: Weights, c: Weights, d: Weights, x: vec4<real>) -> vec4<f32> {
  return vec4<f32>(mat4x4<f16>(a, b, c, d) * x);
}
