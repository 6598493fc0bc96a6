// Which pixels a convolution computes: all.
fn wanted(group: u32, place: vec2<u32>) -> bool { return true; }
