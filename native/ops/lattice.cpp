// Density on a lattice from its three planes, divided into slabs.
#include "ops/ops.h"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.h"
#include "ops/threads.h"

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
    parallel_for(threads, rows, [&](int64_t row, int) {
        transpose(plane + row * n * k, n, k, stride, out.data() + row * k * stride);
    });
    return out;
}

}  // namespace

void density_lattice(const Lattice &l, float *sigma, int threads) {
    int64_t A = l.size[0], B = l.size[1], D = l.size[2], k = 2 * int64_t(l.channels), stride = padded(D);
    Rows ac = transposed(l.plane[1], A, l, threads), bc = transposed(l.plane[2], B, l, threads);
    parallel_for(threads, A, [&](int64_t a, int) {
        Rows row(static_cast<size_t>(stride));
        for (int64_t b = 0; b < B; ++b) {
            kernels().lattice_row(l.plane[0] + (a * B + b) * k, ac.data() + a * k * stride, bc.data() + b * k * stride,
                                  stride, stride, l.channels, row.data());
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
            kernels().lattice_row_backward(l.plane[0] + (a * B + b) * k, first ? with_a : with_b,
                                           first ? with_b : with_a, stride, stride, l.channels, row.data(),
                                           first ? d_planes[0] + (a * B + b) * k : nullptr, gradient.data());
        }
        transpose_back(gradient.data(), D, k, stride, d_planes[first ? 1 : 2] + own * D * k);
    });
}

}  // namespace dymap
