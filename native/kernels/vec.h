// Explicit vectors of float: `vf` holds W lanes of the instruction set that this file is compiled for.
// Everything here has internal linkage, because every kernel file is compiled once for each instruction set.
#pragma once
#include <cstdint>
#include <cstring>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__GNUC__)
#define DYMAP_PREFETCH(p) __builtin_prefetch(p)
#else
#define DYMAP_PREFETCH(p) (void)(p)
#endif

/// Loops over registers: they must be gone before the compiler decides what lives in memory.
#if defined(__clang__)
#define DYMAP_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define DYMAP_UNROLL _Pragma("GCC unroll 16")
#else
#define DYMAP_UNROLL
#endif
#define DYMAP_UNROLLED(i, n) DYMAP_UNROLL for (int i = 0; i < (n); ++i)

#if defined(__GNUC__) && defined(__x86_64__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
#define DYMAP_ROUNDED(v) __asm__("" : "+v"(v))  // rounded here, whatever follows: not fused into the next operation
#elif defined(__GNUC__) && defined(__aarch64__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
#define DYMAP_ROUNDED(v) __asm__("" : "+w"(v))
#else
#define DYMAP_ROUNDED(v) (void)(v)
#endif

namespace dymap {
namespace {

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif

#if defined(__GNUC__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
#define DYMAP_INLINE inline __attribute__((always_inline))

template <int N> struct Lanes {
    typedef float F __attribute__((vector_size(N * 4)));
    typedef int32_t I __attribute__((vector_size(N * 4)));
};

template <class V> DYMAP_INLINE V splat(float x) { return x - V{}; }
template <class I, class V> DYMAP_INLINE I to_int(V x) { return __builtin_convertvector(x, I); }
template <class V, class I> DYMAP_INLINE V to_float(I x) { return __builtin_convertvector(x, V); }
template <class V, class I> DYMAP_INLINE V as_float(I x) { return (V)x; }
template <class V> DYMAP_INLINE V vmax(V a, V b) { return a > b ? a : b; }
template <class V> DYMAP_INLINE V vmin(V a, V b) { return a < b ? a : b; }
/// a where x > y, else b.
template <class V> DYMAP_INLINE V where_greater(V x, V y, V a, V b) { return x > y ? a : b; }
template <class V> DYMAP_INLINE float lane(V v, int i) { return v[i]; }
/// W values of bfloat16.
DYMAP_INLINE Lanes<W>::F load_half(const uint16_t *p) {
    typedef uint16_t H __attribute__((vector_size(W * 2)));
    H h;
    std::memcpy(&h, p, sizeof h);
    return (Lanes<W>::F)(__builtin_convertvector(h, Lanes<W>::I) << 16);
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define DYMAP_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#endif
#endif

#else  // a compiler without vector extensions: the same operations, lane by lane
#define DYMAP_INLINE inline

template <class T, int N> struct Array {
    T a[N];
    DYMAP_INLINE friend Array operator+(Array x, Array y) {
        for (int i = 0; i < N; ++i) x.a[i] += y.a[i];
        return x;
    }
    DYMAP_INLINE friend Array operator-(Array x, Array y) {
        for (int i = 0; i < N; ++i) x.a[i] -= y.a[i];
        return x;
    }
    DYMAP_INLINE friend Array operator*(Array x, Array y) {
        for (int i = 0; i < N; ++i) x.a[i] *= y.a[i];
        return x;
    }
    DYMAP_INLINE friend Array operator/(Array x, Array y) {
        for (int i = 0; i < N; ++i) x.a[i] /= y.a[i];
        return x;
    }
    DYMAP_INLINE friend Array operator*(Array x, T y) {
        for (int i = 0; i < N; ++i) x.a[i] *= y;
        return x;
    }
    DYMAP_INLINE friend Array operator+(Array x, T y) {
        for (int i = 0; i < N; ++i) x.a[i] += y;
        return x;
    }
    DYMAP_INLINE friend Array operator<<(Array x, int n) {
        for (int i = 0; i < N; ++i) x.a[i] <<= n;
        return x;
    }
    DYMAP_INLINE Array &operator+=(Array y) { return *this = *this + y; }
    DYMAP_INLINE Array &operator*=(Array y) { return *this = *this * y; }
};
template <int N> struct Lanes {
    typedef Array<float, N> F;
    typedef Array<int32_t, N> I;
};
template <class V> constexpr int lanes() { return int(sizeof(V) / 4); }
template <class V> DYMAP_INLINE V splat(float x) {
    V v;
    for (int i = 0; i < lanes<V>(); ++i) v.a[i] = x;
    return v;
}
template <class I, class V> DYMAP_INLINE I to_int(V x) {
    I v;
    for (int i = 0; i < lanes<V>(); ++i) v.a[i] = int32_t(x.a[i]);
    return v;
}
template <class V, class I> DYMAP_INLINE V to_float(I x) {
    V v;
    for (int i = 0; i < lanes<V>(); ++i) v.a[i] = float(x.a[i]);
    return v;
}
template <class V, class I> DYMAP_INLINE V as_float(I x) {
    V v;
    std::memcpy(&v, &x, sizeof v);
    return v;
}
template <class V> DYMAP_INLINE V where_greater(V x, V y, V a, V b) {
    for (int i = 0; i < lanes<V>(); ++i) a.a[i] = x.a[i] > y.a[i] ? a.a[i] : b.a[i];
    return a;
}
template <class V> DYMAP_INLINE V vmax(V a, V b) { return where_greater(a, b, a, b); }
template <class V> DYMAP_INLINE V vmin(V a, V b) { return where_greater(b, a, a, b); }
template <class V> DYMAP_INLINE float lane(V v, int i) { return v.a[i]; }
DYMAP_INLINE Lanes<W>::F load_half(const uint16_t *p) {
    Lanes<W>::I bits;
    for (int i = 0; i < W; ++i) bits.a[i] = int32_t(uint32_t(p[i]) << 16);
    return as_float<Lanes<W>::F>(bits);
}
#endif

typedef Lanes<W>::F vf;
typedef Lanes<W>::I vi;
typedef Lanes<4>::F vf4;
typedef Lanes<8>::F vf8;

/// n, rounded up to whole vectors.
DYMAP_INLINE int64_t round_up(int64_t n) { return (n + W - 1) / W * W; }

template <class V = vf> DYMAP_INLINE V load(const float *p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}
template <class V> DYMAP_INLINE void store(float *p, V v) { std::memcpy(p, &v, sizeof v); }
/// Sum of the lanes, by halves.
DYMAP_INLINE float sum(vf4 v) { return (lane(v, 0) + lane(v, 1)) + (lane(v, 2) + lane(v, 3)); }
DYMAP_INLINE float sum(vf8 v) {
    vf4 half[2];
    std::memcpy(half, &v, sizeof v);
    return sum(half[0] + half[1]);
}
DYMAP_INLINE float sum(Lanes<16>::F v) {
    vf8 half[2];
    std::memcpy(half, &v, sizeof v);
    return sum(half[0] + half[1]);
}

/// Halves added to each other down to four lanes.
DYMAP_INLINE vf4 fold(vf4 v) { return v; }
DYMAP_INLINE vf4 fold(vf8 v) {
    vf4 half[2];
    std::memcpy(half, &v, sizeof v);
    return half[0] + half[1];
}
DYMAP_INLINE vf4 fold(Lanes<16>::F v) {
    vf8 half[2];
    std::memcpy(half, &v, sizeof v);
    return fold(half[0] + half[1]);
}
/// The sums of the lanes of three vectors, and a lane of no meaning.
DYMAP_INLINE vf4 sum_each(vf x, vf y, vf z) {
    vf4 a = fold(x), b = fold(y), c = fold(z);
#if defined(DYMAP_SHUFFLE)
    vf4 ab = DYMAP_SHUFFLE(a, b, 0, 4, 1, 5) + DYMAP_SHUFFLE(a, b, 2, 6, 3, 7);  // a0 + a2, b0 + b2, a1 + a3, b1 + b3
    vf4 cc = c + DYMAP_SHUFFLE(c, c, 2, 3, 0, 1);                                // c0 + c2, c1 + c3
    return DYMAP_SHUFFLE(ab, cc, 0, 1, 4, 4) + DYMAP_SHUFFLE(ab, cc, 2, 3, 5, 5);
#else
    float sums[4] = {sum(a), sum(b), sum(c), 0};
    vf4 all;
    std::memcpy(&all, sums, sizeof all);
    return all;
#endif
}

/// Largest integer not above x, as float; |x| < 2^31.
template <class V, class I> DYMAP_INLINE V floor_lanes(V x) {
    V t = to_float<V>(to_int<I>(x));
    return t - where_greater(t, x, splat<V>(1), splat<V>(0));
}

/// exp(x), relative error below 2e-7; 0 below -87.3, and x is taken as 88 above that.
template <class V = vf, class I = Lanes<W>::I> DYMAP_INLINE V exp_lanes(V x) {
    V y = vmin(x, splat<V>(88.0f));
    y = vmax(y, splat<V>(-87.3f));
    V n = floor_lanes<V, I>(y * splat<V>(1.44269504f) + splat<V>(0.5f));
    V r = y - n * splat<V>(0.693145751953125f) - n * splat<V>(1.42860677e-6f);
    V p = splat<V>(1.0f / 5040);
    p = p * r + splat<V>(1.0f / 720);
    p = p * r + splat<V>(1.0f / 120);
    p = p * r + splat<V>(1.0f / 24);
    p = p * r + splat<V>(1.0f / 6);
    p = p * r + splat<V>(0.5f);
    p = p * r + splat<V>(1.0f);
    p = p * r + splat<V>(1.0f);
    V scaled = p * as_float<V>((to_int<I>(n) + 127) << 23);
    return where_greater(x, splat<V>(-87.3f), scaled, splat<V>(0));
}

}  // namespace
}  // namespace dymap
