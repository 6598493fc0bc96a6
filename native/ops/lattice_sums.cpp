// Sums over densities on a lattice, and the largest around each point.
#include "ops/ops.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/dispatch.h"
#include "ops/threads.h"

namespace dymap {
double opacity_sum(const float *sigma, const uint8_t *mask, int64_t n, float length, float *slope, int threads) {
    constexpr int64_t PIECE = 16384;
    std::vector<double> sums(size_t((n + PIECE - 1) / PIECE), 0.0);
    parallel_ranges(threads, n, PIECE, [&](int64_t begin, int64_t end, int) {
        sums[size_t(begin / PIECE)] =
            kernels().opacity_sum(sigma + begin, mask + begin, end - begin, length, slope + begin);
    });
    double total = 0;
    for (double s : sums) total += s;
    return total;
}

namespace {

/// Adds the sign of here - there, value by value; returns the sum of |here - there|.
double add_signs(const float *here, const float *there, int64_t n, float *signs) {
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) {
        float step = here[i] - there[i];
        signs[i] += float(step > 0) - float(step < 0);
        sum += std::fabs(step);
    }
    return sum;
}

}  // namespace

double total_variation(const float *sigma, const int *size, float length, float *slope, int threads) {
    const int64_t A = size[0], B = size[1], D = size[2], slab = B * D;
    const std::vector<uint8_t> all(size_t(D), 1);
    std::vector<float> alpha(size_t(A * slab));
    parallel_for(threads, A * B, [&](int64_t row, int) {
        kernels().opacity_sum(sigma + row * D, all.data(), D, length, slope + row * D);
        for (int64_t i = row * D; i < (row + 1) * D; ++i)
            alpha[size_t(i)] = sigma[i] > 0 ? 1 - slope[i] / length : std::isnan(sigma[i]) ? sigma[i] : 0;
    });
    std::vector<double> sums(static_cast<size_t>(A));
    parallel_for(threads, A, [&](int64_t a, int) {
        std::vector<float> signs(static_cast<size_t>(D));
        double sum = 0;
        for (int64_t b = 0; b < B; ++b) {
            const float *here = alpha.data() + a * slab + b * D;
            std::fill(signs.begin(), signs.end(), 0.0f);
            if (a > 0) sum += add_signs(here, here - slab, D, signs.data());
            if (b > 0) sum += add_signs(here, here - D, D, signs.data());
            sum += add_signs(here + 1, here, D - 1, signs.data() + 1);
            if (a + 1 < A) add_signs(here, here + slab, D, signs.data());
            if (b + 1 < B) add_signs(here, here + D, D, signs.data());
            add_signs(here, here + 1, D - 1, signs.data());
            for (int64_t d = 0; d < D; ++d) slope[a * slab + b * D + d] *= signs[size_t(d)];
        }
        sums[size_t(a)] = sum;
    });
    double total = 0;
    for (double s : sums) total += s;
    return total;
}

void max_pool(const float *grid, const int *size, float *out, int threads) {
    int64_t B = size[1], D = size[2], slab = B * D;
    std::vector<float> within(size_t(size[0] * slab));  // the largest of the neighbours within a slab
    parallel_for(threads, size[0], [&](int64_t a, int) {
        std::vector<float> row(static_cast<size_t>(D));
        for (int64_t b = 0; b < B; ++b) {
            const float *here = grid + a * slab + b * D, *before = b ? here - D : here,
                        *after = b + 1 < B ? here + D : here;
            for (int64_t d = 0; d < D; ++d) row[size_t(d)] = std::max(std::max(before[d], after[d]), here[d]);
            float *to = within.data() + a * slab + b * D;
            to[0] = row[0];
            for (int64_t d = 1; d < D; ++d) to[d] = std::max(row[size_t(d)], row[size_t(d - 1)]);
            for (int64_t d = 0; d + 1 < D; ++d) to[d] = std::max(to[d], row[size_t(d + 1)]);
        }
    });
    parallel_for(threads, size[0], [&](int64_t a, int) {
        const float *here = within.data() + a * slab, *before = a ? here - slab : here,
                    *after = a + 1 < size[0] ? here + slab : here;
        for (int64_t i = 0; i < slab; ++i) out[a * slab + i] = std::max(std::max(before[i], after[i]), here[i]);
    });
}

}  // namespace dymap
