// MLP maps, divided: samples forward, cells backward.
#include "ops/ops.h"

#include <algorithm>
#include <cstring>

#include "kernels/dispatch.h"
#include "ops/scratch.h"
#include "ops/threads.h"

namespace dymap {
void mlp_maps(const Maps &m, const Samples &samples, float *out, int threads) {
    std::fill_n(out, 3 * samples.count, 0.0f);
    Scratch scratch(threads, kernels().mlp_scratch(m));
    // Long pieces, so that many samples share a cell's weights, but some for every thread.
    int64_t piece = std::min<int64_t>(MLP_TILE, std::max<int64_t>(256, (samples.count + threads - 1) / threads));
    parallel_ranges(threads, samples.count, piece, [&](int64_t begin, int64_t end, int thread) {
        Samples part = samples;
        part.count = end - begin;
        part.features += begin * m.features;
        part.position += begin * 3;
        if (samples.ray)
            part.ray += begin;
        else
            part.views += begin * m.view;
        kernels().mlp_forward(m, part, out + 3 * begin, scratch[thread]);
    });
}

void mlp_maps_backward(const Maps &m, const Samples &samples, const float *d_out, float *d_features, float *d_first,
                       float *d_second, int threads) {
    int64_t n = samples.count, MH = int64_t(m.networks) * m.hidden, K = m.features + m.view;
    std::fill_n(d_features, n * m.features, 0.0f);
    Scratch scratch(threads, kernels().mlp_backward_scratch(m));
    std::vector<int32_t> cell(static_cast<size_t>(n)), order(static_cast<size_t>(n)), start;
    for (int plane = 0; plane < 3; ++plane) {
        parallel_ranges(threads, n, 4096, [&](int64_t begin, int64_t end, int) {
            kernels().locate(m, samples.position + 3 * begin, plane, end - begin, cell.data() + begin);
        });
        start.assign(size_t(m.cells) + 1, 0);
        for (int64_t i = 0; i < n; ++i) ++start[size_t(cell[size_t(i)]) + 1];
        for (int c = 0; c < m.cells; ++c) start[size_t(c) + 1] += start[size_t(c)];
        std::vector<int32_t> next(start.begin(), start.end() - 1);
        for (int64_t i = 0; i < n; ++i) order[size_t(next[size_t(cell[size_t(i)])]++)] = int32_t(i);
        // A sample lies in one cell of the plane, so cells share nothing.
        parallel_for(threads, m.cells, [&](int64_t c, int thread) {
            int64_t at = plane * m.cells + c, count = start[size_t(c) + 1] - start[size_t(c)];
            float *first = d_first + at * K * MH, *second = d_second + at * MH * 3;
            if (count == 0) {
                std::memset(first, 0, sizeof(float) * size_t(K * MH));
                std::memset(second, 0, sizeof(float) * size_t(3 * MH));
            } else {
                kernels().mlp_backward(m, samples, plane, int(c), order.data() + start[size_t(c)], count, d_out,
                                       d_features, first, second, scratch[thread]);
            }
        });
    }
}

std::vector<uint16_t> make_half(const Maps &m, int threads) {
    if (!kernels().half) return {};
    int64_t lanes = kernels().lanes, MH = int64_t(m.networks) * m.hidden, width = (MH + lanes - 1) / lanes * lanes;
    int64_t pairs = (m.features + 1) / 2, K = m.features + m.view;
    std::vector<uint16_t> half(size_t(3 * m.cells * pairs * width * 2), 0);
    parallel_for(threads, 3 * int64_t(m.cells), [&](int64_t cell, int) {
        const float *from = m.first + cell * K * MH;
        uint16_t *to = half.data() + cell * pairs * width * 2;
        for (int64_t k = 0; k < m.features; ++k)
            for (int64_t h = 0; h < MH; ++h)
                kernels().to_half(from + k * MH + h, 1, to + ((k / 2) * width + h) * 2 + k % 2);
    });
    return half;
}

}  // namespace dymap
