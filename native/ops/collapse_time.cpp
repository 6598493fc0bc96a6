// Hash tables over (a, b, t) collapsed to 2D at one time (method.md 2), divided into bands of rows forward, levels
// backward. Compiled without fused operations.
#include "ops/ops.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "ops/threads.h"
#include "scalar/hash.h"

namespace dymap {
namespace {

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
                        for (int a = std::max(i - 1, 0); a <= std::min(i + 1, size - 1); ++a)
                            wide_[size_t(b * size + a)] = 1;
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
            f(first == 0 ? 0 : int64_t((first - 0.5) * vertices),
              i == size_ ? resolution : std::min(resolution, int64_t((i - 0.5) * vertices) + 1));
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

void collapse_time(const Levels &l, const TimeSlice &slice, const float *const *tables, int count,
                   const uint8_t *pixels, const uint8_t *before, int size, float *out, int threads) {
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
                    each([&](int64_t x, int64_t a, int64_t b) {
                        blend<2>(2, lower, upper, from + a * 2, from + b * 2, row + x * 2);
                    });
                else if (F == 4)
                    each([&](int64_t x, int64_t a, int64_t b) {
                        blend<4>(4, lower, upper, from + a * 4, from + b * 4, row + x * 4);
                    });
                else
                    each([&](int64_t x, int64_t a, int64_t b) {
                        blend<0>(F, lower, upper, from + a * F, from + b * F, row + x * F);
                    });
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
                each_vertex(index, slice.cell[level], y, 0, index.resolution,
                            [&](int64_t x, int64_t first, int64_t second) {
                                spread<decltype(size)::value>(F, lower, upper, from + (y * index.resolution + x) * F,
                                                              to + first * F, to + second * F);
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

}  // namespace dymap
