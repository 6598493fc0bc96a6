// What `fast` reads instead of planes and hash grids.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "render/frame.h"

namespace dymap {

/// Leaves new elements of a vector unset.
template <class T> struct Unset : std::allocator<T> {
    template <class U> struct rebind {
        using other = Unset<U>;
    };
    template <class U> void construct(U *p) { ::new (static_cast<void *>(p)) U; }
};

/// Density at the points of a lattice of half a step, on bricks around occupied voxels.
struct Bricks {
    int size[3] = {0, 0, 0};     // bricks along each axis
    float cell[3];               // box coordinates of one lattice cell
    std::vector<int32_t> index;  // [size] number of a brick, or how far the next is: see BrickField
    // [bricks, BRICK_POINTS^3]; 0 where no cell in an occupied voxel needs it.
    std::vector<float, Unset<float>> sigma;
    // The features of the three planes on the same lattice, on the tiles below bricks (see FeatureTiles).
    std::vector<int32_t> tile[3];
    std::vector<uint16_t, Unset<uint16_t>> features[3];
    int64_t bytes() const {
        int64_t total = int64_t(index.size() + sigma.size()) * 4;
        for (int p = 0; p < 3; ++p) total += int64_t(tile[p].size()) * 4 + int64_t(features[p].size()) * 2;
        return total;
    }
};

Bricks make_bricks(const TracedFrame &, int threads);
/// The features of bricks as the kernels read them.
FeatureTiles feature_tiles(const Bricks &, int channels);

}  // namespace dymap
