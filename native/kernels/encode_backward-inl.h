// Gradients of planes and collapsed hash grids from those of their values at points.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vertices-inl.h"

namespace dymap {
namespace {

/// Adds NV vectors of channels of the gradients of n samples to the corners around them.
template <int NV>
DYMAP_INLINE void spread_plane(const Vertices &v, int first, int second, int n, const float *gradient, int64_t right,
                               int64_t down, float *plane) {
    for (int i = 0; i < n; ++i) {
        float w[4];
        corner_weights(v, first, second, i, w);
        vf value[NV];
        for (int k = 0; k < NV; ++k) value[k] = load(gradient + i * right + k * W);
        float *corner = plane + v.lower[second][i] * down + v.lower[first][i] * right;
        for (int c = 0; c < 4; ++c) {
            float *to = corner + (c & 1) * right + (c >> 1) * down;
            vf weight = splat<vf>(w[c]);
            for (int k = 0; k < NV; ++k) store(to + k * W, load(to + k * W) + weight * value[k]);
        }
    }
}

void encode_backward_plane(const Encoding &e, const EncodingGradient &g, const float *position, const float *gradient,
                           int64_t n, int p, int channel) {
    int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
    int64_t right = e.channels, down = int64_t(e.size) * e.channels;
    float axes[3][CHUNK];
    Vertices v;
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int count = n - begin < CHUNK ? int(n - begin) : CHUNK;
        split_axes(position + 3 * begin, count, axes);
        plane_vertices(axes, e.size, v);
        int done = channel, end = e.channels < channel + SPREAD_VECTORS * W ? e.channels : channel + SPREAD_VECTORS * W;
        const float *from = gradient + begin * e.channels;
        float *plane = g.planes + p * down * e.size;
        for (; done + 2 * W <= end; done += 2 * W)
            spread_plane<2>(v, first, second, count, from + done, right, down, plane + done);
        for (; done + W <= end; done += W)
            spread_plane<1>(v, first, second, count, from + done, right, down, plane + done);
        for (int i = 0; done < end && i < count; ++i) {
            float w[4];
            corner_weights(v, first, second, i, w);
            float *corner = plane + v.lower[second][i] * down + v.lower[first][i] * right;
            for (int c = 0; c < 4; ++c)
                for (int k = done; k < end; ++k)
                    corner[(c & 1) * right + (c >> 1) * down + k] += w[c] * from[i * right + k];
        }
    }
}

/// Adds the gradients of n samples to a level, F values at once.
template <int F>
DYMAP_INLINE void spread_level(const Vertices &v, int first, int second, int n, const float *gradient, int64_t stride,
                               int resolution, float *start) {
    typedef typename Lanes<F>::F entry;
    for (int i = 0; i < n; ++i) {
        float w[4];
        corner_weights(v, first, second, i, w);
        entry value = load<entry>(gradient + i * stride);
        float *corner = start + (int64_t(v.lower[second][i]) * resolution + v.lower[first][i]) * F;
        for (int c = 0; c < 4; ++c) {
            float *to = corner + (c & 1) * F + (c >> 1) * int64_t(resolution) * F;
            store(to, load<entry>(to) + splat<entry>(w[c]) * value);
        }
    }
}

void spread_level_any(const Vertices &v, int first, int second, int n, const float *gradient, int64_t stride,
                      int resolution, int F, float *start) {
    for (int i = 0; i < n; ++i) {
        float w[4];
        corner_weights(v, first, second, i, w);
        const float *from = gradient + i * stride;
        float *corner = start + (int64_t(v.lower[second][i]) * resolution + v.lower[first][i]) * F;
        float *next = corner + int64_t(resolution) * F;
        for (int f = 0; f < F; ++f) {
            corner[f] += w[0] * from[f];
            corner[F + f] += w[1] * from[f];
            next[f] += w[2] * from[f];
            next[F + f] += w[3] * from[f];
        }
    }
}

void encode_backward_level(const Encoding &e, const EncodingGradient &g, const float *position, const float *gradient,
                           int64_t stride, int64_t n, int p, int level) {
    int first = PLANE_AXES[p][0], second = PLANE_AXES[p][1];
    int resolution = e.levels.resolution[level], F = e.levels.features;
    float *start = g.grids + (p * e.levels.plane_offset[e.levels.levels] + e.levels.plane_offset[level]) * F;
    float axes[3][CHUNK];
    Vertices v;
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int count = n - begin < CHUNK ? int(n - begin) : CHUNK;
        split_axes(position + 3 * begin, count, axes);
        level_vertices(axes, e.levels.scale[level], resolution, v);
        const float *from = gradient + begin * stride + level * F;
        switch (F) {
        case 2: spread_level<2>(v, first, second, count, from, stride, resolution, start); break;
        case 4: spread_level<4>(v, first, second, count, from, stride, resolution, start); break;
        default: spread_level_any(v, first, second, count, from, stride, resolution, F, start);
        }
    }
}

}  // namespace
}  // namespace dymap
