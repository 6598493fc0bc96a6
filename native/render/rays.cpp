// Directions of rays, and the slab test. Compiled without fused operations, so that rays are those of the plain
// implementation.
#include "render/rays.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dymap {

void ray_directions(const View &view, int column, int row, RayRow &rays) {
    double d[3][TILE], length[TILE];
    const double y = row + view.offset;
    for (int a = 0; a < 3; ++a) {
        const double r0 = view.ray[3 * a], r1 = view.ray[3 * a + 1] * y, r2 = view.ray[3 * a + 2];
        for (int i = 0; i < TILE; ++i) d[a][i] = r0 * (column + i + view.offset) + r1 + r2;
    }
    for (int i = 0; i < TILE; ++i) length[i] = std::sqrt(d[0][i] * d[0][i] + d[1][i] * d[1][i] + d[2][i] * d[2][i]);
    for (int a = 0; a < 3; ++a)
        for (int i = 0; i < TILE; ++i) rays.direction[a][i] = float(d[a][i] / length[i]);
}

void slab_test(const float *origin, const float *box, RayRow &rays) {
    std::fill_n(rays.near, TILE, -std::numeric_limits<float>::infinity());
    std::fill_n(rays.far, TILE, std::numeric_limits<float>::infinity());
    for (int a = 0; a < 3; ++a) {
        const float below = box[a] - origin[a], above = box[3 + a] - origin[a];
        for (int i = 0; i < TILE; ++i) {
            float d = rays.direction[a][i];
            d = (d < 1e-5f) & (d > -1e-10f) ? 1e-5f : d;
            d = (d < 1e-10f) & (d > -1e-5f) ? -1e-5f : d;
            float low = below / d, high = above / d, first = high < low ? high : low, last = low < high ? high : low;
            rays.near[i] = rays.near[i] < first ? first : rays.near[i];
            rays.far[i] = last < rays.far[i] ? last : rays.far[i];
        }
    }
}

}  // namespace dymap
