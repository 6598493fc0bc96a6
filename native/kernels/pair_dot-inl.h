// Densities from encodings: features times density coefficients (method.md 1).
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

void pair_dot(const float *encoded, int64_t n, int C, float *sigma) {
    for (int64_t i = 0; i < n; ++i, encoded += 2 * C) {
        vf total = splat<vf>(0);
        int c = 0;
        for (; c + W <= C; c += W) total += load(encoded + c) * load(encoded + C + c);
        float rest = 0;
        for (; c < C; ++c) rest += encoded[c] * encoded[C + c];
        sigma[i] = sum(total) + rest;
    }
}

void pair_dot_backward(const float *encoded, const float *d_sigma, const float *d_feature, int64_t n, int C,
                       float *out) {
    for (int64_t i = 0; i < n; ++i, encoded += 2 * C, out += 2 * C)
        for (int c = 0; c < C; ++c) {
            out[c] = d_sigma[i] * encoded[C + c] + (d_feature ? d_feature[i * C + c] : 0);
            out[C + c] = d_sigma[i] * encoded[c];
        }
}

}  // namespace
}  // namespace dymap
