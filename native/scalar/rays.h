// One ray through a grid: what every instruction set computes alike, to the bit.
#pragma once
#include <cstdint>

namespace dymap {

/// Rays through an occupancy grid (method.md 8). box: minimum, maximum.
struct Grid {
    const uint8_t *occupied = nullptr;  // [size[0], size[1], size[2]]
    int size[3] = {0, 0, 0};
    float box[6] = {0, 0, 0, 0, 0, 0};
};
/// The next intervals of a ray that are to be sampled, `limit` at most: fills start and end and returns their number; t
/// moves on.
int march_ray(const Grid &, const float *origin, const float *direction, float &t, float t_max, float step, int limit,
              float *start, float *end);

/// Where training samples a ray (method.md 11). sigma: densities [size] over the box of the hull, null: samples are
/// spread evenly; uniform_share: of the samples, whatever the densities say.
constexpr int MAX_BINS = 1024;
struct HullSampling {
    Grid hull;
    const float *sigma = nullptr;
    int size[3] = {0, 0, 0};
    int bins = 0;
    float uniform_share = 0;
};
/// Depths z and lengths dist of `count` samples of a ray; whether it meets the hull.
bool sample_ray(const HullSampling &, const float *origin, const float *direction, float near, float far,
                const float *jitter, int count, float *z, float *dist);

}  // namespace dymap
