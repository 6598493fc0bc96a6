// What is done to every value: bfloat16, opacity, sigmoid.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

void to_half(const float *values, int64_t n, uint16_t *out) {
    for (int64_t i = 0; i < n; ++i) {
        uint32_t bits;
        std::memcpy(&bits, values + i, 4);
        out[i] = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
}

/// f over n values, the last ones through a padded copy.
template <class F> DYMAP_INLINE void each(const float *in, float *out, int64_t n, F f) {
    int64_t i = 0;
    for (; i + W <= n; i += W) store(out + i, f(load(in + i)));
    if (i < n) {
        float last[W] = {};
        std::memcpy(last, in + i, sizeof(float) * (n - i));
        vf v = f(load(last));
        store(last, v);
        std::memcpy(out + i, last, sizeof(float) * (n - i));
    }
}

void opacity(const float *sigma, float length, int64_t n, float *out) {
    vf zero = splat<vf>(0), one = splat<vf>(1), by = splat<vf>(-length);
    each(sigma, out, n, [=](vf s) { return one - exp_lanes(vmax(s, zero) * by); });
}

void sigmoid(float *values, int64_t n) {
    vf zero = splat<vf>(0), one = splat<vf>(1);
    each(values, values, n, [=](vf x) { return one / (one + exp_lanes(zero - x)); });
}

}  // namespace
}  // namespace dymap
