// The rays of a tile of pixels, and where they enter and leave the box.
#pragma once
#include "render/frame.h"

namespace dymap {

constexpr int TILE = 16;                    // pixels a side, whose rays are followed together
constexpr int BLOCK = 2 * TILE;             // pixels a side, which one thread works on at a time
constexpr float MIN_TRANSMITTANCE = 1e-3f;  // a ray with less is opaque, and ends

/// A ray on its way: its direction in the world, the range in the box, metres, and where it is. Samples that count are
/// added up in acc and depth.
struct Ray {
    float direction[3], near, far, t;
    float transmittance = 1, acc = 0, depth = 0;
    int pixel;
};

/// The rays of neighbouring pixels, component by component: the compiler works on several at once.
struct RayRow {
    float direction[3][TILE], near[TILE], far[TILE];
};

/// Directions of the pixels of a row from `column` on.
void ray_directions(const View &, int column, int row, RayRow &);

/// Entry and exit of a box as the published implementation computes them: components near zero become 1e-5. They hit it
/// where near < far.
void slab_test(const float *origin, const float *box, RayRow &);

/// A point of a ray in box coordinates. extent: of the box.
inline void box_position(const float *origin, const Ray &ray, float depth, const float *box, const float *extent,
                         float *position) {
    for (int a = 0; a < 3; ++a) position[a] = (origin[a] + depth * ray.direction[a] - box[a]) / extent[a];
}

/// The whole part of x in [0, most], also of what does not fit an integer, or is no number.
inline int whole(float x, float most) { return x > 0 ? int(x < most ? x : most) : 0; }

}  // namespace dymap
