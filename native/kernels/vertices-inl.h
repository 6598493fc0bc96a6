// The vertices of planes and hash levels around points, and what they weigh (method.md 1 and 2).
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

constexpr int CHUNK = 32;  // samples whose vertices are worked out together, lane by lane

/// Vertices around coordinates along each axis: index of the lower one, and the weights of both.
struct Vertices {
    int32_t lower[3][CHUNK];
    float below[3][CHUNK], above[3][CHUNK];
};

/// x, y, z of samples [n, 3] one after the other; beyond n the last sample is repeated.
DYMAP_INLINE void split_axes(const float *position, int n, float axes[3][CHUNK]) {
    for (int i = 0; i < CHUNK; ++i)
        for (int a = 0; a < 3; ++a) axes[a][i] = position[3 * (i < n ? i : n - 1) + a];
}

/// Bilinear weights on `size` vertices over [0, 1], corners aligned; vertices outside weigh nothing.
DYMAP_INLINE void plane_vertices(const float axes[3][CHUNK], int size, Vertices &out) {
    for (int a = 0; a < 3; ++a)
        for (int i = 0; i < CHUNK; i += W) {
            vf x = load(axes[a] + i) * splat<vf>(float(size - 1));
            DYMAP_ROUNDED(x);
            x = vmax(vmin(x, splat<vf>(float(size + 1))), splat<vf>(-2.0f));  // far outside, and NaN, too
            vf low = vmin(vmax(floor_lanes<vf, vi>(x), splat<vf>(0)), splat<vf>(float(size - 2)));
            vf f = x - low;
            vf below = splat<vf>(1) - vmax(f, splat<vf>(0) - f), g = splat<vf>(1) - f;
            vf above = splat<vf>(1) - vmax(g, splat<vf>(0) - g);
            vi index = to_int<vi>(low);
            std::memcpy(out.lower[a] + i, &index, sizeof index);
            store(out.below[a] + i, vmax(below, splat<vf>(0)));
            store(out.above[a] + i, vmax(above, splat<vf>(0)));
        }
}

/// Smoothstepped weights on the vertices of one hash level; zero outside [0, 1].
DYMAP_INLINE void level_vertices(const float axes[3][CHUNK], float scale, int resolution, Vertices &out) {
    for (int a = 0; a < 3; ++a)
        for (int i = 0; i < CHUNK; i += W) {
            vf u = load(axes[a] + i), zero = splat<vf>(0), one = splat<vf>(1);
            vf safe = vmin(vmax(u, zero), one);
            // The published implementation maps to [-1, 1] and back, in float32.
            vf wide = splat<vf>(2) * safe - one;
            DYMAP_ROUNDED(wide);
            vf x = (wide + one) * splat<vf>(0.5f) * splat<vf>(scale);
            DYMAP_ROUNDED(x);
            vf low = vmin(floor_lanes<vf, vi>(x), splat<vf>(float(resolution - 2)));
            vf f = x - low;
            vf above = f * f * (splat<vf>(3) - splat<vf>(2) * f), below = one - above;
            vi index = to_int<vi>(low);
            std::memcpy(out.lower[a] + i, &index, sizeof index);
            for (int axis_side = 0; axis_side < 2; ++axis_side) {
                vf w = axis_side ? above : below;
                w = where_greater(u, one, zero, w);
                w = where_greater(zero, u, zero, w);
                w = where_greater(u + one, zero, w, zero);  // nothing where u is NaN
                store((axis_side ? out.above[a] : out.below[a]) + i, w);
            }
        }
}

/// The products of two axes' weights: (column lower, row lower), (upper, lower), (lower, upper), (upper, upper).
DYMAP_INLINE void corner_weights(const Vertices &v, int first, int second, int i, float w[4]) {
    w[0] = v.below[second][i] * v.below[first][i];
    w[1] = v.below[second][i] * v.above[first][i];
    w[2] = v.above[second][i] * v.below[first][i];
    w[3] = v.above[second][i] * v.above[first][i];
}

}  // namespace
}  // namespace dymap
