// Density on a lattice from its three planes, and what is looked at around its points.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "dispatch.h"
#include "ops.h"
#include "threads.h"

namespace dymap {
namespace {

using Rows = std::vector<float>;

int64_t padded(int64_t n) { return (n + kernels().lanes - 1) / kernels().lanes * kernels().lanes; }

/// [n, k] -> [k, stride], padded with zeros.
void transpose(const float *from, int64_t n, int64_t k, int64_t stride, float *to) {
    for (int64_t j = 0; j < k; ++j) {
        for (int64_t i = 0; i < n; ++i) to[j * stride + i] = from[i * k + j];
        std::fill(to + j * stride + n, to + (j + 1) * stride, 0.0f);
    }
}

void transpose_back(const float *from, int64_t n, int64_t k, int64_t stride, float *to) {
    for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < k; ++j) to[i * k + j] = from[j * stride + i];
}

/// A plane [rows, size, 2 C] with its second axis last: [rows, 2 C, stride].
Rows transposed(const float *plane, int64_t rows, const Lattice &l, int threads) {
    int64_t k = 2 * int64_t(l.channels), n = l.size[2], stride = padded(n);
    Rows out(size_t(rows * k * stride));
    parallel_for(threads, rows, [&](int64_t row, int) { transpose(plane + row * n * k, n, k, stride, out.data() + row * k * stride); });
    return out;
}

}  // namespace

void density_lattice(const Lattice &l, float *sigma, int threads) {
    int64_t A = l.size[0], B = l.size[1], D = l.size[2], k = 2 * int64_t(l.channels), stride = padded(D);
    Rows ac = transposed(l.plane[1], A, l, threads), bc = transposed(l.plane[2], B, l, threads);
    parallel_for(threads, A, [&](int64_t a, int) {
        Rows row(static_cast<size_t>(stride));
        for (int64_t b = 0; b < B; ++b) {
            kernels().lattice_row(l.plane[0] + (a * B + b) * k, ac.data() + a * k * stride, bc.data() + b * k * stride, stride,
                                  stride, l.channels, row.data());
            std::copy_n(row.data(), D, sigma + (a * B + b) * D);
        }
    });
}

void density_lattice_backward(const Lattice &l, const float *d_sigma, float *const *d_planes, int threads) {
    int64_t A = l.size[0], B = l.size[1], D = l.size[2], k = 2 * int64_t(l.channels), stride = padded(D);
    Rows ac = transposed(l.plane[1], A, l, threads), bc = transposed(l.plane[2], B, l, threads);
    std::fill_n(d_planes[0], A * B * k, 0.0f);
    // A job owns what it writes: a row of planes ab and ac, or, gone through once more, one of plane bc.
    parallel_for(threads, A + B, [&](int64_t job, int) {
        bool first = job < A;
        int64_t own = first ? job : job - A;
        Rows gradient(size_t(k * stride), 0.0f), row(size_t(stride), 0.0f);
        for (int64_t other = 0; other < (first ? B : A); ++other) {
            int64_t a = first ? own : other, b = first ? other : own;
            std::copy_n(d_sigma + (a * B + b) * D, D, row.data());
            const float *with_a = ac.data() + a * k * stride, *with_b = bc.data() + b * k * stride;
            kernels().lattice_row_backward(l.plane[0] + (a * B + b) * k, first ? with_a : with_b, first ? with_b : with_a, stride,
                                           stride, l.channels, row.data(), first ? d_planes[0] + (a * B + b) * k : nullptr,
                                           gradient.data());
        }
        transpose_back(gradient.data(), D, k, stride, d_planes[first ? 1 : 2] + own * D * k);
    });
}

double opacity_sum(const float *sigma, const uint8_t *mask, int64_t n, float length, float *slope, int threads) {
    constexpr int64_t PIECE = 16384;
    std::vector<double> sums(size_t((n + PIECE - 1) / PIECE), 0.0);
    parallel_ranges(threads, n, PIECE, [&](int64_t begin, int64_t end, int) {
        sums[size_t(begin / PIECE)] = kernels().opacity_sum(sigma + begin, mask + begin, end - begin, length, slope + begin);
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
            const float *here = grid + a * slab + b * D, *before = b ? here - D : here, *after = b + 1 < B ? here + D : here;
            for (int64_t d = 0; d < D; ++d) row[size_t(d)] = std::max(std::max(before[d], after[d]), here[d]);
            float *to = within.data() + a * slab + b * D;
            to[0] = row[0];
            for (int64_t d = 1; d < D; ++d) to[d] = std::max(row[size_t(d)], row[size_t(d - 1)]);
            for (int64_t d = 0; d + 1 < D; ++d) to[d] = std::max(to[d], row[size_t(d + 1)]);
        }
    });
    parallel_for(threads, size[0], [&](int64_t a, int) {
        const float *here = within.data() + a * slab, *before = a ? here - slab : here, *after = a + 1 < size[0] ? here + slab : here;
        for (int64_t i = 0; i < slab; ++i) out[a * slab + i] = std::max(std::max(before[i], after[i]), here[i]);
    });
}

}  // namespace dymap
