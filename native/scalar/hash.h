// Hash tables over (a, b, t) at one time, vertex by vertex (method.md 2). Included by files that are compiled without
// fused operations, so that vertices and weights are those of the plain implementation to the bit.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/kernels.h"

namespace dymap {

constexpr uint32_t PRIME_Y = 2654435761u, PRIME_Z = 805459861u;

/// Entries of one level within a table.
struct LevelIndex {
    int64_t resolution, length, offset;
    bool dense;
    uint32_t mask;  // length - 1 where that is a power of two

    LevelIndex(const Levels &l, int level)
        : resolution(l.resolution[level]),
          length(l.length[level]),
          offset(l.offset[level]),
          dense(resolution * resolution * resolution <= length),
          mask((length & (length - 1)) == 0 ? uint32_t(length - 1) : 0) {}

    int64_t operator()(uint32_t x, uint32_t y, uint32_t z) const {
        if (dense) return offset + (int64_t(x) + y * resolution + z * resolution * resolution) % length;
        uint32_t hash = x ^ y * PRIME_Y ^ z * PRIME_Z;
        return offset + (mask ? hash & mask : hash % uint32_t(length));
    }
};

inline float smoothstep(float f) { return f * f * (3 - 2 * f); }

/// u -> [-1, 1] -> [0, 1] in float32, as the published implementation does.
inline float roundtrip(float u) { return ((2 * u - 1) + 1) / 2; }

/// Both entries in t of the vertices first .. last - 1 of a row of a level, in order: f(x, entry, entry).
template <class F> void each_vertex(const LevelIndex &index, int cell, int64_t y, int64_t first, int64_t last, F &&f) {
    if (!index.dense && index.mask) {  // the large levels: what does not change along the row is worked out once
        uint32_t row = uint32_t(y) * PRIME_Y, near = row ^ uint32_t(cell) * PRIME_Z,
                 far = row ^ uint32_t(cell + 1) * PRIME_Z;
        for (int64_t x = first; x < last; ++x)
            f(x, index.offset + ((uint32_t(x) ^ near) & index.mask), index.offset + ((uint32_t(x) ^ far) & index.mask));
        return;
    }
    for (int64_t x = first; x < last; ++x)
        f(x, index(uint32_t(x), uint32_t(y), uint32_t(cell)), index(uint32_t(x), uint32_t(y), uint32_t(cell + 1)));
}

template <int N> void blend(int F, float lower, float upper, const float *a, const float *b, float *out) {
    for (int f = 0; f < (N ? N : F); ++f) out[f] = lower * a[f] + upper * b[f];
}

/// The transpose of `blend`; nothing is touched where there is no gradient.
template <int N> void spread(int F, float lower, float upper, const float *gradient, float *a, float *b) {
    bool any = false;
    for (int f = 0; f < (N ? N : F); ++f) any |= gradient[f] != 0;
    if (!any) return;
    for (int f = 0; f < (N ? N : F); ++f) a[f] += lower * gradient[f];
    for (int f = 0; f < (N ? N : F); ++f) b[f] += upper * gradient[f];
}

struct Point {
    bool inside;
    int64_t vertex[2][2];  // along the first and the second axis
    float weight[2][2];
};

inline Point point_on_level(const Levels &l, int level, float u, float v) {
    Point p;
    p.inside = u >= 0 && u <= 1 && v >= 0 && v <= 1;
    if (!p.inside) return p;
    float at[2] = {u, v};
    for (int a = 0; a < 2; ++a) {
        float x = roundtrip(at[a]) * l.scale[level], low = std::floor(x), upper = smoothstep(x - low);
        p.vertex[a][0] = int64_t(low);
        p.vertex[a][1] = p.vertex[a][0] + 1;
        p.weight[a][0] = 1 - upper;
        p.weight[a][1] = upper;
    }
    return p;
}

}  // namespace dymap
