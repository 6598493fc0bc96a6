// Multiply-adds in registers, of the widest vectors that the processor has.
#include "ops/probe.h"

#include "ops/threads.h"

namespace dymap {
namespace {

constexpr int CHAINS = 12;  // independent sums: a unit takes 4 to 5 cycles for one, and there are two units

#if defined(__GNUC__)
template <int N> struct Lanes {
    typedef float F __attribute__((vector_size(N * 4)));
};

/// CHAINS vectors of N lanes, each multiplied and added to `rounds` times.
template <int N> inline __attribute__((always_inline)) float chains(int64_t rounds) {
    typedef typename Lanes<N>::F V;
    V sums[CHAINS], factor = V{} + 0.999f, term = V{} + 0.001f;
    for (int i = 0; i < CHAINS; ++i) sums[i] = V{} + float(i);
    for (int64_t r = 0; r < rounds; ++r)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; ++i) sums[i] = sums[i] * factor + term;
    float total = 0;
    for (int i = 0; i < CHAINS; ++i)
        for (int k = 0; k < N; ++k) total += sums[i][k];
    return total;
}

using Chains = float (*)(int64_t);
struct Width {
    int lanes;
    Chains run;
};

#if defined(__x86_64__)
__attribute__((target("avx512f,fma"))) float chains16(int64_t rounds) { return chains<16>(rounds); }
__attribute__((target("avx2,fma"))) float chains8(int64_t rounds) { return chains<8>(rounds); }
#endif
float chains4(int64_t rounds) { return chains<4>(rounds); }

Width widest() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f")) return {16, chains16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {8, chains8};
#endif
    return {4, chains4};
}
#endif

}  // namespace

int64_t multiply_adds(int64_t rounds, int threads) {
#if defined(__GNUC__)
    static const Width width = widest();
    parallel_for(threads, threads, [&](int64_t, int) {
        volatile float kept = width.run(rounds);  // so that it is worked out
        (void)kept;
    });
    return 2 * rounds * threads * CHAINS * width.lanes;
#else
    (void)rounds, (void)threads;
    return 0;
#endif
}

}  // namespace dymap
