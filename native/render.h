// Whole images of a frame: exact (method.md 8) or fast.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "ops.h"

namespace dymap {

/// A pinhole camera. ray: direction of pixel (i, j) before normalisation = ray [i + offset, j + offset, 1]; project:
/// its inverse, world relative to the origin -> homogeneous pixels.
struct View {
    double ray[9], project[9], origin[3], offset = 0;
    int width = 0, height = 0;
};

enum class Directions { fourier, spherical_harmonics };

/// What is seen. The encoding has 2 C channels: features, then density coefficients.
struct TracedFrame {
    Encoding encoding;
    Maps maps;
    Grid grid;
    Directions directions = Directions::fourier;
    int degree = 0;
    float step = 0;
};

/// Leaves new elements of a vector unset.
template <class T> struct Unset : std::allocator<T> {
    template <class U> struct rebind {
        using other = Unset<U>;
    };
    template <class U> void construct(U *p) { ::new (static_cast<void *>(p)) U; }
};

/// Density at the points of a lattice of half a step, on bricks of BRICK cells a side around occupied voxels.
constexpr int BRICK = TILE_CELLS;
struct Bricks {
    int size[3] = {0, 0, 0};  // bricks along each axis
    float cell[3];            // box coordinates of one lattice cell
    std::vector<int32_t> index;  // [size] number of a brick, or how far the next is: see BrickField
    // [bricks, (BRICK + 1)^3]; 0 where no cell in an occupied voxel needs it.
    std::vector<float, Unset<float>> sigma;
    // The features of the three planes on the same lattice, on the tiles that bricks stand on (see FeatureTiles).
    std::vector<int32_t> tile[3];
    std::vector<uint16_t, Unset<uint16_t>> features[3];
    int64_t bytes() const {
        int64_t total = int64_t(index.size() + sigma.size()) * 4;
        for (int p = 0; p < 3; ++p) total += int64_t(tile[p].size()) * 4 + int64_t(features[p].size()) * 2;
        return total;
    }
};

/// Images: rgb [H, W, 3] over black, acc [H, W], depth [H, W] and far [H, W] (where the ray leaves the box), both in metres
/// along the ray and infinity where the box is missed, hit [H, W].
struct Picture {
    float *rgb, *acc, *depth, *far;
    bool *hit;
};

/// How far `fast` goes from the exact image.
struct Shortcuts {
    int merge = 1;             // consecutive samples of a ray that share one colour, at most
    float min_weight = 1e-3f;  // samples below are not seen
};

struct RenderReport {
    int64_t tiles = 0, finished = 0, densities = 0, colours = 0;
};

/// Renders tile by tile; `cancel` is looked at before every tile, and those left out stay black.
RenderReport render(const TracedFrame &, const View &, const Bricks *bricks, const Shortcuts &, const Picture &,
                    const std::atomic<bool> *cancel, int threads);

Bricks make_bricks(const TracedFrame &, int threads);
/// The first layers of all networks in bfloat16, as Maps::half_first wants them; empty where that is of no use.
std::vector<uint16_t> make_half(const Maps &, int threads);

}  // namespace dymap
