// Rays through grids, divided into ranges of rays.
#include "ops/ops.h"

#include "ops/threads.h"

namespace dymap {
void march_intervals(const Grid &grid, const Rays &rays, float step, int limit, float *intervals, int64_t *counts,
                     float *reached, int threads) {
    parallel_ranges(threads, rays.count, 256, [&](int64_t begin, int64_t end, int) {
        float starts[MAX_INTERVALS], ends[MAX_INTERVALS];
        for (int64_t i = begin; i < end; ++i) {
            float t = rays.near[i];
            int found = march_ray(grid, rays.origins + 3 * i, rays.directions + 3 * i, t, rays.far[i], step, limit,
                                  starts, ends);
            counts[i] = found;
            reached[i] = t;
            float *to = intervals + i * limit * 2;
            for (int k = 0; k < limit; ++k) {
                to[2 * k] = k < found ? starts[k] : 0;
                to[2 * k + 1] = k < found ? ends[k] : 0;
            }
        }
    });
}

void hull_depths(const HullSampling &sampling, const Rays &rays, const float *jitter, int count, float *z, float *dist,
                 bool *hit, int threads) {
    parallel_ranges(threads, rays.count, 64, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i)
            hit[i] = sample_ray(sampling, rays.origins + 3 * i, rays.directions + 3 * i, rays.near[i], rays.far[i],
                                jitter + i * count, count, z + i * count, dist + i * count);
    });
}

}  // namespace dymap
