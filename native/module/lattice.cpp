// Densities on a lattice, sums over them, and the largest around each point.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {

void bind_lattice(nb::module_ &m) {
    m.def(
        "density_lattice",
        [](const In &ab, const In &ac, const In &bc, const Out &sigma, int threads) {
            Lattice l = make_lattice(ab, ac, bc);
            require(shaped(sigma, {l.size[0], l.size[1], l.size[2]}), "sigma must be [A, B, D]");
            nb::gil_scoped_release release;
            density_lattice(l, sigma.data(), threads_of(threads));
        },
        "ab"_a, "ac"_a, "bc"_a, "sigma"_a.noconvert(), "threads"_a);
    m.def(
        "density_lattice_backward",
        [](const In &ab, const In &ac, const In &bc, const In &d_sigma, const Out &d_ab, const Out &d_ac,
           const Out &d_bc, int threads) {
            Lattice l = make_lattice(ab, ac, bc);
            require(shaped(d_sigma, {l.size[0], l.size[1], l.size[2]}), "d_sigma must be [A, B, D]");
            require(d_ab.size() == ab.size() && d_ac.size() == ac.size() && d_bc.size() == bc.size(),
                    "gradients of other sizes");
            float *const into[3] = {d_ab.data(), d_ac.data(), d_bc.data()};
            nb::gil_scoped_release release;
            density_lattice_backward(l, d_sigma.data(), into, threads_of(threads));
        },
        "ab"_a, "ac"_a, "bc"_a, "d_sigma"_a, "d_ab"_a.noconvert(), "d_ac"_a.noconvert(), "d_bc"_a.noconvert(),
        "threads"_a);
    m.def(
        "opacity_sum",
        [](const In &sigma, const Array<const bool> &mask, float length, const Out &slope, int threads) {
            int64_t n = int64_t(sigma.size());
            require(int64_t(mask.size()) == n && int64_t(slope.size()) == n,
                    "sigma, mask and slope of different sizes");
            nb::gil_scoped_release release;
            return opacity_sum(sigma.data(), bytes(mask), n, length, slope.data(), threads_of(threads));
        },
        "sigma"_a, "mask"_a, "length"_a, "slope"_a.noconvert(), "threads"_a);
    m.def(
        "total_variation",
        [](const In &sigma, float length, const Out &slope, int threads) {
            int size[3];
            sizes_of(sigma, size);
            require(shaped(slope, {size[0], size[1], size[2]}), "slope of another size");
            nb::gil_scoped_release release;
            return total_variation(sigma.data(), size, length, slope.data(), threads_of(threads));
        },
        "sigma"_a, "length"_a, "slope"_a.noconvert(), "threads"_a);
    m.def(
        "max_pool",
        [](const In &grid, const Out &out, int threads) {
            int size[3];
            sizes_of(grid, size);
            require(shaped(out, {size[0], size[1], size[2]}), "out of another size");
            nb::gil_scoped_release release;
            max_pool(grid.data(), size, out.data(), threads_of(threads));
        },
        "grid"_a, "out"_a.noconvert(), "threads"_a);
}

}  // namespace dymap
