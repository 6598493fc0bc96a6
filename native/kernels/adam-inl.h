// One step of Adam.
#pragma once
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

#if defined(__GNUC__)
DYMAP_INLINE float root(float x) { return __builtin_sqrtf(x); }
#else
DYMAP_INLINE float root(float x) { return sqrtf(x); }
#endif

template <int N>
DYMAP_INLINE void adam_block(float *parameter, const float *gradient, float *mean, float *square, int count,
                             const AdamStep &s, float size, float scale) {
    for (int k = 0; k < (N ? N : count); ++k) {
        float g = gradient[k] > s.clip ? s.clip : gradient[k];  // NaN stays NaN: a training that diverged shows it
        g = g < -s.clip ? -s.clip : g;
        float m = mean[k] = mean[k] + (1 - s.beta1) * (g - mean[k]);
        float v = square[k] = square[k] * s.beta2 + (1 - s.beta2) * g * g;
        parameter[k] -= size * m / (root(v) * scale + s.epsilon);
    }
}

void adam(float *parameter, float *gradient, float *mean, float *square, int64_t n, const AdamStep &s) {
    float size = s.rate / s.correction1, scale = 1 / root(s.correction2);
    constexpr int B = 16;
    for (int64_t i = 0; i < n; i += B) {
        int count = n - i < B ? int(n - i) : B;
        if (s.lazy) {
            uint32_t bits = 0;
            for (int k = 0; k < count; ++k) {
                uint32_t word;
                std::memcpy(&word, gradient + i + k, 4);
                bits |= word << 1;  // without the sign
            }
            if (!bits) continue;
        }
        if (count == B)
            adam_block<B>(parameter + i, gradient + i, mean + i, square + i, B, s, size, scale);
        else
            adam_block<0>(parameter + i, gradient + i, mean + i, square + i, count, s, size, scale);
        if (s.lazy) std::memset(gradient + i, 0, sizeof(float) * count);
    }
}

}  // namespace
}  // namespace dymap
