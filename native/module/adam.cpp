// Adam.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {

void bind_adam(nb::module_ &m) {
    m.def(
        "adam",
        [](const Out &parameter, const Out &gradient, const Out &mean, const Out &square, float rate, float beta1,
           float beta2, float epsilon, float correction1, float correction2, float clip, bool lazy, int threads) {
            int64_t n = int64_t(parameter.size());
            require(int64_t(gradient.size()) == n && int64_t(mean.size()) == n && int64_t(square.size()) == n,
                    "adam: sizes differ");
            AdamStep step{rate, beta1, beta2, epsilon, correction1, correction2, clip, lazy};
            nb::gil_scoped_release release;
            adam(parameter.data(), gradient.data(), mean.data(), square.data(), n, step, threads_of(threads));
        },
        "parameter"_a.noconvert(), "gradient"_a.noconvert(), "mean"_a.noconvert(), "square"_a.noconvert(), "rate"_a,
        "beta1"_a, "beta2"_a, "epsilon"_a, "correction1"_a, "correction2"_a, "clip"_a, "lazy"_a, "threads"_a);
}

}  // namespace dymap
