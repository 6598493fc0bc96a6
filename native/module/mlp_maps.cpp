// Colours from MLP maps.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {

void bind_mlp_maps(nb::module_ &m) {
    m.def(
        "mlp_maps",
        [](const In &first, const In &second, int size, bool overlap, const In &features, const In &views,
           const Maybe<Index> &ray, const In &position, const Out &out, int threads) {
            Maps maps = make_maps(first, second, size, overlap, int(views.shape(1)));
            Samples samples = make_samples(features, views, ray, position);
            require(int64_t(features.shape(1)) == maps.features && shaped(out, {samples.count, 3}),
                    "features or out of another size");
            nb::gil_scoped_release release;
            mlp_maps(maps, samples, out.data(), threads_of(threads));
        },
        "first"_a, "second"_a, "size"_a, "overlap"_a, "features"_a, "views"_a, "ray"_a.none(), "position"_a,
        "out"_a.noconvert(), "threads"_a);
    m.def(
        "mlp_maps_backward",
        [](const In &first, const In &second, int size, bool overlap, const In &features, const In &views,
           const Maybe<Index> &ray, const In &position, const In &d_out, const Out &d_features, const Out &d_first,
           const Out &d_second, int threads) {
            Maps maps = make_maps(first, second, size, overlap, int(views.shape(1)));
            Samples samples = make_samples(features, views, ray, position);
            require(int64_t(features.shape(1)) == maps.features && shaped(d_out, {samples.count, 3}),
                    "features or d_out of another size");
            require(shaped(d_features, {samples.count, maps.features}) && d_first.size() == first.size() &&
                        d_second.size() == second.size(),
                    "gradients of other sizes");
            nb::gil_scoped_release release;
            mlp_maps_backward(maps, samples, d_out.data(), d_features.data(), d_first.data(), d_second.data(),
                              threads_of(threads));
        },
        "first"_a, "second"_a, "size"_a, "overlap"_a, "features"_a, "views"_a, "ray"_a.none(), "position"_a, "d_out"_a,
        "d_features"_a.noconvert(), "d_first"_a.noconvert(), "d_second"_a.noconvert(), "threads"_a);
}

}  // namespace dymap
