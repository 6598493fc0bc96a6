// Hash tables over (a, b, t) at one time: collapsed to 2D, or looked up point by point (method.md 2).
// Compiled without fused operations, so that vertices and weights are those of the plain implementation to the bit.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "ops.h"
#include "threads.h"

namespace dymap {
namespace {

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

float smoothstep(float f) { return f * f * (3 - 2 * f); }

/// u -> [-1, 1] -> [0, 1] in float32, as the published implementation does.
float roundtrip(float u) { return ((2 * u - 1) + 1) / 2; }

/// Both entries in t of the vertices first .. last - 1 of a row of a level, in order: f(x, entry, entry).
template <class F>
void each_vertex(const LevelIndex &index, int cell, int64_t y, int64_t first, int64_t last, F &&f) {
    if (!index.dense && index.mask) {  // the large levels: what does not change along the row is worked out once
        uint32_t row = uint32_t(y) * PRIME_Y, near = row ^ uint32_t(cell) * PRIME_Z, far = row ^ uint32_t(cell + 1) * PRIME_Z;
        for (int64_t x = first; x < last; ++x)
            f(x, index.offset + ((uint32_t(x) ^ near) & index.mask), index.offset + ((uint32_t(x) ^ far) & index.mask));
        return;
    }
    for (int64_t x = first; x < last; ++x)
        f(x, index(uint32_t(x), uint32_t(y), uint32_t(cell)), index(uint32_t(x), uint32_t(y), uint32_t(cell + 1)));
}

/// Which vertices of a level a footprint needs: those around its pixels. Coarse levels are needed whole.
class FootprintVertices {
  public:
    /// pixels: [size, size], row = second axis; null: everything.
    FootprintVertices(const uint8_t *pixels, int size) : size_(size) {
        if (!pixels) return;
        wide_.assign(size_t(size) * size_t(size), 0);
        for (int j = 0; j < size; ++j)
            for (int i = 0; i < size; ++i)
                if (pixels[j * size + i])
                    for (int b = std::max(j - 1, 0); b <= std::min(j + 1, size - 1); ++b)
                        for (int a = std::max(i - 1, 0); a <= std::min(i + 1, size - 1); ++a) wide_[size_t(b * size + a)] = 1;
    }

    /// f(first, last) for each run of needed vertices in row y of a level.
    template <class F> void runs(int64_t resolution, float scale, int64_t y, F &&f) const {
        if (wide_.empty() || resolution < size_) {
            f(int64_t(0), resolution);
            return;
        }
        double vertices = double(scale) / (size_ - 1);  // from one pixel to the next
        int row = std::min(int(double(y) / vertices + 0.5), size_ - 1);
        for (int i = 0; i < size_;) {
            if (!wide_[size_t(row * size_ + i)]) {
                ++i;
                continue;
            }
            int first = i;
            while (i < size_ && wide_[size_t(row * size_ + i)]) ++i;
            f(first == 0 ? 0 : int64_t((first - 0.5) * vertices), i == size_ ? resolution : std::min(resolution, int64_t((i - 0.5) * vertices) + 1));
        }
    }

  private:
    int size_;
    std::vector<uint8_t> wide_;
};

/// The rows of all levels, cut into jobs of some thousand vertices within a level: f(level, first row, last row).
template <class F> void each_band(const Levels &l, int threads, int count, F &&f) {
    constexpr int64_t VERTICES = 16384;
    int64_t jobs[MAX_LEVELS + 1] = {0};
    for (int i = 0; i < l.levels; ++i) {
        int64_t r = l.resolution[i];
        jobs[i + 1] = jobs[i] + (r * r + VERTICES - 1) / VERTICES;
    }
    parallel_for(threads, jobs[l.levels] * count, [&](int64_t job, int) {
        int table = int(job / jobs[l.levels]), level = 0;
        job %= jobs[l.levels];
        while (job >= jobs[level + 1]) ++level;
        int64_t r = l.resolution[level], parts = jobs[level + 1] - jobs[level], part = job - jobs[level];
        f(table, level, r * part / parts, r * (part + 1) / parts);
    });
}

struct Point {
    bool inside;
    int64_t vertex[2][2];  // along the first and the second axis
    float weight[2][2];
};

Point point_on_level(const Levels &l, int level, float u, float v) {
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

}  // namespace

TimeSlice time_slice(const Levels &l, float t) {
    TimeSlice slice;
    float u = roundtrip(std::min(std::max(t, 0.0f), 1.0f));
    for (int i = 0; i < l.levels; ++i) {
        float x = u * l.scale[i], low = std::floor(x);
        slice.cell[i] = int32_t(low);
        slice.upper[i] = smoothstep(x - low);
    }
    return slice;
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

void collapse_time(const Levels &l, const TimeSlice &slice, const float *const *tables, int count, const uint8_t *pixels,
                   const uint8_t *before, int size, float *out, int threads) {
    int F = l.features;
    std::vector<FootprintVertices> footprints, written;
    for (int k = 0; k < count; ++k) {
        footprints.emplace_back(pixels ? pixels + int64_t(k) * size * size : nullptr, size);
        if (before) written.emplace_back(before + int64_t(k) * size * size, size);
    }
    each_band(l, threads, count, [&](int table, int level, int64_t begin, int64_t end) {
        LevelIndex index(l, level);
        float upper = slice.upper[level], lower = 1 - upper;
        const float *from = tables[table];
        float *to = out + (table * l.plane_offset[l.levels] + l.plane_offset[level]) * F;
        for (int64_t y = begin; y < end; ++y) {
            if (before && index.resolution >= size)  // coarser levels are written whole
                written[size_t(table)].runs(index.resolution, l.scale[level], y, [&](int64_t x0, int64_t x1) {
                    std::memset(to + (y * index.resolution + x0) * F, 0, sizeof(float) * size_t((x1 - x0) * F));
                });
            footprints[size_t(table)].runs(index.resolution, l.scale[level], y, [&](int64_t x0, int64_t x1) {
                float *row = to + y * index.resolution * F;
                auto each = [&](auto &&f) { each_vertex(index, slice.cell[level], y, x0, x1, f); };
                if (F == 2)
                    each([&](int64_t x, int64_t a, int64_t b) { blend<2>(2, lower, upper, from + a * 2, from + b * 2, row + x * 2); });
                else if (F == 4)
                    each([&](int64_t x, int64_t a, int64_t b) { blend<4>(4, lower, upper, from + a * 4, from + b * 4, row + x * 4); });
                else
                    each([&](int64_t x, int64_t a, int64_t b) { blend<0>(F, lower, upper, from + a * F, from + b * F, row + x * F); });
            });
        }
    });
}

void collapse_time_backward(const Levels &l, const TimeSlice &slice, const float *gradient, float *const *tables,
                            int count, int threads) {
    int F = l.features;
    // A job owns a level of a table: hashed vertices meet anywhere in it.
    parallel_for(threads, int64_t(count) * l.levels, [&](int64_t job, int) {
        int table = int(job % count), level = l.levels - 1 - int(job / count);  // the largest first
        LevelIndex index(l, level);
        float upper = slice.upper[level], lower = 1 - upper;
        const float *from = gradient + (table * l.plane_offset[l.levels] + l.plane_offset[level]) * F;
        float *to = tables[table];
        auto add = [&](auto size) {
            for (int64_t y = 0; y < index.resolution; ++y)
                each_vertex(index, slice.cell[level], y, 0, index.resolution, [&](int64_t x, int64_t first, int64_t second) {
                    spread<decltype(size)::value>(F, lower, upper, from + (y * index.resolution + x) * F, to + first * F, to + second * F);
                });
        };
        if (F == 2)
            add(std::integral_constant<int, 2>());
        else if (F == 4)
            add(std::integral_constant<int, 4>());
        else
            add(std::integral_constant<int, 0>());
    });
}

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
                    Point at = point_on_level(l, level, position[3 * i + PLANE_AXES[p][0]], position[3 * i + PLANE_AXES[p][1]]);
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
