#include "ops.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "dispatch.h"
#include "threads.h"

namespace dymap {
namespace {

constexpr int64_t PIECE = 1024;

/// Scratch memory of each thread, on cache lines of its own.
class Scratch {
  public:
    Scratch(int threads, int64_t bytes) : bytes_((bytes + 127) / 64 * 64), memory_(new char[size_t(bytes_ * threads + 64)]) {}
    void *operator[](int thread) {
        auto base = (reinterpret_cast<uintptr_t>(memory_.get()) + 63) / 64 * 64;
        return reinterpret_cast<void *>(base + size_t(bytes_) * size_t(thread));
    }

  private:
    int64_t bytes_;
    std::unique_ptr<char[]> memory_;
};

/// How many channels a job of `encode_backward_plane` covers, and how many jobs that makes.
int spread_channels() { return SPREAD_VECTORS * kernels().lanes; }
int64_t blocks(const Encoding &e) { return (e.channels + spread_channels() - 1) / spread_channels(); }

}  // namespace

void encode(const Encoding &e, const float *position, int64_t n, float *out, int threads) {
    int64_t channels = e.planes ? e.channels : e.levels.levels * e.levels.features;
    parallel_ranges(threads, n, PIECE, [&](int64_t begin, int64_t end, int) {
        kernels().encode(e, position + 3 * begin, end - begin, out + channels * begin);
    });
}

void encode_backward(const Encoding &e, const EncodingGradient &into, const float *position, const float *gradient,
                     int64_t n, int threads) {
    int64_t stride = e.planes ? e.channels : e.levels.levels * e.levels.features;
    int64_t plane_jobs = into.planes ? 3 * blocks(e) : 0, level_jobs = into.grids ? 3 * e.levels.levels : 0;
    parallel_for(threads, plane_jobs + level_jobs, [&](int64_t job, int) {
        if (job < plane_jobs) {
            int plane = int(job % 3);
            if (e.which >> plane & 1)
                kernels().encode_backward_plane(e, into, position, gradient, n, plane, int(job / 3) * spread_channels());
        } else {
            int plane = int((job - plane_jobs) % 3);
            if (e.which >> plane & 1)
                kernels().encode_backward_level(e, into, position, gradient, stride, n, plane, int((job - plane_jobs) / 3));
        }
    });
}

void convolve(const Convolution &c, int64_t count, int threads) {
    int64_t row_jobs = (count + CONVOLVE_ROWS - 1) / CONVOLVE_ROWS;
    int panels = (c.outputs + PANEL - 1) / PANEL, panel_jobs = (panels + CONVOLVE_PANELS - 1) / CONVOLVE_PANELS;
    if (row_jobs < 2 * threads) panel_jobs = std::max(panel_jobs, std::min(panels / 4, 2 * threads));  // few rows: work for all
    Scratch scratch(threads, int64_t(sizeof(float)) * CONVOLVE_ROWS * CONVOLVE_PANELS * PANEL);
    // Rows change fastest: neighbouring jobs share weights, which may be far larger than what they are multiplied with.
    parallel_for(threads, row_jobs * panel_jobs, [&](int64_t job, int thread) {
        int64_t row = job % row_jobs, panel = job / row_jobs;
        kernels().convolve(c, count * row / row_jobs, count * (row + 1) / row_jobs, int(panels * panel / panel_jobs),
                           int(panels * (panel + 1) / panel_jobs), static_cast<float *>(scratch[thread]));
    });
}

void winograd_convolve(const WinogradConv &conv, const uint8_t *mask, int size, int threads) {
    std::vector<WinogradTile> tiles;
    const int side = conv.tile;
    for (int row = 0; row < size; row += side)
        for (int column = 0; column < size; column += side) {
            uint32_t bits = 0;
            for (int i = 0; i < std::min(side, size - row); ++i)
                for (int j = 0; j < std::min(side, size - column); ++j)
                    bits |= uint32_t(mask[int64_t(row + i) * size + column + j] != 0) << (i * side + j);
            if (bits) tiles.push_back({row, column, bits});
        }
    WinogradConv s = conv;
    s.tiles = tiles.data();
    int64_t count = int64_t(tiles.size()), panels = (s.outputs + PANEL - 1) / PANEL;
    int64_t panel_jobs = (panels + WINOGRAD_PANELS - 1) / WINOGRAD_PANELS;
    int64_t most = WINOGRAD_TILES_WIDE;
    if (panel_jobs == 1) most = std::min<int64_t>(WINOGRAD_TILES, std::max<int64_t>(12, count / (2 * threads)));
    int64_t row_jobs = (count + most - 1) / most;
    Scratch scratch(threads, int64_t(sizeof(float)) * kernels().winograd_scratch(s, most, int(std::min<int64_t>(panels, WINOGRAD_PANELS))));
    parallel_for(threads, row_jobs * panel_jobs, [&](int64_t job, int thread) {
        int64_t row = job % row_jobs, panel = job / row_jobs;
        kernels().winograd(s, count * row / row_jobs, count * (row + 1) / row_jobs, int(panels * panel / panel_jobs),
                          int(panels * (panel + 1) / panel_jobs), static_cast<float *>(scratch[thread]));
    });
}

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
        parallel_ranges(threads, n, 4 * PIECE, [&](int64_t begin, int64_t end, int) {
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

}  // namespace dymap
