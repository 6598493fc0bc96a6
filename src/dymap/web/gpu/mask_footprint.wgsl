// Which pixels a convolution computes: those that points in occupied voxels read (footprint.wgsl), four at a time.
@group(0) @binding(5) var<storage, read> footprint: array<u32>; // [groups, after, after / 4]

fn wanted(group: u32, place: vec2<u32>) -> bool {
  let across = (sizes.after + 3u) / 4u;
  return footprint[(group * sizes.after + place.y) * across + place.x / 4u] == 1u;
}
