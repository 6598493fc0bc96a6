// The variants that were built, and which of them this processor can run.
#include "kernels/dispatch.h"

namespace dymap {

#if defined(DYMAP_HAS_X86)
extern const Kernels kernels_avx512bf16, kernels_avx512, kernels_avx2;
#endif
extern const Kernels kernels_portable;

namespace {

std::vector<const Kernels *> available() {
    std::vector<const Kernels *> list;
#if defined(DYMAP_HAS_X86)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
    if (avx512 && __builtin_cpu_supports("avx512bf16")) list.push_back(&kernels_avx512bf16);
    if (avx512) list.push_back(&kernels_avx512);
    if (avx2) list.push_back(&kernels_avx2);
#endif
    list.push_back(&kernels_portable);
    return list;
}

const Kernels *&current() {
    static const Kernels *chosen = available().front();
    return chosen;
}

}  // namespace

std::vector<std::string> variants() {
    std::vector<std::string> names;
    for (const Kernels *k : available()) names.push_back(k->name);
    return names;
}

const Kernels &kernels() { return *current(); }

bool use(const std::string &name) {
    for (const Kernels *k : available())
        if (name == k->name) {
            current() = k;
            return true;
        }
    return false;
}

}  // namespace dymap
