// Which tiles of an image may see something, and the order that they are worked on in.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "render/rays.h"

namespace dymap {

struct Voxel {
    uint16_t x, y, z;
};

/// The occupied voxels with a neighbour, of the six that share a face, that is empty or outside: a ray that sees
/// occupied space enters or leaves it through one of them, so that the others need not be projected. In order, z
/// fastest.
std::vector<Voxel> surface_voxels(const Grid &);

/// Which tiles may see an occupied voxel, and from what distance on.
struct TileMap {
    int columns, rows;
    std::vector<float> near;         // infinity: none
    float left, right, top, bottom;  // pixels that may see the box
    bool misses(int column, int row) const {
        return float((column + 1) * TILE) < left || float(column * TILE) > right || float((row + 1) * TILE) < top ||
               float(row * TILE) > bottom;
    }
};

/// surface: of the frame's grid.
TileMap find_tiles(const Grid &, const std::vector<Voxel> &surface, const View &, int threads);

/// Numbers of the tiles of these rows: first those that may see something, as they take long and are what a cancelled
/// image should have. Neighbours follow each other: they see the same cells in nearly the same directions.
std::vector<int> tile_order(const TileMap &, Rows);

/// Where each block (of BLOCK pixels a side) begins in such an order, and its end.
std::vector<std::size_t> block_starts(const TileMap &, const std::vector<int> &order);

}  // namespace dymap
