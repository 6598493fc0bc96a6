// The self-test of entropy coding: what was encoded comes back, and streams that are cut or made up are read within
// their bounds.
#include "selftest/selftest.h"

#include <cstdint>

namespace selftest {
namespace {

/// Frequencies of `tables` tables that sum up to 4096, some of them 0, the last table of one symbol only.
std::vector<int32_t> make_frequencies(int tables, int symbols) {
    std::vector<int32_t> all;
    for (int t = 0; t < tables; ++t) {
        int32_t left = 4096;
        for (int s = 0; s + 1 < symbols; ++s) {
            int32_t f = t + 1 == tables ? 0 : int32_t(uniform(0, 1) * float(left) / 2);
            all.push_back(f);
            left -= f;
        }
        all.push_back(left);
    }
    return all;
}

struct Stream {
    std::vector<uint8_t> bytes;
    int64_t begin = 0;
};

bool decode(const uint8_t *data, int64_t bytes, const RansTables &t, const std::vector<int16_t> &which, int64_t split,
            std::vector<uint8_t> &out, uint32_t *states) {
    for (int lane = 0; lane < RANS_LANES; ++lane) {
        states[lane] = 0;
        for (int i = 0; i < 4; ++i) states[lane] |= uint32_t(data[4 * lane + i]) << (8 * i);
        if (states[lane] < 1u << 16) return false;
    }
    int64_t at = 4 * RANS_LANES, n = int64_t(which.size());
    return rans_decode(data, bytes, t, which.data(), split, states, at, out.data()) &&
           rans_decode(data, bytes, t, which.data() + split, n - split, states, at, out.data() + split) && at == bytes;
}

}  // namespace

void check_rans() {
    for (int symbols : {1, 2, 3, 40, 256})
        for (int tables : {1, 5})
            for (int64_t n : {0, 1, 31, 32, 33, 5000}) {
                context = "rans: " + std::to_string(symbols) + " symbols, " + std::to_string(n) + " of them";
                std::vector<int32_t> frequencies = make_frequencies(tables, symbols);
                RansTables t{frequencies.data(), tables, symbols};
                std::vector<int16_t> which;
                std::vector<uint8_t> values;
                for (int64_t i = 0; i < n; ++i) {
                    which.push_back(int16_t(generator()() % unsigned(tables)));
                    uint8_t value = uint8_t(generator()() % unsigned(symbols));
                    values.push_back(frequencies[size_t(which.back() * symbols + value)] ? value
                                                                                         : uint8_t(symbols - 1));
                }
                expect(!rans_fault(t, which.data(), n), "fine tables are refused");
                int64_t split = n / 3, counts[] = {split, n - split}, at = 4 * RANS_LANES + 2 * n;
                const int16_t *from[] = {which.data(), which.data() + split};
                const uint8_t *what[] = {values.data(), values.data() + split};
                std::vector<uint8_t> out(static_cast<size_t>(at)), back(static_cast<size_t>(n));
                expect(rans_encode(t, from, what, counts, 2, out.data(), at), "it is not encoded");
                std::vector<uint8_t> stream(out.begin() + at, out.end());  // of its own, that overruns are noticed
                uint32_t states[RANS_LANES];
                expect(decode(stream.data(), int64_t(stream.size()), t, which, split, back, states), "too short");
                expect(back == values, "other symbols come back");
                for (uint32_t state : states) expect(state == 1u << 16, "a state that does not end as it began");
                for (int64_t cut = int64_t(stream.size()) - 2; cut >= 4 * RANS_LANES; cut -= 2 + cut / 8 * 2) {
                    std::vector<uint8_t> shorter(stream.begin(), stream.begin() + cut);
                    expect(!decode(shorter.data(), cut, t, which, split, back, states), "a cut stream is whole");
                }
                for (uint8_t &byte : stream) byte = uint8_t(generator()());
                decode(stream.data(), int64_t(stream.size()), t, which, split, back, states);
            }
    int32_t wrong[] = {4095, 0, -1, 4097, 2048, 2048};
    int16_t which[] = {0, 3};
    for (int i = 0; i < 2; ++i) expect(rans_fault({wrong + 2 * i, 1, 2}, which, 1), "wrong frequencies are taken");
    expect(rans_fault({wrong + 4, 1, 2}, which, 2), "a table is taken that does not exist");
    int32_t one[] = {4096, 0};
    uint8_t symbols[] = {1, 2}, out[256];
    const int16_t *from[] = {which};
    for (const uint8_t &symbol : symbols) {
        const uint8_t *what[] = {&symbol};
        int64_t count = 1, at = 256;
        expect(!rans_encode({one, 1, 2}, from, what, &count, 1, out, at), "a symbol without frequency is encoded");
    }
}

}  // namespace selftest
