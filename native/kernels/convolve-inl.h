// Convolutions at chosen places: rows of channels times packed weights, taps being offsets of rows (method.md 4).
#pragma once
#include "kernels/gemm-inl.h"
#include "kernels/kernels.h"

namespace dymap {
namespace {

/// sums[r, p] += the rows a[r] [terms] times packed weights, for V vectors of columns; panel p of the weights holds
/// `PANEL` columns.
template <int R, int V>
DYMAP_INLINE void tap(const float *const *a, int64_t terms, const float *weight, int64_t panel_stride,
                      vf (&sums)[R][V]) {
    constexpr int EACH = PANEL / W;  // vectors in a panel
    for (int64_t t = 0; t < terms; ++t) {
        vf row[V];
        DYMAP_UNROLLED (v, V) row[v] = load(weight + (v / EACH) * panel_stride + t * PANEL + (v % EACH) * W);
        DYMAP_UNROLLED (r, R) {
            vf x = splat<vf>(a[r][t]);
            DYMAP_UNROLLED (v, V) sums[r][v] += x * row[v];
        }
    }
}

/// Rows begin .. begin + R, taps first .. last - 1, V vectors of columns: sums [R, width] grow.
template <int R, int V>
DYMAP_INLINE void convolve_block(const Convolution &c, int64_t begin, int first, int last, const float *weight,
                                 int64_t panel_stride, float *sums, int64_t width) {
    vf s[R][V];
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (v, V) s[r][v] = load(sums + r * width + v * W);
    for (int k = first; k < last; ++k) {
        const float *a[R];
        DYMAP_UNROLLED (r, R) a[r] = c.x + (int64_t(c.at[begin + r]) + c.offset[k]) * c.inputs;
        tap<R, V>(a, c.inputs, weight + int64_t(k) * c.inputs * PANEL, panel_stride, s);
    }
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (v, V) store(sums + r * width + v * W, s[r][v]);
}

/// All rows of a block, V vectors of columns.
template <int V>
DYMAP_INLINE void convolve_rows(const Convolution &c, int64_t begin, int64_t end, int first, int last,
                                const float *weight, int64_t panel_stride, float *sums, int64_t width) {
    int64_t r = begin;
    for (; r + ROWS <= end; r += ROWS, sums += ROWS * width)
        convolve_block<ROWS, V>(c, r, first, last, weight, panel_stride, sums, width);
    for (; r + 2 <= end; r += 2, sums += 2 * width)
        convolve_block<2, V>(c, r, first, last, weight, panel_stride, sums, width);
    for (; r < end; ++r, sums += width) convolve_block<1, V>(c, r, first, last, weight, panel_stride, sums, width);
}

void convolve(const Convolution &c, int64_t begin, int64_t end, int first_panel, int last_panel, float *sums) {
    int64_t terms = int64_t(c.taps) * c.inputs, panel_stride = terms * PANEL,
            width = int64_t(last_panel - first_panel) * PANEL;
    std::memset(sums, 0, sizeof(float) * size_t((end - begin) * width));
    constexpr int TOGETHER = COLUMNS * W > PANEL ? COLUMNS * W / PANEL : 1;  // panels
    int step = 1;  // taps worked on together: so many that what the rows read stays in the cache
    while (step < c.taps && int64_t(step + 1) * c.inputs <= CONVOLVE_TERMS) ++step;
    for (int first = 0; first < c.taps; first += step) {
        int last = first + step < c.taps ? first + step : c.taps, p = first_panel;
        for (; p + TOGETHER <= last_panel; p += TOGETHER) {
            const float *weight = c.weight + p * panel_stride;
            float *to = sums + int64_t(p - first_panel) * PANEL;
            for (int v = 0; v < TOGETHER * PANEL; v += COLUMNS * W)
                convolve_rows<COLUMNS>(c, begin, end, first, last, weight + v, panel_stride, to + v, width);
        }
        for (; p < last_panel; ++p) {
            constexpr int EACH = PANEL / W < COLUMNS ? PANEL / W : COLUMNS;
            const float *weight = c.weight + p * panel_stride;
            float *to = sums + int64_t(p - first_panel) * PANEL;
            for (int v = 0; v < PANEL; v += EACH * W)
                convolve_rows<EACH>(c, begin, end, first, last, weight + v, panel_stride, to + v, width);
        }
    }
    for (int64_t r = begin; r < end; ++r, sums += width) {
        int column = first_panel * PANEL, count = int(width) < c.outputs - column ? int(width) : c.outputs - column;
        const float *bias = c.bias + (c.bias_rows ? int64_t(c.to[r]) * c.outputs : 0) + column;
        float *to = c.out + int64_t(c.to[r]) * c.outputs + column;
        vf zero = splat<vf>(0), slope = splat<vf>(c.slope);
        int v = 0;
        for (; v + W <= count; v += W) {
            vf x = load(sums + v) + load(bias + v);
            store(to + v, vmax(x, zero) + slope * vmin(x, zero));
        }
        for (; v < count; ++v) {
            float x = sums[v] + bias[v];
            to[v] = x > 0 ? x : c.slope * x;
        }
    }
}

}  // namespace
}  // namespace dymap
