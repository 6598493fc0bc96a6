// Checks every operation in every instruction set that this machine has against scalar loops, on odd sizes, with one
// thread and several. Made for sanitizers and for other processors: it needs neither Python nor torch.
#include <cstdio>
#include <string>

#include "kernels/dispatch.h"
#include "selftest/selftest.h"

namespace selftest {

int failures = 0;
std::string context;

}  // namespace selftest

int main() {
    using namespace selftest;
    check_threads();
    check_rans();
    check_rays();
    for (int threads : {1, 3}) check_hash(threads);
    for (const std::string &name : variants()) {
        expect(use(name) && name == kernels().name, "a variant that cannot be chosen");
        int before = failures;
        for (int threads : {1, 3}) {
            check_values(threads);
            check_encodings(threads);
            check_mlp_maps(threads);
            check_lattice(threads);
            check_convolve(threads);
            check_bricks(threads);
            check_render(threads);
            check_tiles(threads);
        }
        std::printf("%-12s %d lanes: %s\n", name.c_str(), kernels().lanes, failures == before ? "fine" : "FAILED");
    }
    expect(!use("none"), "a variant that does not exist was chosen");
    if (failures) std::printf("%d failures\n", failures);
    return failures != 0;
}
