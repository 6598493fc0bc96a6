// Entropy coding.
#include <nanobind/stl/vector.h>

#include "module/bind.h"
#include "module/checks.h"

namespace dymap {
namespace {

using Bytes = Array<const uint8_t>;
using Which = Array<const int16_t>;

RansTables make_tables(const Index &frequencies) {
    require(shaped(frequencies, {-1, -1}) && frequencies.shape(0) <= 32768 && frequencies.shape(1) >= 1 &&
                frequencies.shape(1) <= 256,
            "rans: frequencies must be [tables, symbols], of 256 symbols at most");
    return {frequencies.data(), int64_t(frequencies.shape(0)), int64_t(frequencies.shape(1))};
}

void require_fine(const RansTables &tables, const Which &which) {
    require(which.ndim() == 1, "rans: which must be [n]");
    if (const char *fault = rans_fault(tables, which.data(), int64_t(which.size()))) throw nb::value_error(fault);
}

}  // namespace

void bind_rans(nb::module_ &m) {
    m.def(
        "rans_decode",
        [](const Bytes &data, const Array<int64_t> &place, const Which &which, const Index &frequencies,
           const Array<uint8_t> &out) {
            RansTables tables = make_tables(frequencies);
            require_fine(tables, which);
            int64_t n = int64_t(which.size()), bytes = int64_t(data.size()), at;
            require(data.ndim() == 1 && shaped(place, {RANS_LANES + 1}) && shaped(out, {n}),
                    "rans: data must be [bytes], place [lanes + 1], out [n]");
            uint32_t states[RANS_LANES];
            for (int lane = 0; lane < RANS_LANES; ++lane) {
                int64_t state = place.data()[lane];
                require(state >= 1 << 16 && state < int64_t(1) << 32, "rans: a place that is none");
                states[lane] = uint32_t(state);
            }
            at = place.data()[RANS_LANES];
            require(at >= 4 * RANS_LANES && at <= bytes && at % 2 == 0, "rans: a place that is none");
            bool fine;
            {
                nb::gil_scoped_release release;
                fine = rans_decode(data.data(), bytes, tables, which.data(), n, states, at, out.data());
            }
            require(fine, "rans: the stream ends too early");
            for (int lane = 0; lane < RANS_LANES; ++lane) place.data()[lane] = states[lane];
            place.data()[RANS_LANES] = at;
        },
        "data"_a, "place"_a.noconvert(), "which"_a, "frequencies"_a, "out"_a.noconvert());
    m.def(
        "rans_encode",
        [](const std::vector<Which> &which, const std::vector<Bytes> &symbols, const Index &frequencies,
           const Array<uint8_t> &out) {
            RansTables tables = make_tables(frequencies);
            require(which.size() == symbols.size(), "rans: which and symbols of different numbers of calls");
            std::vector<const int16_t *> from;
            std::vector<const uint8_t *> what;
            std::vector<int64_t> counts;
            int64_t total = 0;
            for (size_t i = 0; i < which.size(); ++i) {
                require_fine(tables, which[i]);
                require(shaped(symbols[i], {int64_t(which[i].size())}), "rans: symbols must be [n]");
                from.push_back(which[i].data()), what.push_back(symbols[i].data());
                counts.push_back(int64_t(which[i].size()));
                total += counts.back();
            }
            int64_t at = int64_t(out.size());
            require(out.ndim() == 1 && at >= 4 * RANS_LANES + 2 * total, "rans: no room for the stream");
            bool fine;
            {
                nb::gil_scoped_release release;
                fine = rans_encode(tables, from.data(), what.data(), counts.data(), int64_t(counts.size()), out.data(),
                                   at);
            }
            require(fine, "rans: a symbol that has no frequency");
            return at;
        },
        "which"_a, "symbols"_a, "frequencies"_a, "out"_a.noconvert());
}

}  // namespace dymap
