// dymap._core: the operations as Python functions on torch tensors (or anything that speaks DLPack), without copies.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "kernels/dispatch.h"
#include "module/bind.h"
#include "module/checks.h"
#include "ops/probe.h"
#include "ops/threads.h"

NB_MODULE(_core, m) {
    using namespace dymap;
    m.doc() = "The native core of dymap.kernels.";
    nb::set_leak_warnings(false);  // Levels live in a cache until the interpreter is gone
    m.def("variants", &variants);
    m.def("variant", [] { return std::string(kernels().name); });
    m.def("use", &use);
    m.def("thread_runtime", &thread_runtime);
    m.def("multiply_adds", [](int64_t rounds, int threads) {
        nb::gil_scoped_release release;
        return multiply_adds(rounds, threads_of(threads));
    });
    bind_hash(m);
    bind_encode(m);
    bind_lattice(m);
    bind_mlp_maps(m);
    bind_convolve(m);
    bind_rans(m);
    bind_rays(m);
    bind_adam(m);
    bind_render(m);
}
