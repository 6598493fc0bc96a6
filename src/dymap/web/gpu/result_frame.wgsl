// What a convolution writes: planes or networks of a frame.
alias Result = Four;

fn as_result(v: vec4<f32>) -> Result { return as_four(v); }
