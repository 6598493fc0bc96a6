// Hash tables over (a, b, t) looked up point by point at one time (method.md 2), divided into points forward, levels
// backward. Compiled without fused operations.
#include "ops/ops.h"

#include <cstring>

#include "ops/threads.h"
#include "scalar/hash.h"

namespace dymap {
void hash_encode(const Levels &l, const TimeSlice &slice, const float *const *tables, unsigned which,
                 const float *position, int64_t n, float *out, int threads) {
    int F = l.features;
    int64_t stride = int64_t(l.levels) * F;
    parallel_ranges(threads, n, 512, [&](int64_t begin, int64_t end, int) {
        std::memset(out + begin * stride, 0, sizeof(float) * size_t((end - begin) * stride));
        for (int level = 0; level < l.levels; ++level) {
            LevelIndex index(l, level);
            float side[2] = {1 - slice.upper[level], slice.upper[level]};
            for (int p = 0; p < 3; ++p) {
                if (!(which >> p & 1)) continue;
                const float *table = tables[p];
                for (int64_t i = begin; i < end; ++i) {
                    Point at = point_on_level(l, level, position[3 * i + PLANE_AXES[p][0]],
                                              position[3 * i + PLANE_AXES[p][1]]);
                    if (!at.inside) continue;
                    float *o = out + i * stride + level * F;
                    for (int c = 0; c < 8; ++c) {
                        int64_t entry = index(uint32_t(at.vertex[0][c >> 2]), uint32_t(at.vertex[1][c >> 1 & 1]),
                                              uint32_t(slice.cell[level] + (c & 1)));
                        float w = at.weight[0][c >> 2] * at.weight[1][c >> 1 & 1] * side[c & 1];
                        for (int f = 0; f < F; ++f) o[f] += w * table[entry * F + f];
                    }
                }
            }
        }
    });
}

void hash_encode_backward(const Levels &l, const TimeSlice &slice, float *const *tables, unsigned which,
                          const float *position, const float *gradient, int64_t n, int threads) {
    int F = l.features;
    int64_t stride = int64_t(l.levels) * F;
    parallel_for(threads, 3 * int64_t(l.levels), [&](int64_t job, int) {
        int p = int(job % 3), level = int(job / 3);
        if (!(which >> p & 1)) return;
        LevelIndex index(l, level);
        float side[2] = {1 - slice.upper[level], slice.upper[level]};
        float *table = tables[p];
        for (int64_t i = 0; i < n; ++i) {
            Point at = point_on_level(l, level, position[3 * i + PLANE_AXES[p][0]], position[3 * i + PLANE_AXES[p][1]]);
            if (!at.inside) continue;
            const float *g = gradient + i * stride + level * F;
            for (int c = 0; c < 8; ++c) {
                int64_t entry = index(uint32_t(at.vertex[0][c >> 2]), uint32_t(at.vertex[1][c >> 1 & 1]),
                                      uint32_t(slice.cell[level] + (c & 1)));
                float w = at.weight[0][c >> 2] * at.weight[1][c >> 1 & 1] * side[c & 1];
                for (int f = 0; f < F; ++f) table[entry * F + f] += w * g[f];
            }
        }
    });
}

}  // namespace dymap
