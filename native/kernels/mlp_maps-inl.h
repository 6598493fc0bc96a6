// MLP maps: every cell of three 2D grids holds tiny networks (method.md 3). What both passes share: the cell of a
// sample, its networks, scratch memory.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

/// A stack of arrays in scratch memory.
struct Stack {
    char *top;
    template <class T> T *take(int64_t n) {
        T *p = (T *)top;
        top += (n * int64_t(sizeof(T)) + 63) / 64 * 64;
        return p;
    }
};

struct Corner {
    int32_t cell;
    float weight[4];
};

/// The cell of a point on one map, and the weights of the networks at its corners (0,0), (0,1), (1,0), (1,1).
DYMAP_INLINE Corner locate(const Maps &m, const float *position, int plane) {
    Corner c;
    float u = position[PLANE_AXES[plane][0]], v = position[PLANE_AXES[plane][1]];
    u = u > 0 ? (u < 1 ? u : 1) : 0;
    v = v > 0 ? (v < 1 ? v : 1) : 0;
    if (m.networks == 1) {
        int i = int(u * m.size), j = int(v * m.size);
        i = i < m.size ? i : m.size - 1;
        j = j < m.size ? j : m.size - 1;
        c.cell = i * m.size + j;
        c.weight[0] = 1;
        c.weight[1] = c.weight[2] = c.weight[3] = 0;
        return c;
    }
    int cells = m.size - 1;
    float x = u * cells, y = v * cells;
    int i = int(x), j = int(y);
    i = i < cells ? i : cells - 1;
    j = j < cells ? j : cells - 1;
    float f = x - i, g = y - j;
    f = f < 1 ? f : 1;
    g = g < 1 ? g : 1;
    c.cell = i * cells + j;
    c.weight[0] = (1 - f) * (1 - g);
    c.weight[1] = (1 - f) * g;
    c.weight[2] = f * (1 - g);
    c.weight[3] = f * g;
    return c;
}

void locate_all(const Maps &m, const float *position, int plane, int64_t n, int32_t *cell) {
    for (int64_t i = 0; i < n; ++i) cell[i] = locate(m, position + 3 * i, plane).cell;
}

/// The weights of one cell, rows padded to whole vectors. second: [3, width].
/// slopes: how the hidden layer changes with the viewing direction, [3, width]; null: the view is in the rows it adds.
struct CellNetworks {
    const float *first;
    float *second;
    int64_t width;
    const uint16_t *half;
    const float *slopes;
};

DYMAP_INLINE CellNetworks open_cell(const Maps &m, int plane, int cell, float *padded, float *second) {
    int64_t MH = int64_t(m.networks) * m.hidden, width = round_up(MH), K = m.features + m.view;
    const float *first = m.first + (int64_t(plane) * m.cells + cell) * K * MH;
    const float *last = m.second + (int64_t(plane) * m.cells + cell) * MH * 3;
    if (width != MH) {
        for (int64_t k = 0; k < K; ++k) {
            std::memcpy(padded + k * width, first + k * MH, sizeof(float) * MH);
            std::memset(padded + k * width + MH, 0, sizeof(float) * (width - MH));
        }
        first = padded;
    }
    for (int c = 0; c < 3; ++c) {
        for (int64_t h = 0; h < MH; ++h) second[c * width + h] = last[h * 3 + c];
        for (int64_t h = MH; h < width; ++h) second[c * width + h] = 0;
    }
    return {first, second, width, nullptr, nullptr};
}

/// Which network the lanes of every vector of the hidden layer belong to; -1: to several.
void find_networks(const Maps &m, int64_t width, int32_t *network) {
    for (int64_t h = 0; h < width; h += W) network[h / W] = m.hidden % W == 0 ? int32_t(h / m.hidden) : -1;
}

/// Weights of the networks that the lanes of a vector belong to.
DYMAP_INLINE vf network_weights(const Maps &m, const float *weight, int32_t network, int64_t first_lane) {
    if (network >= 0) return splat<vf>(weight[network]);
    float lanes[W];
    for (int k = 0; k < W; ++k) {
        int64_t n = (first_lane + k) / m.hidden;
        lanes[k] = n < m.networks ? weight[n] : 0;
    }
    return load(lanes);
}

}  // namespace
}  // namespace dymap
