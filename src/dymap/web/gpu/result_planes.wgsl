// What a convolution writes: planes of a frame.
alias Result = Four;

fn as_result(v: vec4<f32>) -> Result { return as_four(v); }
