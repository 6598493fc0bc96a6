// What a convolution writes: an image of a layer that the next one reads.
alias Result = vec4<f32>;

fn as_result(v: vec4<f32>) -> Result { return v; }
