// Adam, divided into ranges.
#include "ops/ops.h"

#include "kernels/dispatch.h"
#include "ops/threads.h"

namespace dymap {
void adam(float *parameter, float *gradient, float *mean, float *square, int64_t n, const AdamStep &step, int threads) {
    parallel_ranges(threads, n, 32768, [&](int64_t begin, int64_t end, int) {
        kernels().adam(parameter + begin, gradient + begin, mean + begin, square + begin, end - begin, step);
    });
}

}  // namespace dymap
