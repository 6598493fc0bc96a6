// Tiny MLPs of three layers, the first of which has no activation, become networks of two: the first layer and the upper
// part of the second are multiplied out, exactly (method.md 3).

const C = CHANNELS;
const V = VIEWS;
const H = HIDDEN;

@group(0) @binding(0) var<storage, read> maps: array<f32>; // [3, S * S, 4 MAP_QUADS]: W1 [C, H], W2 [H + V, H], W3 [H, 3]
@group(0) @binding(1) var<storage, read_write> networks: array<Weights>; // [3, S * S, NETWORK], see march.wgsl

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * 64u + local;
  if (at >= 3u * MAP_SIZE * MAP_SIZE * NETWORK) {
    return;
  }
  let map = at / NETWORK * MAP_QUADS * 4u;
  let hidden = at % NETWORK / ROW * 4u;
  let column = at % ROW;
  var value = vec4<f32>();
  for (var lane = 0u; lane < 4u; lane++) {
    let h = hidden + lane;
    if (h < H) {
      value[lane] = weight(map, column, h);
    }
  }
  networks[at] = as_weights(value);
}

// What a hidden unit takes of an input, or gives to a colour: columns are features, views, each padded to fours; colours.
fn weight(map: u32, column: u32, h: u32) -> f32 {
  let second = map + C * H;
  if (column >= ROW - 3u) {
    return maps[second + (H + V) * H + h * 3u + column + 3u - ROW];
  }
  if (column < C) {
    var sum = 0.0;
    for (var j = 0u; j < H; j++) {
      sum += maps[map + column * H + j] * maps[second + j * H + h];
    }
    return sum;
  }
  let view = column - 4u * QUADS;
  if (column >= 4u * QUADS && view < V) {
    return maps[second + (H + view) * H + h];
  }
  return 0.0;
}
