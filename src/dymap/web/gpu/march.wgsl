// The marching renderer (method.md 8): a ray for each invocation, samples in occupied voxels only, the colour of samples
// whose weight counts, an end when it is opaque. Samples are where `render/march.py` has them: in the middles of whole
// steps from where the ray enters the box. Drafts give a few consecutive samples one colour.

struct View {
  right: vec4<f32>, // pixel (i, j) looks along right i + down j + ahead, world; w: samples that may get one colour
  down: vec4<f32>, // w: the row that is the first in memory
  ahead: vec4<f32>,
  origin: vec4<f32>, // world, metres; w: the step, metres
  low: vec4<f32>, // the box, world, metres; w: share of this frame in the picture
  high: vec4<f32>, // w: 1 if it is added to what is there already
  size: vec4<u32>, // width of the picture, pixels, and where its rows end; layer; the row to begin with
  levels: array<vec4<u32>, LEVELS>, // of the hash grids: scale (bits of a float), vertices along an axis, first vertex
}

const OCCUPANCY = 1u; // the layer that shows occupied voxels
const MIN_WEIGHT = 1e-3;
const MIN_TRANSMITTANCE = 1e-3;
const GAP = 3.0; // steps without a sample, across which no colour is shared
const AWAY = 3e38; // depth of rays that miss the box

@group(0) @binding(0) var<uniform> view: View;
@group(0) @binding(1) var<storage, read> planes: array<Four>; // [3, P, P, PLANE_QUADS] features, then density coefficients
@group(0) @binding(2) var<storage, read> grids: array<Unit>; // [3, VERTICES, LEVEL_UNITS]
@group(0) @binding(3) var<storage, read> networks: array<Weights>; // [3, S * S, HIDDEN_QUADS, ROW]
@group(0) @binding(4) var<storage, read> occupied: array<u32>; // bits of voxels and of blocks, see occupy.wgsl
@group(0) @binding(5) var<storage, read_write> picture: array<vec4<f32>>; // [height, width] rgb over black, opacity
@group(0) @binding(6) var<storage, read_write> depths: array<vec2<f32>>; // [height, width] depth, end of the ray, metres

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y + view.size.w;
  if (id.x >= view.size.x || row >= view.size.y) {
    return;
  }
  let d = normalize(view.right.xyz * f32(id.x) + view.down.xyz * f32(row) + view.ahead.xyz);
  let range = slab_test(d);
  var seen = Seen(vec4<f32>(), AWAY, AWAY);
  if (range.x < range.y) {
    seen = march(d, max(range.x, 0.0), range.y);
  }
  let at = (row - u32(view.down.w)) * view.size.x + id.x;
  let share = view.low.w;
  if (view.high.w == 1.0) {
    picture[at] += share * seen.colour;
    depths[at] = vec2<f32>(min(depths[at].x + share * seen.depth, AWAY), seen.end);
  } else {
    picture[at] = share * seen.colour;
    depths[at] = vec2<f32>(share * seen.depth, seen.end);
  }
}

struct Seen {
  colour: vec4<f32>,
  depth: f32,
  end: f32,
}

// Where a ray enters and leaves the box, metres along it. Components near 0 are moved away from it, as published.
fn slab_test(d: vec3<f32>) -> vec2<f32> {
  var safe = select(d, vec3<f32>(1e-5), (d < vec3<f32>(1e-5)) & (d > vec3<f32>(-1e-10)));
  safe = select(safe, vec3<f32>(-1e-5), (safe < vec3<f32>(1e-10)) & (safe > vec3<f32>(-1e-5)));
  let a = (view.low.xyz - view.origin.xyz) / safe;
  let b = (view.high.xyz - view.origin.xyz) / safe;
  let near = min(a, b);
  let far = max(a, b);
  return vec2<f32>(max(near.x, max(near.y, near.z)), min(far.x, min(far.y, far.z)));
}

fn march(direction: vec3<f32>, near: f32, far: f32) -> Seen {
  let size = vec3<f32>(f32(GRID_X), f32(GRID_Y), f32(GRID_Z));
  let extent = view.high.xyz - view.low.xyz;
  let step = view.origin.w;
  // The ray in voxels: faces are whole numbers.
  let o = (view.origin.xyz - view.low.xyz) / extent * size;
  var d = direction / extent * size;
  d = select(d, vec3<f32>(1e-12), abs(d) < vec3<f32>(1e-12));
  let forward = select(vec3<f32>(), vec3<f32>(1.0), d > vec3<f32>());

  var inputs: array<vec4<real>, INPUT_QUADS>; // of the networks: features, then the view
  let embedded = views(direction);
$for v VIEW_QUADS
  inputs[QUADS + $v] = vec4<real>(embedded[$v]);
$end
  var seen = vec4<f32>();
  var mean = 0.0;
  var transmittance = 1.0;
  var k = 0.0;
  // Consecutive samples that get one colour: that of their mean.
  var weights = 0.0;
  var lengths = 0.0;
  var features: array<vec4<f32>, QUADS>;
  // Rays that run in lockstep meet at their next sample, and give colours in the same turns.
  for (var turn = 0.0; ; turn += 1.0) {
    let last = k;
    var t = 0.0;
    var p = vec3<f32>();
    var ended = false;
    loop {
      t = near + (k + 0.5) * step;
      p = o + t * d;
      ended = t >= far || transmittance < MIN_TRANSMITTANCE;
      var empty = 0.0;
      if (!ended) {
        empty = empty_around(p);
      }
      if (empty == 0.0) {
        break;
      }
      // On by whole steps, at least one, until the face of what is empty is reached.
      let face = (floor(p / empty) + forward) * empty;
      let ways = (face - p) / d;
      k += max(ceil(min(ways.x, min(ways.y, ways.z)) / step - 1e-3), 1.0);
    }
    if (weights > 0.0 && (ended || k - last > GAP || turn % view.right.w == 0.0)) {
      let n = clamp((o + lengths / weights * d) / size, vec3<f32>(), vec3<f32>(1.0));
$for q QUADS
      inputs[$q] = vec4<real>(features[$q] / weights);
      features[$q] = vec4<f32>();
$end
      seen += weights * vec4<f32>(colour(n, &inputs), 1.0);
      mean += lengths;
      weights = 0.0;
      lengths = 0.0;
    }
    if (ended) {
      break;
    }
    if (view.size.z == OCCUPANCY) {
      return Seen(vec4<f32>(voxel_colour(p, o, d), 1.0), t, far);
    }
    k += 1.0;
    let sample = density(clamp(p / size, vec3<f32>(), vec3<f32>(1.0)));
    let alpha = 1.0 - exp(-max(sample.sigma, 0.0) * step);
    let weight = alpha * transmittance;
    transmittance *= 1.0 - alpha;
    if (weight > MIN_WEIGHT) {
      weights += weight;
      lengths += weight * t;
$for q QUADS
      features[$q] += weight * sample.features[$q];
$end
    }
  }
  return Seen(seen, mean + (1.0 - seen.w) * far, far);
}

// Voxels along a side of the largest known empty cube around a point: 4, 1 or, if something is there, 0.
fn empty_around(p: vec3<f32>) -> f32 {
  let size = vec3<f32>(f32(GRID_X), f32(GRID_Y), f32(GRID_Z));
  if (any(p < vec3<f32>()) || any(p > size)) {
    return 1.0;
  }
  let voxel = min(vec3<u32>(p), vec3<u32>(GRID_X - 1u, GRID_Y - 1u, GRID_Z - 1u));
  let block = voxel / 4u;
  let coarse = (block.x * BLOCKS_Y + block.y) * BLOCKS_Z + block.z;
  if (((occupied[VOXEL_WORDS + coarse / 32u] >> (coarse % 32u)) & 1u) == 0u) {
    return 4.0;
  }
  let fine = (voxel.x * GRID_Y + voxel.y) * GRID_Z + voxel.z;
  return select(1.0, 0.0, ((occupied[fine / 32u] >> (fine % 32u)) & 1u) == 1u);
}

// An occupied voxel: brightness by the face through which the ray came in, and a shade of its own.
fn voxel_colour(p: vec3<f32>, o: vec3<f32>, d: vec3<f32>) -> vec3<f32> {
  let voxel = min(vec3<u32>(p), vec3<u32>(GRID_X - 1u, GRID_Y - 1u, GRID_Z - 1u));
  let entry = (vec3<f32>(voxel) + select(vec3<f32>(), vec3<f32>(1.0), d < vec3<f32>()) - o) / d;
  let last = max(entry.x, max(entry.y, entry.z));
  let face = select(select(1.0, 0.62, entry.y == last), 0.8, entry.x == last);
  let number = (voxel.x * GRID_Y + voxel.y) * GRID_Z + voxel.z;
  let shade = 0.9 + 0.1 * f32(((number * 2654435761u) >> 8u) % 256u) / 255.0;
  return vec3<f32>(0.93, 0.62, 0.24) * face * shade;
}

// Four vertices of a plane or grid around a point, and their weights.
struct Corners {
  at: vec4<u32>,
  weight: vec4<f32>,
}

struct Sample {
  sigma: f32,
  features: array<vec4<f32>, QUADS>,
}

// Raw density and features of a point in box coordinates.
fn density(n: vec3<f32>) -> Sample {
  var sums: array<vec4<f32>, PLANE_QUADS>; // features, then density coefficients
  for (var plane = 0u; plane < 3u; plane++) {
    let ab = projected(n, plane);
    let c = plane_corners(ab, plane);
$for q PLANE_QUADS
    sums[$q] += of_planes(c, $q);
$end
$for l LEVELS
    {
      let g = grid_corners(ab, view.levels[$l], plane);
$for u LEVEL_UNITS
      sums[($l * LEVEL_UNITS + $u) * UNIT / 4u] += spread(of_grids(g, $u), ($l * LEVEL_UNITS + $u) * UNIT % 4u);
$end
    }
$end
  }
  var sample: Sample;
$for q QUADS
  sample.features[$q] = sums[$q];
  sample.sigma += dot(sums[$q], sums[QUADS + $q]);
$end
  return sample;
}

// Coordinates of a point on the plane xy, xz or yz.
fn projected(n: vec3<f32>, plane: u32) -> vec2<f32> {
  return select(select(n.yz, n.xz, plane == 1u), n.xy, plane == 0u);
}

fn plane_corners(n: vec2<f32>, plane: u32) -> Corners {
  let at = n * f32(PLANE_SIZE - 1u);
  let cell = min(vec2<u32>(at), vec2<u32>(PLANE_SIZE - 2u));
  let f = at - vec2<f32>(cell);
  let first = ((plane * PLANE_SIZE + cell.y) * PLANE_SIZE + cell.x) * PLANE_QUADS;
  let row = PLANE_SIZE * PLANE_QUADS;
  return Corners(first + vec4<u32>(0u, PLANE_QUADS, row, row + PLANE_QUADS), bilinear(f));
}

fn bilinear(f: vec2<f32>) -> vec4<f32> {
  return vec4<f32>((1.0 - f.x) * (1.0 - f.y), f.x * (1.0 - f.y), (1.0 - f.x) * f.y, f.x * f.y);
}

fn of_planes(c: Corners, quad: u32) -> vec4<f32> {
  return four(planes[c.at.x + quad]) * c.weight.x + four(planes[c.at.y + quad]) * c.weight.y
    + four(planes[c.at.z + quad]) * c.weight.z + four(planes[c.at.w + quad]) * c.weight.w;
}

// level: see View. Weights are smoothstepped.
fn grid_corners(ab: vec2<f32>, level: vec4<u32>, table: u32) -> Corners {
  let at = ab * bitcast<f32>(level.x);
  let lower = vec2<u32>(at);
  let f = at - vec2<f32>(lower);
  let next = min(lower + 1u, vec2<u32>(level.y - 1u)) - lower;
  let first = table * VERTICES + level.z + lower.y * level.y + lower.x;
  let row = next.y * level.y;
  return Corners((first + vec4<u32>(0u, next.x, row, row + next.x)) * LEVEL_UNITS, bilinear(f * f * (3.0 - 2.0 * f)));
}

fn of_grids(c: Corners, number: u32) -> RawUnit {
  return unit(grids[c.at.x + number]) * c.weight.x + unit(grids[c.at.y + number]) * c.weight.y
    + unit(grids[c.at.z + number]) * c.weight.z + unit(grids[c.at.w + number]) * c.weight.w;
}

// Colour of a point: the outputs of the networks around it on three maps, blended.
fn colour(n: vec3<f32>, inputs: ptr<function, array<vec4<real>, INPUT_QUADS>>) -> vec3<f32> {
  var sum = vec3<f32>();
  for (var map = 0u; map < 3u; map++) {
    let ab = projected(n, map);
    let at = ab * f32(MAP_SIZE - OVERLAP);
    let cell = min(vec2<u32>(at), vec2<u32>(MAP_SIZE - 1u - OVERLAP));
    let weight = bilinear((at - vec2<f32>(cell)).yx); // rows of maps are the first axis
    for (var corner = 0u; corner < 1u + 3u * OVERLAP; corner++) {
      let place = cell + vec2<u32>(corner >> 1u, corner & 1u);
      let outputs = network(((map * MAP_SIZE + place.x) * MAP_SIZE + place.y) * NETWORK, inputs);
      sum += select(1.0, weight[corner], OVERLAP == 1u) * outputs;
    }
  }
  return 1.0 / (1.0 + exp(-sum));
}

// A tiny MLP: four hidden units at a time, whose weights lie behind each other: a column for each input, a row of four
// for each colour.
fn network(first: u32, inputs: ptr<function, array<vec4<real>, INPUT_QUADS>>) -> vec3<f32> {
  var outputs = vec3<f32>();
  for (var h = 0u; h < HIDDEN_QUADS; h++) {
    let w = first + h * ROW;
    var sum = vec4<f32>();
$for i INPUT_QUADS
    sum += times(networks[w + 4u * $i], networks[w + 4u * $i + 1u], networks[w + 4u * $i + 2u],
                 networks[w + 4u * $i + 3u], (*inputs)[$i]);
$end
    let hidden = max(sum, vec4<f32>());
    outputs += vec3<f32>(dot(hidden, weights_of(networks[w + ROW - 3u])),
                         dot(hidden, weights_of(networks[w + ROW - 2u])),
                         dot(hidden, weights_of(networks[w + ROW - 1u])));
  }
  return outputs;
}
