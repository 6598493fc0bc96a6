// Whole images of a frame: exact (method.md 8) or fast.
#pragma once
#include <atomic>
#include <cstdint>
#include <vector>

#include "render/bricks.h"
#include "render/frame.h"
#include "render/tiles.h"

namespace dymap {

/// Rows of an image: rgb [H, W, 3] over black, acc [H, W], depth [H, W] and far [H, W] (where the ray leaves the box),
/// both in metres along the ray and infinity where the box is missed, hit [H, W].
struct Picture {
    float *rgb, *acc, *depth, *far;
    bool *hit;
};

/// How far `fast` goes from the exact image.
struct Shortcuts {
    int merge = 1;         // consecutive samples of a ray that share one colour, at most
    float min_weight = 0;  // lighter samples are not seen
};

struct RenderReport {
    int64_t tiles = 0, finished = 0, densities = 0, colours = 0;
};

/// Renders rows of an image block by block; `cancel` is looked at before every tile, and those left out stay black.
/// Samples of a block get their colours together: no bit depends on threads, or on which rows are rendered. surface:
/// surface_voxels of the frame's grid, which is worked out once for all images. bricks: for a fast image; null: an
/// exact one. picture: holds these rows only.
RenderReport render(const TracedFrame &, const std::vector<Voxel> &surface, const View &, Rows, const Bricks *bricks,
                    const Shortcuts &, const Picture &picture, const std::atomic<bool> *cancel, int threads);

}  // namespace dymap
