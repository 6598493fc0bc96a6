// Density on a lattice of all combinations of coordinates a, b, c: sigma = (Fab + Fac + Fbc) . (Dab + Dac + Dbc), the
// lanes lying along c (see lattice.cpp).
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

void lattice_row(const float *ab, const float *ac, const float *bc, int64_t stride, int64_t n, int C, float *sigma) {
    for (int64_t at = 0; at < n; at += W) {
        vf total = splat<vf>(0);
        for (int c = 0; c < C; ++c) {
            int64_t f = c * stride + at, d = (C + c) * stride + at;
            total +=
                (splat<vf>(ab[c]) + load(ac + f) + load(bc + f)) * (splat<vf>(ab[C + c]) + load(ac + d) + load(bc + d));
        }
        store(sigma + at, total);
    }
}

void lattice_row_backward(const float *ab, const float *ac, const float *bc, int64_t stride, int64_t n, int C,
                          const float *d_sigma, float *d_ab, float *d_ac) {
    constexpr int64_t BATCH = 64;  // vectors with a gradient that are in work at once; most have none
    for (int64_t begin = 0; begin < n;) {
        int64_t at[BATCH];
        int count = 0;
        for (; begin < n && count < BATCH; begin += W) {
            uint32_t bits = 0, lane_bits[W];
            std::memcpy(lane_bits, d_sigma + begin, sizeof lane_bits);
            for (int k = 0; k < W; ++k) bits |= lane_bits[k] << 1;  // without the sign
            if (bits) at[count++] = begin;
        }
        if (!count) continue;
        for (int c = 0; c < C; ++c) {
            vf feature = splat<vf>(ab[c]), coefficient = splat<vf>(ab[C + c]), sum_f = splat<vf>(0),
               sum_d = splat<vf>(0);
            for (int i = 0; i < count; ++i) {
                int64_t f = c * stride + at[i], d = (C + c) * stride + at[i];
                vf gradient = load(d_sigma + at[i]);
                vf d_f = gradient * (coefficient + load(ac + d) + load(bc + d)),
                   d_d = gradient * (feature + load(ac + f) + load(bc + f));
                store(d_ac + f, load(d_ac + f) + d_f);
                store(d_ac + d, load(d_ac + d) + d_d);
                sum_f += d_f;
                sum_d += d_d;
            }
            if (!d_ab) continue;
            d_ab[c] += sum(sum_f);
            d_ab[C + c] += sum(sum_d);
        }
    }
}

double opacity_sum(const float *sigma, const uint8_t *mask, int64_t n, float length, float *slope) {
    double total = 0;
    vf zero = splat<vf>(0), by = splat<vf>(-length);
    auto opacities = [&](vf s, const uint8_t *which, float *slopes) {
        float weight[W];
        for (int k = 0; k < W; ++k) weight[k] = float(which[k] != 0);
        vf clear = exp_lanes(vmax(s, zero) * by), in = load(weight);
        vf odd = where_greater(s, zero, zero, where_greater(splat<vf>(1), s, zero, s));  // NaN stays NaN
        store(slopes, where_greater(s, zero, clear * in * splat<vf>(length), zero));
        return in - clear * in + where_greater(in, zero, odd, zero);
    };
    int64_t i = 0;
    while (i + W <= n) {
        vf some = splat<vf>(0);  // few enough for single precision
        for (int64_t end = i + 64 * W < n ? i + 64 * W : n; i + W <= end; i += W)
            some += opacities(load(sigma + i), mask + i, slope + i);
        total += sum(some);
    }
    if (i < n) {
        float last[W] = {};
        uint8_t which[W] = {};
        std::memcpy(last, sigma + i, sizeof(float) * size_t(n - i));
        std::memcpy(which, mask + i, size_t(n - i));
        total += sum(opacities(load(last), which, last));
        std::memcpy(slope + i, last, sizeof(float) * size_t(n - i));
    }
    return total;
}

}  // namespace
}  // namespace dymap
