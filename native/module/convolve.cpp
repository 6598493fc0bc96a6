// Convolutions at chosen places.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {

void bind_convolve(nb::module_ &m) {
    m.def(
        "convolve",
        [](const In &x, const Index &at, const Index &offset, const In &weight, const In &bias, float slope,
           const Index &to, const Out &out, int threads) {
            Convolution c;
            require(shaped(x, {-1, -1}) && shaped(out, {-1, -1}) && x.shape(1) >= 1 && x.shape(1) <= 65536 &&
                        out.shape(1) >= 1 && out.shape(1) <= 65536 && offset.ndim() == 1 && offset.shape(0) >= 1 &&
                        offset.shape(0) <= 64,
                    "x must be [rows, inputs], out [rows, outputs], offset [taps]");
            c.inputs = int(x.shape(1));
            c.outputs = int(out.shape(1));
            c.taps = int(offset.shape(0));
            require(shaped(weight, {(c.outputs + PANEL - 1) / PANEL, int64_t(c.taps) * c.inputs, PANEL}),
                    "weights of another size");
            c.bias_rows = bias.ndim() == 2;
            require(c.bias_rows ? shaped(bias, {int64_t(out.shape(0)), c.outputs}) : shaped(bias, {c.outputs}),
                    "bias of another size");
            int64_t n = int64_t(at.size()), low = 0, high = 0, rows = int64_t(x.shape(0));
            require(shaped(at, {n}) && shaped(to, {n}), "at and to must be [N]");
            for (int k = 0; k < c.taps; ++k) {
                low = std::min<int64_t>(low, offset.data()[k]);
                high = std::max<int64_t>(high, offset.data()[k]);
            }
            bool inside = true;
            for (int64_t i = 0; i < n; ++i)
                inside &= at.data()[i] >= -low && at.data()[i] < rows - high && to.data()[i] >= 0 &&
                          to.data()[i] < int64_t(out.shape(0));
            require(inside, "a place outside x or out");
            c.x = x.data();
            c.weight = weight.data();
            c.bias = bias.data();
            c.at = at.data();
            c.to = to.data();
            c.offset = offset.data();
            c.slope = slope;
            c.out = out.data();
            nb::gil_scoped_release release;
            convolve(c, n, threads_of(threads));
        },
        "x"_a, "at"_a, "offset"_a, "weight"_a, "bias"_a, "slope"_a, "to"_a, "out"_a.noconvert(), "threads"_a);
    m.def(
        "winograd_convolve",
        [](const In &x, int side, const Array<const bool> &mask, int first_row, int first_column, const In &weight,
           int tile, const In &bias, float slope, const Out &out, int to, int out_side, int step, int threads) {
            WinogradConv s;
            require(shaped(x, {-1, -1}) && shaped(out, {-1, -1}) && x.shape(1) >= 1 && x.shape(1) <= 65536 &&
                        out.shape(1) >= 1 && out.shape(1) <= 65536 && side >= 1 && side <= 32768 &&
                        shaped(x, {int64_t(side) * side, -1}),
                    "x must be [side * side, inputs], out [rows, outputs]");
            s.inputs = int(x.shape(1));
            s.outputs = int(out.shape(1));
            require(tile == 2 || tile == 3, "tiles of 2 or 3");
            require(shaped(weight, {16, (s.outputs + PANEL - 1) / PANEL, s.inputs, PANEL}), "weights of another size");
            s.bias_rows = bias.ndim() == 2;
            require(s.bias_rows ? shaped(bias, {int64_t(out.shape(0)), s.outputs}) : shaped(bias, {s.outputs}),
                    "bias of another size");
            require(mask.ndim() == 2 && mask.shape(0) == mask.shape(1) && mask.shape(0) <= 32768,
                    "mask must be square");
            int64_t size = int64_t(mask.shape(0)), last = size ? size - 1 : 0;
            require(first_row >= 0 && first_column >= 0 && last + std::max(first_row, first_column) + 4 - tile < side,
                    "a square outside x");
            require(step >= 1 && step <= 64 && out_side >= 1 && out_side <= 32768 && to >= 0 &&
                        (size == 0 || to + (last * out_side + last) * step < int64_t(out.shape(0))),
                    "a place outside out");
            s.x = x.data();
            s.side = side;
            s.first_row = first_row;
            s.first_column = first_column;
            s.weight = weight.data();
            s.tile = tile;
            s.bias = bias.data();
            s.slope = slope;
            s.out = out.data();
            s.to = to;
            s.out_side = out_side;
            s.step = step;
            nb::gil_scoped_release release;
            winograd_convolve(s, bytes(mask), int(size), threads_of(threads));
        },
        "x"_a, "side"_a, "mask"_a, "first_row"_a, "first_column"_a, "weight"_a, "tile"_a, "bias"_a, "slope"_a,
        "out"_a.noconvert(), "to"_a, "out_side"_a, "step"_a, "threads"_a);
}

}  // namespace dymap
