// Entropy coding: static rANS in interleaved lanes. Every byte may come from a stranger: what is read is checked.
#include "ops/ops.h"

#include <cstddef>
#include <vector>

namespace dymap {
namespace {

constexpr uint32_t LOW = 1u << 16;
constexpr int64_t TOTAL = int64_t(1) << RANS_BITS;

/// Symbol, frequency and distance from the first slot of the symbol, of each slot of the tables that are used.
class Slots {
  public:
    Slots(const RansTables &t, const int16_t *which, int64_t n) : first_(size_t(t.tables), -1) {
        for (int64_t i = 0; i < n; ++i) {
            int64_t &place = first_[size_t(which[i])];
            if (place >= 0) continue;
            place = int64_t(slots_.size());
            const int32_t *frequency = t.frequency + which[i] * t.symbols;
            for (int64_t s = 0; s < t.symbols; ++s)
                for (int32_t j = 0; j < frequency[s]; ++j)
                    slots_.push_back({uint16_t(frequency[s]), uint16_t(j), uint8_t(s)});
        }
    }
    struct Slot {
        uint16_t frequency, distance;
        uint8_t symbol;
    };
    const Slot &operator()(int16_t table, uint32_t slot) const { return slots_[size_t(first_[size_t(table)] + slot)]; }

  private:
    std::vector<int64_t> first_;
    std::vector<Slot> slots_;
};

}  // namespace

const char *rans_fault(const RansTables &t, const int16_t *which, int64_t n) {
    for (int64_t i = 0; i < t.tables; ++i) {
        int64_t sum = 0;
        for (int64_t s = 0; s < t.symbols; ++s) {
            int32_t f = t.frequency[i * t.symbols + s];
            if (f < 0 || f > TOTAL) return "rans: a frequency that is none";
            sum += f;
        }
        if (sum != TOTAL) return "rans: frequencies of a table that do not sum up to 4096";
    }
    for (int64_t i = 0; i < n; ++i)
        if (which[i] < 0 || which[i] >= t.tables) return "rans: a table that does not exist";
    return nullptr;
}

bool rans_decode(const uint8_t *data, int64_t bytes, const RansTables &t, const int16_t *which, int64_t n,
                 uint32_t *states, int64_t &at, uint8_t *out) {
    auto word = [&] {
        uint32_t value = uint32_t(data[at]) | uint32_t(data[at + 1]) << 8;
        at += 2;
        return value;
    };
    auto decode = [&](auto &&step) {
        for (int64_t first = 0; first < n; first += RANS_LANES) {
            int lanes = int(n - first < RANS_LANES ? n - first : RANS_LANES);
            bool plenty = bytes - at >= 2 * RANS_LANES;
            for (int lane = 0; lane < lanes; ++lane) {
                uint32_t x = step(states[lane], first + lane);
                if (x < LOW) {
                    if (!plenty && bytes - at < 2) return false;
                    x = x << 16 | word();
                }
                states[lane] = x;
            }
        }
        return true;
    };
    if (t.symbols == 2)  // most are: no table of slots is needed
        return decode([&](uint32_t x, int64_t i) {
            uint32_t slot = x & uint32_t(TOTAL - 1), zero = uint32_t(t.frequency[2 * which[i]]);
            bool one = slot >= zero;
            out[i] = uint8_t(one);
            return (one ? uint32_t(TOTAL) - zero : zero) * (x >> RANS_BITS) + (one ? slot - zero : slot);
        });
    Slots slots(t, which, n);
    return decode([&](uint32_t x, int64_t i) {
        const Slots::Slot &slot = slots(which[i], x & uint32_t(TOTAL - 1));
        out[i] = slot.symbol;
        return slot.frequency * (x >> RANS_BITS) + slot.distance;
    });
}

bool rans_encode(const RansTables &t, const int16_t *const *which, const uint8_t *const *symbols, const int64_t *counts,
                 int64_t calls, uint8_t *out, int64_t &at) {
    std::vector<int32_t> before(size_t(t.tables * t.symbols));
    for (int64_t i = 0; i < t.tables; ++i) {
        int32_t sum = 0;
        for (int64_t s = i * t.symbols; s < (i + 1) * t.symbols; ++s) before[size_t(s)] = sum, sum += t.frequency[s];
    }
    uint32_t states[RANS_LANES];
    for (uint32_t &state : states) state = LOW;
    for (int64_t call = calls; call-- > 0;)
        for (int64_t i = counts[call]; i-- > 0;) {
            if (symbols[call][i] >= t.symbols) return false;
            int64_t entry = which[call][i] * t.symbols + symbols[call][i];
            uint32_t f = uint32_t(t.frequency[entry]), &x = states[i % RANS_LANES];
            if (f == 0) return false;
            if (uint64_t(x) >= uint64_t(f) << (32 - RANS_BITS)) {
                out[--at] = uint8_t(x >> 8 & 255), out[--at] = uint8_t(x & 255);
                x >>= 16;
            }
            x = (x / f << RANS_BITS) + x % f + uint32_t(before[size_t(entry)]);
        }
    for (int lane = RANS_LANES; lane-- > 0;)
        for (int shift = 24; shift >= 0; shift -= 8) out[--at] = uint8_t(states[lane] >> shift & 255);
    return true;
}

}  // namespace dymap
