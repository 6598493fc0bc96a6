// Convolutions over squares of pixels with fewer multiplications (Winograd's F(2x2, 3x3) and F(3x3, 2x2)): windows of
// 4x4 pixels are transformed, multiplied point by point with transformed weights, and transformed back to 2x2 or 3x3
// places. Both evaluate polynomials at 0, 1, -1 and infinity, so the first transform is the same.
#pragma once
#include "kernels/convolve-inl.h"
#include "kernels/gemm-inl.h"
#include "kernels/kernels.h"

namespace dymap {
namespace {

DYMAP_INLINE void to_points(vf a, vf b, vf c, vf d, vf out[4]) {
    out[0] = a - c;
    out[1] = b + c;
    out[2] = c - b;
    out[3] = b - d;
}

template <int SIDE> DYMAP_INLINE void from_points(vf a, vf b, vf c, vf d, vf out[SIDE]) {
    vf total = b + c, difference = b - c;
    out[0] = a + total;
    out[1] = SIDE == 2 ? difference - d : difference;
    if (SIDE == 3) out[SIDE - 1] = total - d;
}

/// V vectors of inputs of one window, to the 16 points, which lie `stride` apart.
DYMAP_INLINE void transform_window(const float *const *pixel, int64_t channel, float *points, int64_t stride) {
    vf rows[4][4];
    DYMAP_UNROLLED (i, 4)
        to_points(load(pixel[4 * i] + channel), load(pixel[4 * i + 1] + channel), load(pixel[4 * i + 2] + channel),
                  load(pixel[4 * i + 3] + channel), rows[i]);
    DYMAP_UNROLLED (j, 4) {
        vf column[4];
        to_points(rows[0][j], rows[1][j], rows[2][j], rows[3][j], column);
        DYMAP_UNROLLED (i, 4) store(points + (4 * i + j) * stride + channel, column[i]);
    }
}

/// The windows of tiles begin .. end - 1 at the 16 points: [16, tiles, width], `stride` from point to point. Inputs
/// beyond whole vectors are taken one by one.
void transform_windows(const WinogradConv &s, int64_t begin, int64_t end, float *points, int64_t width,
                       int64_t stride) {
    for (int64_t t = begin; t < end; ++t, points += width) {
        const float *pixel[16];
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 4; ++j) {
                int row = s.tiles[t].row + s.first_row + i, column = s.tiles[t].column + s.first_column + j;
                row = row < s.side ? row : s.side - 1;
                column = column < s.side ? column : s.side - 1;
                pixel[4 * i + j] = s.x + (int64_t(row) * s.side + column) * s.inputs;
            }
        int64_t c = 0;
        for (; c + W <= s.inputs; c += W) transform_window(pixel, c, points, stride);
        if (c == s.inputs) continue;
        float rest[16][W] = {};
        const float *last[16];
        for (int k = 0; k < 16; ++k) {
            std::memcpy(rest[k], pixel[k] + c, sizeof(float) * size_t(s.inputs - c));
            last[k] = rest[k];
        }
        transform_window(last, 0, points + c, stride);
    }
}

/// products[r] = the rows v[r] times V vectors of columns.
template <int R, int V>
DYMAP_INLINE void point_block(const float *v, int64_t v_row, int64_t terms, const float *weight, int64_t panel_stride,
                              float *products, int64_t width) {
    const float *a[R];
    vf sums[R][V];
    DYMAP_UNROLLED (r, R) {
        a[r] = v + r * v_row;
        DYMAP_UNROLLED (k, V) sums[r][k] = splat<vf>(0);
    }
    tap<R, V>(a, terms, weight, panel_stride, sums);
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (k, V) store(products + r * width + k * W, sums[r][k]);
}

template <int V>
DYMAP_INLINE void point_rows(int64_t rows, const float *v, int64_t v_row, int64_t terms, const float *weight,
                             int64_t panel_stride, float *products, int64_t width) {
    int64_t r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        point_block<ROWS, V>(v + r * v_row, v_row, terms, weight, panel_stride, products + r * width, width);
    for (; r + 2 <= rows; r += 2)
        point_block<2, V>(v + r * v_row, v_row, terms, weight, panel_stride, products + r * width, width);
    for (; r < rows; ++r)
        point_block<1, V>(v + r * v_row, v_row, terms, weight, panel_stride, products + r * width, width);
}

/// One point: rows times the panels of its weights.
void multiply_point(int64_t rows, const float *v, int64_t v_row, int64_t terms, const float *weight, int panels,
                    float *products) {
    constexpr int TOGETHER = COLUMNS * W > PANEL ? COLUMNS * W / PANEL : 1,
                  EACH = PANEL / W < COLUMNS ? PANEL / W : COLUMNS;
    int64_t width = int64_t(panels) * PANEL, panel_stride = terms * PANEL;
    int p = 0;
    for (; p + TOGETHER <= panels; p += TOGETHER)
        for (int k = 0; k < TOGETHER * PANEL; k += COLUMNS * W)
            point_rows<COLUMNS>(rows, v, v_row, terms, weight + p * panel_stride + k, panel_stride,
                                products + p * PANEL + k, width);
    for (; p < panels; ++p)
        for (int k = 0; k < PANEL; k += EACH * W)
            point_rows<EACH>(rows, v, v_row, terms, weight + p * panel_stride + k, panel_stride,
                             products + p * PANEL + k, width);
}

/// One tile back from its points, W outputs or fewer from `column` on: those of its places that are mask.
template <int SIDE>
DYMAP_INLINE void finish_tile(const WinogradConv &s, const WinogradTile &tile, const float *products, int64_t stride,
                              int64_t column) {
    vf rows[SIDE][4], places[SIDE][SIDE], zero = splat<vf>(0), slope = splat<vf>(s.slope);
    DYMAP_UNROLLED (j, 4) {
        vf out[SIDE];
        from_points<SIDE>(load(products + j * stride), load(products + (4 + j) * stride),
                          load(products + (8 + j) * stride), load(products + (12 + j) * stride), out);
        DYMAP_UNROLLED (i, SIDE) rows[i][j] = out[i];
    }
    DYMAP_UNROLLED (i, SIDE) from_points<SIDE>(rows[i][0], rows[i][1], rows[i][2], rows[i][3], places[i]);
    int64_t count = s.outputs - column < W ? s.outputs - column : W;
    DYMAP_UNROLLED (i, SIDE)
        DYMAP_UNROLLED (j, SIDE) {
            if (!(tile.mask >> (i * SIDE + j) & 1)) continue;
            int64_t to = s.to + (int64_t(tile.row + i) * s.out_side + tile.column + j) * s.step;
            const float *bias = s.bias + (s.bias_rows ? to * s.outputs : 0) + column;
            float *out = s.out + to * s.outputs + column;
            if (count == W) {
                vf x = places[i][j] + load(bias);
                store(out, vmax(x, zero) + slope * vmin(x, zero));
            } else {
                float x[W];
                store(x, places[i][j]);
                for (int k = 0; k < count; ++k) {
                    float y = x[k] + bias[k];
                    out[k] = y > 0 ? y : s.slope * y;
                }
            }
        }
}

int64_t winograd_scratch(const WinogradConv &s, int64_t tiles, int panels) {
    return 16 * (tiles * (round_up(s.inputs) + int64_t(panels) * PANEL) + 2 * PANEL);
}

void winograd(const WinogradConv &s, int64_t begin, int64_t end, int first_panel, int last_panel, float *scratch) {
    // A cache line more from point to point: powers of two would meet in the same set of the cache.
    int64_t tiles = end - begin, width = round_up(s.inputs), stride = tiles * width + PANEL;
    int panels = last_panel - first_panel, all = (s.outputs + PANEL - 1) / PANEL;
    int64_t columns = int64_t(panels) * PANEL, product_stride = tiles * columns + PANEL,
            panel = int64_t(s.inputs) * PANEL;
    float *products = scratch + 16 * stride;
    transform_windows(s, begin, end, scratch, width, stride);
    for (int k = 0; k < 16; ++k)
        multiply_point(tiles, scratch + k * stride, width, s.inputs,
                       s.weight + (int64_t(k) * all + first_panel) * panel, panels, products + k * product_stride);
    for (int64_t t = 0; t < tiles; ++t)
        for (int64_t c = 0; c < columns && first_panel * PANEL + c < s.outputs; c += W) {
            const float *from = products + t * columns + c;
            if (s.tile == 2)
                finish_tile<2>(s, s.tiles[begin + t], from, product_stride, first_panel * PANEL + c);
            else
                finish_tile<3>(s, s.tiles[begin + t], from, product_stride, first_panel * PANEL + c);
        }
}

}  // namespace
}  // namespace dymap
