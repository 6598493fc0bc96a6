// The view embedding: real spherical harmonics of the unit direction, bands 0 to 3 (method.md 3).
fn views(d: vec3<f32>) -> array<vec4<f32>, 4> {
  let x = d.x;
  let y = d.y;
  let z = d.z;
  return array<vec4<f32>, 4>(
    vec4<f32>(0.28209479, -0.48860251 * y, 0.48860251 * z, -0.48860251 * x),
    vec4<f32>(1.09254843 * x * y, -1.09254843 * y * z, 0.94617470 * z * z - 0.31539157, -1.09254843 * x * z),
    vec4<f32>(0.54627422 * (x * x - y * y), -0.59004359 * y * (3.0 * x * x - y * y), 2.89061144 * x * y * z,
              0.45704580 * y * (1.0 - 5.0 * z * z)),
    vec4<f32>(0.37317633 * z * (5.0 * z * z - 3.0), 0.45704580 * x * (1.0 - 5.0 * z * z),
              1.44530572 * z * (x * x - y * y), 0.59004359 * x * (3.0 * y * y - x * x)),
  );
}
