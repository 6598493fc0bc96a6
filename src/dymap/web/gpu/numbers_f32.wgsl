// Numbers of planes, networks and the decoder's weights as they lie in memory: 32 bits each.
alias real = f32;
alias Four = vec4<f32>;
alias Two = vec2<f32>;
alias Weights = vec4<f32>; // of networks

fn four(v: Four) -> vec4<f32> { return v; }
fn two(v: Two) -> vec2<f32> { return v; }
fn as_four(v: vec4<f32>) -> Four { return v; }
fn as_two(v: vec2<f32>) -> Two { return v; }
fn weights_of(v: Weights) -> vec4<f32> { return v; }
fn as_weights(v: vec4<f32>) -> Weights { return v; }

// The product of a 4x4 matrix, given by its columns, and a vector.
fn times(a: Weights, b: Weights, c: Weights, d: Weights, x: vec4<real>) -> vec4<f32> {
  return mat4x4<f32>(a, b, c, d) * x;
}
