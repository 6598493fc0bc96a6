// Hash tables over (a, b, t) at one time.
#include <nanobind/stl/vector.h>

#include <vector>

#include "module/bind.h"
#include "module/checks.h"

namespace dymap {
namespace {

Levels make_levels(int features, const std::vector<float> &scales, const std::vector<int32_t> &resolutions,
                   const std::vector<int64_t> &lengths) {
    Levels l;
    l.levels = int(scales.size());
    l.features = features;
    require(l.levels >= 1 && l.levels <= MAX_LEVELS, "1 to 32 hash levels");
    require(features >= 1 && features <= 1024, "1 to 1024 features a level");
    require(resolutions.size() == scales.size() && lengths.size() == scales.size(), "levels of different numbers");
    l.offset[0] = l.plane_offset[0] = 0;
    for (int i = 0; i < l.levels; ++i) {
        require(resolutions[i] >= 2 && resolutions[i] <= 32768, "resolutions of 2 to 32768");
        require(scales[i] >= 0 && scales[i] <= float(resolutions[i] - 1), "a scale beyond its resolution");
        require(lengths[i] >= 1 && lengths[i] <= (int64_t(1) << 31), "a level of more than 2^31 entries");
        l.scale[i] = scales[i];
        l.resolution[i] = resolutions[i];
        l.length[i] = lengths[i];
        l.offset[i + 1] = l.offset[i] + lengths[i];
        l.plane_offset[i + 1] = l.plane_offset[i] + int64_t(resolutions[i]) * resolutions[i];
    }
    return l;
}

}  // namespace

void bind_hash(nb::module_ &m) {
    nb::class_<Levels>(m, "Levels")
        .def("__init__", [](Levels *self, int features, const std::vector<float> &scales,
                            const std::vector<int32_t> &resolutions, const std::vector<int64_t> &lengths) {
            new (self) Levels(make_levels(features, scales, resolutions, lengths));
        });

    m.def(
        "collapse_time",
        [](const Levels &l, float t, const std::vector<In> &tables, const Maybe<Array<const bool>> &footprint,
           const Maybe<Array<const bool>> &before, const Out &out, int threads) {
            auto list = make_tables(tables, l);
            require(shaped(out, {int64_t(list.size()), l.plane_offset[l.levels], l.features}),
                    "out must be [K, rows, F]");
            const uint8_t *pixels = nullptr, *written = nullptr;
            int size = 2;
            if (footprint) {
                require(shaped(*footprint, {int64_t(list.size()), -1, -1}) &&
                            footprint->shape(1) == footprint->shape(2) && footprint->shape(1) >= 2 &&
                            footprint->shape(1) <= 32768,
                        "footprint must be [K, P, P]");
                pixels = bytes(*footprint);
                size = int(footprint->shape(1));
            }
            if (before) {
                require(footprint && shaped(*before, {int64_t(list.size()), size, size}),
                        "before must be as footprint is");
                written = bytes(*before);
            }
            nb::gil_scoped_release release;
            collapse_time(l, time_slice(l, t), list.data(), int(list.size()), pixels, written, size, out.data(),
                          threads_of(threads));
        },
        "levels"_a, "t"_a, "tables"_a, "footprint"_a.none(), "before"_a.none(), "out"_a.noconvert(), "threads"_a);
    m.def(
        "collapse_time_backward",
        [](const Levels &l, float t, const In &gradient, const std::vector<Out> &tables, int threads) {
            auto list = make_tables(tables, l);
            require(shaped(gradient, {int64_t(list.size()), l.plane_offset[l.levels], l.features}),
                    "gradient must be [K, rows, F]");
            nb::gil_scoped_release release;
            collapse_time_backward(l, time_slice(l, t), gradient.data(), list.data(), int(list.size()),
                                   threads_of(threads));
        },
        "levels"_a, "t"_a, "gradient"_a, "tables"_a.noconvert(), "threads"_a);
    m.def("hash_encode", [](const Levels &l, float t, const std::vector<In> &tables, unsigned which, const In &position,
                            const Out &out, int threads) {
        auto list = make_tables(tables, l);
        int64_t n = points(position);
        require(list.size() == 3 && shaped(out, {n, int64_t(l.levels) * l.features}), "three tables, out [N, L * F]");
        nb::gil_scoped_release release;
        hash_encode(l, time_slice(l, t), list.data(), which, position.data(), n, out.data(), threads_of(threads));
    });
    m.def("hash_encode_backward", [](const Levels &l, float t, const std::vector<Out> &tables, unsigned which,
                                     const In &position, const In &gradient, int threads) {
        auto list = make_tables(tables, l);
        int64_t n = points(position);
        require(list.size() == 3 && shaped(gradient, {n, int64_t(l.levels) * l.features}),
                "three tables, gradient [N, L * F]");
        nb::gil_scoped_release release;
        hash_encode_backward(l, time_slice(l, t), list.data(), which, position.data(), gradient.data(), n,
                             threads_of(threads));
    });
}

}  // namespace dymap
