// Planes and collapsed hash grids at points (method.md 1 and 2).
#pragma once
#include "kernels/kernels.h"
#include "kernels/vertices-inl.h"

namespace dymap {
namespace {

/// NV vectors of channels at once, all planes summed in registers.
template <int NV> DYMAP_INLINE void sum_planes(const Encoding &e, const Vertices &v, int i, int channel, float *out) {
    vf total[NV];
    for (int k = 0; k < NV; ++k) total[k] = splat<vf>(0);
    int64_t right = e.channels, down = int64_t(e.size) * e.channels;
    for (int p = 0; p < 3; ++p) {
        if (!(e.which >> p & 1)) continue;
        int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
        float w[4];
        corner_weights(v, first, second, i, w);
        const float *corner =
            e.planes + p * down * e.size + v.lower[second][i] * down + v.lower[first][i] * right + channel;
        for (int c = 0; c < 4; ++c) {
            const float *from = corner + (c & 1) * right + (c >> 1) * down;
            vf weight = splat<vf>(w[c]);
            for (int k = 0; k < NV; ++k) total[k] += weight * load(from + k * W);
        }
    }
    for (int k = 0; k < NV; ++k) store(out + k * W, total[k]);
}

void encode_planes(const Encoding &e, const Vertices &v, int i, float *out) {
    const int channels = e.channels;
    int channel = 0;
    for (; channel + 4 * W <= channels; channel += 4 * W) sum_planes<4>(e, v, i, channel, out + channel);
    for (; channel + 2 * W <= channels; channel += 2 * W) sum_planes<2>(e, v, i, channel, out + channel);
    for (; channel + W <= channels; channel += W) sum_planes<1>(e, v, i, channel, out + channel);
    if (channel < channels && channels >= W) {  // the last vector overlaps the one before
        channel = channels - W;
        sum_planes<1>(e, v, i, channel, out + channel);
    } else if (channel < channels) {
        for (; channel < channels; ++channel) {
            float total = 0;
            for (int p = 0; p < 3; ++p) {
                if (!(e.which >> p & 1)) continue;
                int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
                float w[4];
                corner_weights(v, first, second, i, w);
                int64_t down = int64_t(e.size) * e.channels;
                const float *corner = e.planes + p * down * e.size + v.lower[second][i] * down +
                                      int64_t(v.lower[first][i]) * e.channels + channel;
                total += w[0] * corner[0] + w[1] * corner[e.channels] + w[2] * corner[down] +
                         w[3] * corner[down + e.channels];
            }
            out[channel] = total;
        }
    }
}

/// One level of the three collapsed tables, for all samples of a chunk, F values at once.
template <int F>
DYMAP_INLINE void encode_level(const Encoding &e, const Vertices &v, int level, int n, float *out, int64_t stride) {
    int resolution = e.levels.resolution[level];
    int64_t rows = e.levels.plane_offset[e.levels.levels];
    const float *start = e.grids + e.levels.plane_offset[level] * F;
    typedef typename Lanes<F>::F entry;
    for (int i = 0; i < n; ++i) {
        entry total = splat<entry>(0);
        for (int p = 0; p < 3; ++p) {
            if (!(e.which >> p & 1)) continue;
            int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
            const float *row = start + (p * rows + int64_t(v.lower[second][i]) * resolution + v.lower[first][i]) * F;
            const float *next = row + int64_t(resolution) * F;
            float below = v.below[second][i], above = v.above[second][i];
            float left = v.below[first][i], right = v.above[first][i];
            total += splat<entry>(below) *
                         (splat<entry>(left) * load<entry>(row) + splat<entry>(right) * load<entry>(row + F)) +
                     splat<entry>(above) *
                         (splat<entry>(left) * load<entry>(next) + splat<entry>(right) * load<entry>(next + F));
        }
        float *to = out + i * stride + level * F;
        store(to, load<entry>(to) + total);
    }
}

#if defined(DYMAP_SHUFFLE)
#define DYMAP_PAIRS
/// Where the rows of a level begin that samples read, on each plane.
DYMAP_INLINE void level_corners(const Encoding &e, const Vertices &v, int level, int32_t corner[3][CHUNK]) {
    for (int p = 0; p < 3; ++p)
        for (int i = 0; i < CHUNK; i += W) {
            vi row, column;
            std::memcpy(&row, v.lower[PLANE_AXES[p][1]] + i, sizeof row);
            std::memcpy(&column, v.lower[PLANE_AXES[p][0]] + i, sizeof column);
            row = row * e.levels.resolution[level] + column;
            std::memcpy(corner[p] + i, &row, sizeof row);
        }
}

DYMAP_INLINE const float *level_start(const Encoding &e, int level, int plane) {
    return e.grids + (plane * e.levels.plane_offset[e.levels.levels] + e.levels.plane_offset[level]) * 2;
}

/// Two features: the four values of two vertices are one vector. corner: of this level.
DYMAP_INLINE void encode_pairs(const Encoding &e, const Vertices &v, const int32_t corner[3][CHUNK], int level, int n,
                               float *out, int64_t stride) {
    int64_t down = 2 * int64_t(e.levels.resolution[level]);
    const float *start[3] = {level_start(e, level, 0), level_start(e, level, 1), level_start(e, level, 2)};
    for (int i = 0; i < n; ++i) {
        vf4 sums = splat<vf4>(0);
        DYMAP_UNROLLED (p, 3) {
            const float *row = start[p] + 2 * int64_t(corner[p][i]);
            int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
            vf4 sides = DYMAP_SHUFFLE(splat<vf4>(v.below[first][i]), splat<vf4>(v.above[first][i]), 0, 1, 4, 5);
            sums += sides * (splat<vf4>(v.below[second][i]) * load<vf4>(row) +
                             splat<vf4>(v.above[second][i]) * load<vf4>(row + down));
        }
        sums += DYMAP_SHUFFLE(sums, sums, 2, 3, 0, 1);
        float *to = out + i * stride + 2 * level;
        to[0] += lane(sums, 0);
        to[1] += lane(sums, 1);
    }
}

/// Asks for what encode_pairs will read.
DYMAP_INLINE void prefetch_pairs(const Encoding &e, const int32_t corner[3][CHUNK], int level, int n) {
    int64_t down = 2 * int64_t(e.levels.resolution[level]);
    for (int p = 0; p < 3; ++p) {
        const float *start = level_start(e, level, p);
        for (int i = 0; i < n; ++i) {
            const float *row = start + 2 * int64_t(corner[p][i]);
            DYMAP_PREFETCH(row);
            DYMAP_PREFETCH(row + down);
        }
    }
}

constexpr int FAR_RESOLUTION = 128;  // levels from here on do not stay in the nearest caches

/// All levels; the next one is on its way while one is worked on.
void encode_all_pairs(const Encoding &e, const float axes[3][CHUNK], int n, float *out, int64_t stride) {
    Vertices v[2];
    int32_t corner[2][3][CHUNK];
    int levels = e.levels.levels;
    for (int level = 0; level <= levels; ++level) {
        if (level < levels) {
            level_vertices(axes, e.levels.scale[level], e.levels.resolution[level], v[level & 1]);
            level_corners(e, v[level & 1], level, corner[level & 1]);
            if (e.levels.resolution[level] >= FAR_RESOLUTION) prefetch_pairs(e, corner[level & 1], level, n);
        }
        if (level > 0) encode_pairs(e, v[(level + 1) & 1], corner[(level + 1) & 1], level - 1, n, out, stride);
    }
}
#endif

void encode_level_any(const Encoding &e, const Vertices &v, int level, int n, float *out, int64_t stride) {
    int resolution = e.levels.resolution[level], F = e.levels.features;
    int64_t rows = e.levels.plane_offset[e.levels.levels];
    for (int i = 0; i < n; ++i)
        for (int p = 0; p < 3; ++p) {
            if (!(e.which >> p & 1)) continue;
            int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
            float w[4];
            corner_weights(v, first, second, i, w);
            const float *corner = e.grids + (p * rows + e.levels.plane_offset[level] +
                                             int64_t(v.lower[second][i]) * resolution + v.lower[first][i]) *
                                                F;
            for (int f = 0; f < F; ++f)
                out[i * stride + level * F + f] += w[0] * corner[f] + w[1] * corner[F + f] +
                                                   w[2] * corner[int64_t(resolution) * F + f] +
                                                   w[3] * corner[int64_t(resolution + 1) * F + f];
        }
}

void encode(const Encoding &e, const float *position, int64_t n, float *out) {
    int64_t stride = e.planes ? e.channels : e.levels.levels * e.levels.features;
    float axes[3][CHUNK];
    Vertices v;
    for (int64_t begin = 0; begin < n; begin += CHUNK, position += 3 * CHUNK, out += CHUNK * stride) {
        int count = n - begin < CHUNK ? int(n - begin) : CHUNK;
        split_axes(position, count, axes);
        if (e.planes) {
            plane_vertices(axes, e.size, v);
            for (int i = 0; i < count; ++i) {
                encode_planes(e, v, i, out + i * stride);
            }
        } else {
            std::memset(out, 0, sizeof(float) * count * stride);
        }
        if (!e.grids) continue;
#if defined(DYMAP_PAIRS)
        if (e.levels.features == 2 && e.which == 7) {
            encode_all_pairs(e, axes, count, out, stride);
            continue;
        }
#endif
        for (int level = 0; level < e.levels.levels; ++level) {
            level_vertices(axes, e.levels.scale[level], e.levels.resolution[level], v);
            switch (e.levels.features) {
            case 2: encode_level<2>(e, v, level, count, out, stride); break;
            case 4: encode_level<4>(e, v, level, count, out, stride); break;
            default: encode_level_any(e, v, level, count, out, stride);
            }
        }
    }
}

}  // namespace
}  // namespace dymap
