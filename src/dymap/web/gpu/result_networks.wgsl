// What a convolution writes: networks of a frame.
alias Result = Weights;

fn as_result(v: vec4<f32>) -> Result { return as_weights(v); }
