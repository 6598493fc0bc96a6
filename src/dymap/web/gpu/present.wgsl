// The picture on the canvas: scaled to its size, one of the layers, over a background (docs/conventions.md).

struct Present {
  size: vec4<f32>, // width and height of the picture, then of the canvas, pixels
  background: vec4<f32>, // rgb; w: 0 if it is transparent
  layer: vec4<f32>, // which; exposure in stops; distances of the nearest and the farthest depth, metres
}

const COLOUR = 0.0;
const DEPTH = 1.0;
const OPACITY = 2.0;

@group(0) @binding(0) var<uniform> present: Present;
@group(0) @binding(1) var<storage, read> picture: array<vec4<f32>>; // see march.wgsl
@group(0) @binding(2) var<storage, read> depths: array<vec2<f32>>;

@vertex
fn corner(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
  return vec4<f32>(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0, 0.0, 1.0); // a triangle over everything
}

@fragment
fn pixel(@builtin(position) place: vec4<f32>) -> @location(0) vec4<f32> {
  let size = present.size.xy;
  let at = clamp(place.xy / present.size.zw * size - 0.5, vec2<f32>(), size - 1.0);
  let cell = floor(at);
  let f = at - cell;
  let above = mix(shown(cell), shown(cell + vec2<f32>(1.0, 0.0)), f.x);
  let below = mix(shown(cell + vec2<f32>(0.0, 1.0)), shown(cell + vec2<f32>(1.0)), f.x);
  return mix(above, below, f.y);
}

// A pixel of the picture as the canvas wants it: premultiplied.
fn shown(place: vec2<f32>) -> vec4<f32> {
  let nearest = vec2<u32>(min(place, present.size.xy - 1.0));
  let at = nearest.y * u32(present.size.x) + nearest.x;
  let seen = picture[at];
  if (present.layer.x == OPACITY) {
    return vec4<f32>(vec3<f32>(seen.w), 1.0);
  }
  if (present.layer.x == DEPTH) {
    return vec4<f32>(depth_colour(depths[at], seen.w) * seen.w, 1.0);
  }
  if (present.background.w == 0.0) {
    let straight = seen.rgb / max(seen.w, 1e-6);
    return vec4<f32>(exposed(min(straight, vec3<f32>(1.0))) * seen.w, seen.w);
  }
  return vec4<f32>(exposed(seen.rgb + (1.0 - seen.w) * present.background.rgb), 1.0);
}

// Viridis, yellow at the nearest and violet at the farthest distance. lengths: depth, end of the ray, metres.
fn depth_colour(lengths: vec2<f32>, opacity: f32) -> vec3<f32> {
  let far = present.layer.w;
  let length = select(far, (lengths.x - (1.0 - opacity) * lengths.y) / max(opacity, 1e-6), opacity > 0.0);
  let x = clamp((far - length) / (far - present.layer.z), 0.0, 1.0);
  // Of degree 6, fitted to the table: within 0.02 of it.
  var c = vec3<f32>(-5.0440, 4.6963, 26.4591);
  c = c * x + vec3<f32>(3.5966, -13.9446, -65.8384);
  c = c * x + vec3<f32>(7.4812, 14.4246, 57.1867);
  c = c * x + vec3<f32>(-5.2423, -5.9366, -19.5389);
  c = c * x + vec3<f32>(-0.1842, 0.2687, 0.1458);
  c = c * x + vec3<f32>(0.0967, 1.3907, 1.3802);
  c = c * x + vec3<f32>(0.2745, 0.0059, 0.3332);
  return clamp(c, vec3<f32>(), vec3<f32>(1.0));
}

// As if the lens had let in 2^stops as much light: in linear light of sRGB.
fn exposed(colour: vec3<f32>) -> vec3<f32> {
  if (present.layer.y == 0.0) {
    return colour;
  }
  let c = clamp(colour, vec3<f32>(), vec3<f32>(1.0));
  let linear = select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c <= vec3<f32>(0.04045));
  let light = min(linear * exp2(present.layer.y), vec3<f32>(1.0));
  return select(1.055 * pow(light, vec3<f32>(1.0 / 2.4)) - 0.055, light * 12.92, light <= vec3<f32>(0.0031308));
}
