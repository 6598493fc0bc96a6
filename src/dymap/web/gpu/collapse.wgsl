// The three hash tables at one time: every level becomes the 2D grid of its vertices, interpolated in time once, exactly
// (method.md 2).

struct Level {
  scale: f32, // cells along an axis of [0, 1]
  side: u32, // vertices along an axis
  length: u32, // entries of the level in a table
  entry: u32, // its first entry
  vertex: u32, // its first vertex in a grid
  dense: u32, // 1: entries are vertices in order; 0: hashed
}

struct Collapse {
  time: vec4<f32>, // x: where the frame is in [0, 1]
  levels: array<array<vec4<u32>, 2>, LEVELS>,
}

@group(0) @binding(0) var<uniform> sizes: Collapse;
@group(0) @binding(1) var<storage, read> xyt: array<RawUnit>; // [entries, LEVEL_UNITS]
@group(0) @binding(2) var<storage, read> xzt: array<RawUnit>;
@group(0) @binding(3) var<storage, read> yzt: array<RawUnit>;
@group(0) @binding(4) var<storage, read_write> grids: array<Unit>; // [3, VERTICES, LEVEL_UNITS]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let vertex = (group.y * groups.x + group.x) * 64u + local;
  if (vertex >= VERTICES) {
    return;
  }
  var number = LEVELS - 1u;
  while (vertex < level_of(number).vertex) {
    number--;
  }
  let level = level_of(number);
  let x = (vertex - level.vertex) % level.side;
  let y = (vertex - level.vertex) / level.side;
  let at = sizes.time.x * level.scale;
  let cell = floor(at);
  let f = at - cell;
  let upper = f * f * (3.0 - 2.0 * f);
  let before = entry(level, x, y, u32(cell)) * LEVEL_UNITS;
  let after = entry(level, x, y, u32(cell) + 1u) * LEVEL_UNITS;
  for (var u = 0u; u < LEVEL_UNITS; u++) {
    let value = of_table(group.z, before + u) * (1.0 - upper) + of_table(group.z, after + u) * upper;
    grids[(group.z * VERTICES + vertex) * LEVEL_UNITS + u] = as_unit(value);
  }
}

fn level_of(number: u32) -> Level {
  let a = sizes.levels[number][0];
  let b = sizes.levels[number][1];
  return Level(bitcast<f32>(a.x), a.y, a.z, a.w, b.x, b.y);
}

fn entry(level: Level, x: u32, y: u32, z: u32) -> u32 {
  let dense = x + y * level.side + z * level.side * level.side;
  let hashed = x ^ (y * 2654435761u) ^ (z * 805459861u);
  return select(hashed, dense, level.dense == 1u) % level.length + level.entry;
}

fn of_table(table: u32, at: u32) -> RawUnit {
  if (table == 0u) {
    return xyt[at];
  }
  if (table == 1u) {
    return xzt[at];
  }
  return yzt[at];
}
