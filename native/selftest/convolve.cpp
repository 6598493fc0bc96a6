// Convolutions at chosen places, and over squares of pixels by Winograd, against scalar loops.
#include "kernels/dispatch.h"
#include "selftest/selftest.h"

namespace selftest {
namespace {

double activate(double x, float slope) { return x > 0 ? x : double(slope) * x; }

void check_places(int inputs, int outputs, int count, bool own_bias, int threads) {
    context = std::string(kernels().name) + " convolve: " + std::to_string(inputs) + " to " + std::to_string(outputs);
    const int rows = 40, taps = 3, panels = (outputs + PANEL - 1) / PANEL;
    const int32_t offset[taps] = {0, 2, 7};
    Floats x = random(rows * inputs), weight(size_t(panels) * taps * size_t(inputs) * PANEL, 0);
    Floats bias = random((own_bias ? count : 1) * outputs), plain = random(taps * inputs * outputs);
    for (int t = 0; t < taps * inputs; ++t)
        for (int o = 0; o < outputs; ++o)
            weight[size_t((int64_t(o / PANEL) * taps * inputs + t) * PANEL + o % PANEL)] =
                plain[size_t(t * outputs + o)];
    std::vector<int32_t> at, to;
    for (int i = 0; i < count; ++i) at.push_back(i * 5 % (rows - 7)), to.push_back(count - 1 - i);
    Floats out(size_t(count * outputs), NAN);
    Doubles expected(out.size());
    for (int i = 0; i < count; ++i)
        for (int o = 0; o < outputs; ++o) {
            double sum = bias[size_t((own_bias ? to[size_t(i)] * outputs : 0) + o)];
            for (int k = 0; k < taps; ++k)
                for (int c = 0; c < inputs; ++c)
                    sum += double(x[size_t((at[size_t(i)] + offset[k]) * inputs + c)]) *
                           plain[size_t((k * inputs + c) * outputs + o)];
            expected[size_t(to[size_t(i)] * outputs + o)] = activate(sum, 0.2f);
        }
    Convolution c;
    c.x = x.data(), c.weight = weight.data(), c.bias = bias.data(), c.at = at.data(), c.to = to.data(),
    c.offset = offset;
    c.taps = taps, c.inputs = inputs, c.outputs = outputs, c.bias_rows = own_bias, c.slope = 0.2f, c.out = out.data();
    convolve(c, count, threads);
    expect_close(out, expected, "places");
}

void check_winograd(int tile, int inputs, int outputs, int size, int step, bool own_bias, int threads) {
    context = std::string(kernels().name) + " winograd_convolve: tile " + std::to_string(tile) + ", " +
              std::to_string(inputs) + " to " + std::to_string(outputs) + ", size " + std::to_string(size);
    const int square = 5 - tile, side = size + square, panels = (outputs + PANEL - 1) / PANEL,
              out_side = step * size + 1;
    const double points[2][4][3] = {{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
                                    {{1, 0}, {0.5, 0.5}, {0.5, -0.5}, {0, 1}}};
    Floats x = random(int64_t(side) * side * inputs), plain = random(int64_t(square) * square * inputs * outputs);
    Floats weight(size_t(16 * panels) * size_t(inputs) * PANEL, 0),
        bias = random((own_bias ? int64_t(out_side) * out_side : 1) * outputs);
    for (int p = 0; p < 16; ++p)
        for (int c = 0; c < inputs; ++c)
            for (int o = 0; o < outputs; ++o) {
                double sum = 0;
                for (int a = 0; a < square; ++a)
                    for (int b = 0; b < square; ++b)
                        sum += points[tile - 2][p / 4][a] * points[tile - 2][p % 4][b] *
                               plain[size_t(((a * square + b) * inputs + c) * outputs + o)];
                weight[size_t(((int64_t(p) * panels + o / PANEL) * inputs + c) * PANEL + o % PANEL)] = float(sum);
            }
    std::vector<uint8_t> mask(size_t(size * size), 0);
    for (uint8_t &w : mask) w = uniform(0, 1) < 0.4f;
    Floats out(size_t(int64_t(out_side) * out_side * outputs), 7);
    Doubles expected(out.size(), 7);
    const int first_row = 1, first_column = 0;
    const int64_t to = out_side;
    for (int r = 0; r < size; ++r)
        for (int q = 0; q < size; ++q) {
            if (!mask[size_t(r * size + q)]) continue;
            int64_t at = to + (int64_t(r) * out_side + q) * step;
            for (int o = 0; o < outputs; ++o) {
                double sum = bias[size_t((own_bias ? at * outputs : 0) + o)];
                for (int k = 0; k < square * square; ++k)
                    for (int c = 0; c < inputs; ++c)
                        sum +=
                            double(x[size_t(
                                (int64_t(r + first_row + k / square) * side + q + first_column + k % square) * inputs +
                                c)]) *
                            plain[size_t((k * inputs + c) * outputs + o)];
                expected[size_t(at * outputs + o)] = activate(sum, 0);
            }
        }
    WinogradConv s;
    s.x = x.data(), s.weight = weight.data(), s.bias = bias.data(), s.side = side, s.inputs = inputs,
    s.outputs = outputs;
    s.tile = tile, s.first_row = first_row, s.first_column = first_column, s.bias_rows = own_bias, s.slope = 0;
    s.out = out.data(), s.to = to, s.out_side = out_side, s.step = step;
    winograd_convolve(s, mask.data(), size, threads);
    expect_close(out, expected, "places");
}

}  // namespace

void check_convolve(int threads) {
    for (int count : {0, 1, 5, 200})
        for (bool own_bias : {false, true}) {
            check_places(1, 1, count, own_bias, threads);
            check_places(19, 37, count, own_bias, threads);
            check_places(70, 150, count, own_bias, threads);
        }
    for (int tile : {2, 3})
        for (bool own_bias : {false, true}) {
            check_winograd(tile, 1, 1, 0, 1, own_bias, threads);
            check_winograd(tile, 3, 5, 1, 1, own_bias, threads);
            check_winograd(tile, 19, 33, 8, 2, own_bias, threads);
            check_winograd(tile, 32, 64, 25, 1, own_bias, threads);
            check_winograd(tile, 5, 150, 13, 2, own_bias, threads);
        }
}

}  // namespace selftest
