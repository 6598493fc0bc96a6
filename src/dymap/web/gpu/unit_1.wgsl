// An entry of the hash grids is read feature by feature, each of 32 bits.
alias Unit = f32;
alias RawUnit = f32;

fn unit(v: Unit) -> RawUnit { return v; }
fn as_unit(v: RawUnit) -> Unit { return v; }

// The unit as part of four channels, of which it is number `lane`.
fn spread(v: RawUnit, lane: u32) -> vec4<f32> {
  return select(vec4<f32>(), vec4<f32>(v), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(lane));
}
