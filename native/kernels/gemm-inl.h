// Small matrix products on rows that lie in the cache.
#pragma once
#include "kernels/vec.h"

namespace dymap {
namespace {

// Rows and vectors of columns of a product that are worked on at once: as many as there are registers for.
#if defined(__AVX512F__) || defined(__aarch64__)
#define DYMAP_SIX_ROWS
constexpr int ROWS = 6, COLUMNS = 4;
#elif defined(__AVX__)
#define DYMAP_SIX_ROWS
constexpr int ROWS = 6, COLUMNS = 2;
#else
constexpr int ROWS = 4, COLUMNS = 2;
#endif

/// c[r, v] += sum over t of a[r, t] * b[t, v], R rows and V vectors of columns in registers.
template <int R, int V>
DYMAP_INLINE void block(const float *a, int64_t a_row, int64_t a_term, const float *b, int64_t b_term, int64_t terms,
                        float *c, int64_t c_row) {
    vf sums[R][V];
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (v, V) sums[r][v] = load(c + r * c_row + v * W);
    for (int64_t t = 0; t < terms; ++t) {
        vf row[V];
        DYMAP_UNROLLED (v, V) row[v] = load(b + t * b_term + v * W);
        DYMAP_UNROLLED (r, R) {
            vf x = splat<vf>(a[r * a_row + t * a_term]);
            DYMAP_UNROLLED (v, V) sums[r][v] += x * row[v];
        }
    }
    DYMAP_UNROLLED (r, R)
        DYMAP_UNROLLED (v, V) store(c + r * c_row + v * W, sums[r][v]);
}

template <int R> struct Rows {
    static constexpr int count = R;
};
/// f(first, Rows) for blocks of `count` rows, so that the size of a block is known where it is compiled.
template <class F> DYMAP_INLINE void by_rows(int count, F f) {
    int row = 0;
    for (; row + ROWS <= count; row += ROWS) f(row, Rows<ROWS>());
    switch (count - row) {
    case 1: f(row, Rows<1>()); break;
    case 2: f(row, Rows<2>()); break;
    case 3: f(row, Rows<3>()); break;
#if defined(DYMAP_SIX_ROWS)
    case 4: f(row, Rows<4>()); break;
    case 5: f(row, Rows<5>()); break;
#endif
    }
}

template <int V>
DYMAP_INLINE void block_rows(int rows, const float *a, int64_t a_row, int64_t a_term, const float *b, int64_t b_term,
                             int64_t terms, float *c, int64_t c_row) {
    by_rows(rows, [&](int r, auto some) {
        block<some.count, V>(a + r * a_row, a_row, a_term, b, b_term, terms, c + r * c_row, c_row);
    });
}

/// c += a b for c [rows, columns], columns a multiple of W. Element a[r, t] is a[r * a_row + t * a_term].
void gemm(int rows, int columns, int64_t terms, const float *a, int64_t a_row, int64_t a_term, const float *b,
          int64_t b_term, float *c, int64_t c_row) {
    int v = 0;
    for (; v + COLUMNS * W <= columns; v += COLUMNS * W)
        block_rows<COLUMNS>(rows, a, a_row, a_term, b + v, b_term, terms, c + v, c_row);
    for (; v + W <= columns; v += W) block_rows<1>(rows, a, a_row, a_term, b + v, b_term, terms, c + v, c_row);
}

}  // namespace
}  // namespace dymap
