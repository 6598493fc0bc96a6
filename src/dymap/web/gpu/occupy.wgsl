// The coarser grid of what is occupied: a bit for every block of 4 x 4 x 4 voxels, behind those of the voxels.

@group(0) @binding(0) var<storage, read_write> occupied: array<u32>; // voxels: [GRID_X, GRID_Y, GRID_Z] bits; then blocks

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let blocks = BLOCKS_X * BLOCKS_Y * BLOCKS_Z;
  if (id.x >= (blocks + 31u) / 32u) {
    return;
  }
  var word = 0u;
  for (var bit = 0u; bit < 32u; bit++) {
    let block = id.x * 32u + bit;
    if (block < blocks && any_in(block)) {
      word |= 1u << bit;
    }
  }
  occupied[VOXEL_WORDS + id.x] = word;
}

fn any_in(block: u32) -> bool {
  let first = vec3<u32>(block / (BLOCKS_Y * BLOCKS_Z), block / BLOCKS_Z % BLOCKS_Y, block % BLOCKS_Z) * 4u;
  let stop = min(first + 4u, vec3<u32>(GRID_X, GRID_Y, GRID_Z));
  for (var x = first.x; x < stop.x; x++) {
    for (var y = first.y; y < stop.y; y++) {
      for (var z = first.z; z < stop.z; z++) {
        let at = (x * GRID_Y + y) * GRID_Z + z;
        if (((occupied[at / 32u] >> (at % 32u)) & 1u) == 1u) {
          return true;
        }
      }
    }
  }
  return false;
}
