// An entry of the hash grids is read in units of two features.
alias Unit = Two;
alias RawUnit = vec2<f32>;

fn unit(v: Unit) -> RawUnit { return two(v); }
fn as_unit(v: RawUnit) -> Unit { return as_two(v); }

// The unit as part of four channels, of which its first is number `lane`.
fn spread(v: RawUnit, lane: u32) -> vec4<f32> {
  return select(vec4<f32>(v, 0.0, 0.0), vec4<f32>(0.0, 0.0, v), lane == 2u);
}
