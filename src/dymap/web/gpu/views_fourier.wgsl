// The view embedding: for each component of the unit direction [x, cos x, cos 2x, .., sin x, sin 2x, ..] (method.md 3).
fn views(d: vec3<f32>) -> array<vec4<f32>, VIEW_QUADS> {
  var values: array<vec4<f32>, VIEW_QUADS>;
$for v VIEW_QUADS
  values[$v] = vec4<f32>(view_number(d, 4u * $v), view_number(d, 4u * $v + 1u), view_number(d, 4u * $v + 2u), view_number(d, 4u * $v + 3u));
$end
  return values;
}

fn view_number(d: vec3<f32>, number: u32) -> f32 {
  const BLOCK = 2u * FREQUENCIES + 1u;
  let x = d[min(number / BLOCK, 2u)];
  let at = number % BLOCK;
  if (at == 0u) {
    return x;
  }
  if (at <= FREQUENCIES) {
    return cos(x * f32(1u << (at - 1u)));
  }
  return sin(x * f32(1u << (at - FREQUENCIES - 1u)));
}
