// What the processor can do at most, for the benchmarks.
#pragma once
#include <cstdint>

namespace dymap {

/// Multiply-adds that touch nothing but registers, on each thread. Returns the floating-point operations that were done
/// (a multiply-add is two); 0: not for this compiler.
int64_t multiply_adds(int64_t rounds, int threads);

}  // namespace dymap
