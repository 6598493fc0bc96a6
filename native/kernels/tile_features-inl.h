// Features at points, from tiles of the planes that were sampled on the lattice of bricks.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

void tile_features(const FeatureTiles &t, const float *position, int64_t n, float *out) {
    constexpr int64_t SIDE = BRICK_POINTS;
    constexpr int AHEAD = 16;  // samples whose points are asked for before they are read
    const int C = t.channels;
    struct Points {
        const uint16_t *corner[3];
        float w[3][4];
        int planes;
    } points[AHEAD];
    for (int64_t begin = 0; begin < n; begin += AHEAD) {
        int count = n - begin < AHEAD ? int(n - begin) : AHEAD;
        for (int i = 0; i < count; ++i, position += 3) {
            Points &at = points[i];
            int cell[3], tile[3];
            float f[3];
            for (int a = 0; a < 3; ++a) {
                float x = position[a] > 0 ? position[a] * t.scale[a] : 0;
                float last = float(t.size[a] * BRICK - 1);
                cell[a] = int(x < last ? x : last);
                f[a] = x - float(cell[a]);
                f[a] = f[a] < 1 ? f[a] : 1;
                tile[a] = cell[a] / BRICK;
                cell[a] -= tile[a] * BRICK;
            }
            at.planes = 0;
            for (int p = 0; p < 3; ++p) {
                int a = PLANE_AXES[p][0], b = PLANE_AXES[p][1];
                int32_t number = t.number[p][tile[a] * t.size[b] + tile[b]];
                if (number < 0) continue;
                const uint16_t *corner = at.corner[at.planes] =
                    t.data[p] + ((number * SIDE + cell[a]) * SIDE + cell[b]) * C;
                for (int c = 0; c < 2 * C; c += 32) {
                    DYMAP_PREFETCH(corner + c);
                    DYMAP_PREFETCH(corner + SIDE * C + c);
                }
                DYMAP_PREFETCH(corner + 2 * C - 1);
                DYMAP_PREFETCH(corner + SIDE * C + 2 * C - 1);
                float *w = at.w[at.planes++];
                w[0] = (1 - f[a]) * (1 - f[b]);
                w[1] = (1 - f[a]) * f[b];
                w[2] = f[a] * (1 - f[b]);
                w[3] = f[a] * f[b];
            }
        }
        for (int i = 0; i < count; ++i, out += C) {
            const Points &at = points[i];
            int c = 0;
            for (; c + W <= C; c += W) {
                vf total = splat<vf>(0);
                for (int p = 0; p < at.planes; ++p) {
                    const uint16_t *corner = at.corner[p] + c;
                    const float *w = at.w[p];
                    total += splat<vf>(w[0]) * load_half(corner) + splat<vf>(w[1]) * load_half(corner + C) +
                             splat<vf>(w[2]) * load_half(corner + SIDE * C) +
                             splat<vf>(w[3]) * load_half(corner + (SIDE + 1) * C);
                }
                store(out + c, total);
            }
            for (; c < C; ++c) {
                float total = 0;
                for (int p = 0; p < at.planes; ++p)
                    for (int k = 0; k < 4; ++k) {
                        uint32_t bits = uint32_t(at.corner[p][((k >> 1) * SIDE + (k & 1)) * C + c]) << 16;
                        float value;
                        std::memcpy(&value, &bits, 4);
                        total += at.w[p][k] * value;
                    }
                out[c] = total;
            }
        }
    }
}

}  // namespace
}  // namespace dymap
