// Colours from MLP maps. Samples are sorted by cell, so that each cell's weights are read once for many of them, and
// what the viewing direction adds is worked out once a ray and cell.
#pragma once
#include "kernels/gemm-inl.h"
#include "kernels/kernels.h"
#include "kernels/mlp_maps-inl.h"

namespace dymap {
namespace {

constexpr int GROUP = 24;  // samples of one cell in work at once

struct MlpScratch {
    int32_t *cell, *order, *start;
    float (*weight)[4];
    float *padded, *second, *view_rows, *view_hidden, *lit;
    uint32_t *pairs;
    int32_t *network;
};

int64_t mlp_arrays(const Maps &m, MlpScratch &s, void *memory) {
    Stack stack{(char *)memory};
    int64_t width = round_up(int64_t(m.networks) * m.hidden), K = m.features + m.view;
    s.cell = stack.take<int32_t>(MLP_TILE);
    s.order = stack.take<int32_t>(MLP_TILE);
    s.start = stack.take<int32_t>(m.cells + 1);
    s.weight = (float(*)[4])stack.take<float>(4 * MLP_TILE);
    s.padded = stack.take<float>(K * width);
    s.second = stack.take<float>(3 * width);
    s.view_rows = stack.take<float>(GROUP * m.view);
    s.view_hidden = stack.take<float>(GROUP * width);
    s.lit = stack.take<float>(GROUP * width);
    s.network = stack.take<int32_t>(width / W);
    s.pairs = stack.take<uint32_t>(m.half_first ? MLP_TILE * ((m.features + 1) / 2) : 0);
    return stack.top - (char *)memory;
}

int64_t mlp_scratch(const Maps &m) {
    MlpScratch s;
    return mlp_arrays(m, s, nullptr);
}

/// Samples of one cell.
struct Group {
    const float *hidden[GROUP];    // what the view adds, [width]
    const float *features[GROUP];  // [C]
    const uint32_t *pairs[GROUP];  // [ceil(C / 2)] bfloat16, two by two
    const float *offset[GROUP];    // [3] of the viewing direction, with slopes
    const float *weight[GROUP];    // of the networks
    float *rgb[GROUP];
};

/// First layer of V vectors of hidden units for R samples: in registers, added to what the view adds.
template <int R, int V>
DYMAP_INLINE void first_layer(const float *const *x_of, const float *first, int64_t width, int features, int64_t column,
                              vf sums[R][V]) {
    for (int k = 0; k < features; ++k) {
        vf row[V];
        DYMAP_UNROLLED (v, V) row[v] = load(first + k * width + column + v * W);
        DYMAP_UNROLLED (r, R) {
            vf x = splat<vf>(x_of[r][k]);
            DYMAP_UNROLLED (v, V) sums[r][v] += x * row[v];
        }
    }
}

#if defined(__AVX512BF16__)
constexpr bool HALF = true;
/// The same with products of bfloat16 pairs. half: [ceil(C / 2), width] pairs.
template <int R, int V>
DYMAP_INLINE void first_layer_half(const uint32_t *const *x_of, const uint16_t *half, int64_t width, int features,
                                   int64_t column, vf sums[R][V]) {
    for (int k = 0; k < (features + 1) / 2; ++k) {
        __m512bh row[V];
        DYMAP_UNROLLED (v, V) std::memcpy(&row[v], half + 2 * (k * width + column + v * W), sizeof row[v]);
        DYMAP_UNROLLED (r, R) {
            __m512bh x = (__m512bh)_mm512_set1_epi32(int(x_of[r][k]));
            DYMAP_UNROLLED (v, V) sums[r][v] = (vf)_mm512_dpbf16_ps((__m512)sums[r][v], x, row[v]);
        }
    }
}
#else
constexpr bool HALF = false;
template <int R, int V>
DYMAP_INLINE void first_layer_half(const uint32_t *const *, const uint16_t *, int64_t, int, int64_t, vf[R][V]) {}
#endif

/// The two nearest bfloat16 of two floats, the first in the low half.
DYMAP_INLINE uint32_t bfloat_pair(float a, float b) {
    uint32_t x, y;
    std::memcpy(&x, &a, 4);
    std::memcpy(&y, &b, 4);
    x += 0x7fff + (x >> 16 & 1);
    y += 0x7fff + (y >> 16 & 1);
    return x >> 16 | (y & 0xffff0000u);
}

/// V vectors of the hidden layer for R samples, weighted by their networks. lit: [count, width].
template <int R, int V>
DYMAP_INLINE void hidden_layer(const Maps &m, const Group &g, int row, const CellNetworks &net, const int32_t *network,
                               int64_t column, float *lit) {
    vf sums[R][V], zero = splat<vf>(0);
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (v, V) sums[r][v] = load(g.hidden[row + r] + column + v * W);
    if (HALF && net.half)
        first_layer_half<R, V>(g.pairs + row, net.half, net.width, m.features, column, sums);
    else
        first_layer<R, V>(g.features + row, net.first, net.width, m.features, column, sums);
    if (net.slopes) first_layer<R, V>(g.offset + row, net.slopes, net.width, 3, column, sums);
    lit += row * net.width + column;
    int32_t one = network[column / W];
    bool same = one >= 0 && one == network[column / W + V - 1];  // columns of one network
    DYMAP_UNROLLED (r, R) {
        vf weight = splat<vf>(same ? g.weight[row + r][one] : 1);
        DYMAP_UNROLLED (v, V) store(lit + r * net.width + v * W, vmax(sums[r][v], zero) * weight);
    }
    if (same) return;
    for (int r = 0; r < R; ++r)
        for (int v = 0; v < V; ++v) {
            float *to = lit + r * net.width + v * W;
            store(to, load(to) * network_weights(m, g.weight[row + r], network[column / W + v], column + v * W));
        }
}

/// Adds the second layer of R samples to their rgb: a pass of its own, because its sums do not fit beside the first's.
template <int R> DYMAP_INLINE void second_layer(const CellNetworks &net, const float *lit, float *const *rgb) {
    vf colour[R][3];
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (c, 3) colour[r][c] = splat<vf>(0);
    for (int64_t h = 0; h < net.width; h += W) {
        vf red = load(net.second + h), green = load(net.second + net.width + h),
           blue = load(net.second + 2 * net.width + h);
        DYMAP_UNROLLED (r, R) {
            vf x = load(lit + r * net.width + h);
            colour[r][0] += x * red;
            colour[r][1] += x * green;
            colour[r][2] += x * blue;
        }
    }
    DYMAP_UNROLLED (r, R) {
        float total[4];
        store(total, sum_each(colour[r][0], colour[r][1], colour[r][2]));
        for (int c = 0; c < 3; ++c) rgb[r][c] += total[c];
    }
}

/// Both layers of the samples of a group. Columns come first, so that their weights stay in the nearest cache.
void colour_group(const Maps &m, const Group &g, int count, const CellNetworks &net, const int32_t *network,
                  float *lit) {
    int64_t column = 0;
    for (; column + COLUMNS * W <= net.width; column += COLUMNS * W)
        by_rows(count,
                [&](int row, auto rows) { hidden_layer<rows.count, COLUMNS>(m, g, row, net, network, column, lit); });
    for (; column < net.width; column += W)
        by_rows(count, [&](int row, auto rows) { hidden_layer<rows.count, 1>(m, g, row, net, network, column, lit); });
    int row = 0;
    for (; row + 3 <= count; row += 3) second_layer<3>(net, lit + row * net.width, g.rgb + row);
    for (; row < count; ++row) second_layer<1>(net, lit + row * net.width, g.rgb + row);
}

void mlp_forward(const Maps &m, const Samples &samples, float *out, void *memory) {
    MlpScratch s;
    mlp_arrays(m, s, memory);
    int n = int(samples.count), C = m.features, V = m.view, pairs = (C + 1) / 2;
    bool half = HALF && m.half_first;
    find_networks(m, round_up(int64_t(m.networks) * m.hidden), s.network);
    if (half)
        for (int i = 0; i < n; ++i) {
            const float *x = samples.features + int64_t(i) * C;
            for (int k = 0; k < pairs; ++k)
                s.pairs[i * pairs + k] = bfloat_pair(x[2 * k], 2 * k + 1 < C ? x[2 * k + 1] : 0);
        }
    for (int plane = 0; plane < 3; ++plane) {
        std::memset(s.start, 0, sizeof(int32_t) * (m.cells + 1));
        for (int i = 0; i < n; ++i) {
            Corner c = locate(m, samples.position + 3 * int64_t(i), plane);
            s.cell[i] = c.cell;
            std::memcpy(s.weight[i], c.weight, sizeof c.weight);
            ++s.start[c.cell + 1];
        }
        for (int c = 0; c < m.cells; ++c) s.start[c + 1] += s.start[c];
        for (int i = 0; i < n; ++i) s.order[s.start[s.cell[i]]++] = i;  // start[c] is now where c ends
        for (int i = 0; i < n;) {
            int cell = s.cell[s.order[i]], end = s.start[cell];
            CellNetworks net = open_cell(m, plane, cell, s.padded, s.second);
            if (half) net.half = m.half_first + (int64_t(plane) * m.cells + cell) * pairs * net.width * 2;
            const float *view_weights = net.first + C * net.width;
            if (samples.offset) {  // the view and its slopes once a cell
                std::memset(s.view_hidden, 0, sizeof(float) * 4 * net.width);
                gemm(4, int(net.width), V, samples.views, V, 1, view_weights, net.width, s.view_hidden, net.width);
                net.slopes = s.view_hidden + net.width;
            }
            for (int begin = i; begin < end; begin += GROUP) {
                int count = end - begin < GROUP ? end - begin : GROUP;
                int row[GROUP] = {0};
                if (!samples.offset) {
                    int rays = 0, last = -1;
                    for (int k = 0; k < count; ++k) {
                        int index = s.order[begin + k], ray = samples.ray ? samples.ray[index] : index;
                        if (V && ray != last)
                            std::memcpy(s.view_rows + rays * V, samples.views + int64_t(ray) * V, sizeof(float) * V);
                        rays += ray != last;
                        row[k] = rays - 1;
                        last = ray;
                    }
                    std::memset(s.view_hidden, 0, sizeof(float) * rays * net.width);
                    gemm(rays, int(net.width), V, s.view_rows, V, 1, view_weights, net.width, s.view_hidden, net.width);
                }
                Group g;
                for (int k = 0; k < count; ++k) {
                    int64_t index = s.order[begin + k];
                    g.hidden[k] = s.view_hidden + row[k] * net.width;
                    g.features[k] = samples.features + index * C;
                    g.pairs[k] = s.pairs + index * pairs;
                    g.offset[k] = samples.offset ? samples.offset + 3 * index : nullptr;
                    g.weight[k] = s.weight[index];
                    g.rgb[k] = out + 3 * index;
                }
                colour_group(m, g, count, net, s.network, s.lit);
            }
            i = end;
        }
    }
}

}  // namespace
}  // namespace dymap
