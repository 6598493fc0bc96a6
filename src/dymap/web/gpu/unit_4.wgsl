// An entry of the hash grids is read in units of four features.
alias Unit = Four;
alias RawUnit = vec4<f32>;

fn unit(v: Unit) -> RawUnit { return four(v); }
fn as_unit(v: RawUnit) -> Unit { return as_four(v); }

// The unit as part of four channels, of which its first is number `lane`.
fn spread(v: RawUnit, lane: u32) -> vec4<f32> { return v; }
