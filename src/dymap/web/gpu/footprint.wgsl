// Which pixels of planes, or which networks of maps, points in occupied voxels read: a number for each four neighbours of
// a row, 1 or 0. Voxels count as wider than they are, by one pixel on each side, against rounding.

struct Footprint {
  side: u32, // pixels of a side
  maps: u32, // 1: rows are the first axis, columns the second; 0: the other way, as in planes
}

@group(0) @binding(0) var<uniform> sizes: Footprint;
@group(0) @binding(1) var<storage, read> occupied: array<u32>; // bits of voxels, see occupy.wgsl
@group(0) @binding(2) var<storage, read_write> footprint: array<u32>; // [3, side, side / 4]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let at = (group.y * groups.x + group.x) * 64u + local;
  let across = (sizes.side + 3u) / 4u;
  if (at >= 3u * sizes.side * across) {
    return;
  }
  let plane = at / (sizes.side * across);
  let columns = vec2<f32>(f32(at % across * 4u), f32(at % across * 4u + 3u));
  let row = f32(at / across % sizes.side);
  let first = vec3<u32>(0u, 0u, 1u)[plane]; // axes of the plane
  let second = vec3<u32>(1u, 2u, 2u)[plane];
  let a = select(columns, vec2<f32>(row), sizes.maps == 1u);
  let b = select(vec2<f32>(row), columns, sizes.maps == 1u);
  var low = vec3<u32>();
  var high = vec3<u32>(GRID_X, GRID_Y, GRID_Z);
  let grid = high;
  let along_first = voxels(a, grid[first]);
  let along_second = voxels(b, grid[second]);
  low[first] = along_first.x;
  high[first] = along_first.y;
  low[second] = along_second.x;
  high[second] = along_second.y;
  footprint[at] = u32(any_between(low, high));
}

// The voxels along an axis whose points read pixels from a.x to a.y: the first, and that after the last.
fn voxels(a: vec2<f32>, count: u32) -> vec2<u32> {
  let last = f32(max(sizes.side - 1u, 1u));
  let read = vec2<f32>(a.x - 2.0, a.y + 2.0) / last * f32(count);
  return vec2<u32>(clamp(vec2<f32>(floor(read.x), floor(read.y) + 1.0), vec2<f32>(), vec2<f32>(f32(count))));
}

fn any_between(low: vec3<u32>, high: vec3<u32>) -> bool {
  for (var x = low.x; x < high.x; x++) {
    for (var y = low.y; y < high.y; y++) {
      for (var z = low.z; z < high.z; z++) {
        let voxel = (x * GRID_Y + y) * GRID_Z + z;
        if (((occupied[voxel / 32u] >> (voxel % 32u)) & 1u) == 1u) {
          return true;
        }
      }
    }
  }
  return false;
}
