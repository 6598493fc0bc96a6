// dymap._core: the operations as Python functions on torch tensors (or anything that speaks DLPack), without copies.
// Every shape is checked here; behind this file nothing is. What is written to and may come from elsewhere is `noconvert`:
// a tensor that is not contiguous would be copied, and the copy written to.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "ops.h"
#include "probe.h"
#include "render.h"
#include "threads.h"

namespace nb = nanobind;
using namespace nb::literals;
using namespace dymap;

namespace {

template <class T> using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
using In = Array<const float>;
using Out = Array<float>;
using Index = Array<const int32_t>;
template <class T> using Maybe = std::optional<T>;

void require(bool fine, const char *what) {
    if (!fine) throw nb::value_error(what);
}

template <class A> bool shaped(const A &a, std::initializer_list<int64_t> shape) {
    if (a.ndim() != shape.size()) return false;
    size_t i = 0;
    for (int64_t n : shape) {
        if (n >= 0 && int64_t(a.shape(i)) != n) return false;
        ++i;
    }
    return true;
}

int64_t points(const In &position) {
    require(shaped(position, {-1, 3}), "position must be [N, 3]");
    return int64_t(position.shape(0));
}

int threads_of(int threads) {
    require(threads >= 1 && threads <= 1024, "threads must be 1 to 1024");
    return threads;
}

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

/// What `encode` reads, or, with gradients in their place, what its backward pass writes.
template <class A>
Encoding make_encoding(const Maybe<A> &planes, const Maybe<A> &grids, const Levels *levels, unsigned which) {
    Encoding e;
    e.which = which;
    require(planes || grids, "neither planes nor grids");
    if (planes) {
        require(shaped(*planes, {3, -1, -1, -1}) && planes->shape(1) == planes->shape(2), "planes must be [3, P, P, C]");
        require(planes->shape(1) >= 2 && planes->shape(1) <= 32768, "planes of 2 to 32768 vertices a side");
        e.planes = planes->data();
        e.size = int(planes->shape(1));
        e.channels = int(planes->shape(3));
    }
    if (grids) {
        require(levels, "grids without levels");
        e.levels = *levels;
        require(shaped(*grids, {3, levels->plane_offset[levels->levels], levels->features}), "grids must be [3, rows, F]");
        require(!planes || e.channels >= levels->levels * levels->features, "more hash features than channels");
        e.grids = grids->data();
    }
    return e;
}

int64_t encoding_channels(const Encoding &e) { return e.planes ? e.channels : int64_t(e.levels.levels) * e.levels.features; }

Maps make_maps(const In &first, const In &second, int size, bool overlap, int view) {
    Maps m;
    require(size >= (overlap ? 2 : 1) && size <= 4096, "maps of 2 to 4096 networks a side");
    m.size = size;
    m.cells = overlap ? (size - 1) * (size - 1) : size * size;
    m.networks = overlap ? 4 : 1;
    require(shaped(first, {3, m.cells, -1, -1}), "first must be [3, cells, K, M * H]");
    int64_t MH = int64_t(first.shape(3)), K = int64_t(first.shape(2));
    require(shaped(second, {3, m.cells, MH, 3}), "second must be [3, cells, M * H, 3]");
    require(MH % m.networks == 0 && MH <= 65536 && K <= 65536 && view >= 0 && view < K, "networks of an impossible size");
    m.first = first.data();
    m.second = second.data();
    m.hidden = int(MH / m.networks);
    m.view = view;
    m.features = int(K - view);
    return m;
}

/// ray: rows of views; its values are checked, as they are read as addresses.
Samples make_samples(const In &features, const In &views, const Maybe<Index> &ray, const In &position) {
    Samples s;
    s.count = points(position);
    require(shaped(features, {s.count, -1}), "features must be [N, C]");
    require(views.ndim() == 2, "views must be [R, V]");
    s.features = features.data();
    s.views = views.data();
    s.position = position.data();
    int64_t rays = int64_t(views.shape(0));
    if (ray) {
        require(shaped(*ray, {s.count}), "ray must be [N]");
        s.ray = ray->data();
        for (int64_t i = 0; i < s.count; ++i) require(s.ray[i] >= 0 && s.ray[i] < rays, "a ray that has no view");
    } else {
        require(rays == s.count, "a view for every sample, or rays");
    }
    return s;
}

/// Encodings of the three planes of a lattice.
Lattice make_lattice(const In &ab, const In &ac, const In &bc) {
    Lattice l;
    require(ab.ndim() == 3 && ac.ndim() == 3 && ab.shape(2) % 2 == 0 && ab.shape(2) <= 65536, "planes must be [A, B, 2 C], [A, D, 2 C], [B, D, 2 C]");
    l.size[0] = int64_t(ab.shape(0)), l.size[1] = int64_t(ab.shape(1)), l.size[2] = int64_t(ac.shape(1));
    int64_t k = int64_t(ab.shape(2));
    require(shaped(ac, {l.size[0], l.size[2], k}) && shaped(bc, {l.size[1], l.size[2], k}), "planes of one lattice share its sizes");
    l.channels = int(k / 2);
    l.plane[0] = ab.data(), l.plane[1] = ac.data(), l.plane[2] = bc.data();
    return l;
}

template <class A> std::vector<decltype(std::declval<A>().data())> make_tables(const std::vector<A> &tables, const Levels &l) {
    std::vector<decltype(std::declval<A>().data())> list;
    for (const A &table : tables) {
        require(shaped(table, {l.offset[l.levels], l.features}), "tables must be [entries, F]");
        list.push_back(table.data());
    }
    return list;
}

void march(const In &origins, const In &directions, const In &t, const In &t_max, const In &box,
           const Array<const bool> &grid, float step, int limit, const Out &intervals, const Array<int64_t> &counts,
           const Out &stand, int threads) {
    int64_t n = points(origins);
    require(shaped(directions, {n, 3}) && shaped(t, {n}) && shaped(t_max, {n}) && shaped(stand, {n}) && shaped(counts, {n}) &&
                shaped(intervals, {n, limit, 2}),
            "rays of different numbers");
    require(shaped(box, {2, 3}) && grid.ndim() == 3 && step > 0 && limit >= 1 && limit <= 4096, "march: box, grid or step");
    Grid g;
    g.occupied = reinterpret_cast<const uint8_t *>(grid.data());
    for (int a = 0; a < 3; ++a) {
        require(grid.shape(size_t(a)) >= 1 && grid.shape(size_t(a)) <= 65536, "an empty grid");
        g.size[a] = int(grid.shape(size_t(a)));
    }
    for (int i = 0; i < 6; ++i) g.box[i] = box.data()[i];
    nb::gil_scoped_release release;
    parallel_ranges(threads_of(threads), n, 256, [&](int64_t begin, int64_t end, int) {
        float starts[4096], ends[4096];
        for (int64_t i = begin; i < end; ++i) {
            float at = t.data()[i];
            int found = march_ray(g, origins.data() + 3 * i, directions.data() + 3 * i, at, t_max.data()[i], step, limit,
                                  starts, ends);
            counts.data()[i] = found;
            stand.data()[i] = at;
            float *o = intervals.data() + i * limit * 2;
            for (int k = 0; k < limit; ++k) {
                o[2 * k] = k < found ? starts[k] : 0;
                o[2 * k + 1] = k < found ? ends[k] : 0;
            }
        }
    });
}

/// A flag that stops a render between two tiles, from any thread.
struct Cancel {
    std::atomic<bool> set{false};
};

/// A grid and its box, checked.
Grid make_grid(const In &box, const Array<const bool> &occupied) {
    require(shaped(box, {2, 3}) && occupied.ndim() == 3, "box must be [2, 3] and occupied [gx, gy, gz]");
    Grid g;
    g.occupied = reinterpret_cast<const uint8_t *>(occupied.data());
    for (int a = 0; a < 3; ++a) {
        require(occupied.shape(size_t(a)) >= 1 && occupied.shape(size_t(a)) <= 2048, "a grid of 1 to 2048 voxels a side");
        g.size[a] = int(occupied.shape(size_t(a)));
    }
    for (int i = 0; i < 6; ++i) g.box[i] = box.data()[i];
    for (int a = 0; a < 3; ++a) require(g.box[3 + a] > g.box[a] && g.box[3 + a] - g.box[a] < 1e6f, "an empty box");
    return g;
}

/// A frame's tensors, held while it is rendered.
struct Tracer {
    In planes, grids, first, second, box;
    Array<const bool> occupied;
    TracedFrame frame;
    std::optional<Bricks> bricks;
    std::vector<uint16_t> half;
};

/// What only the exact image needs is let go.
void keep_fast(Tracer &f) {
    require(bool(f.bricks), "nothing to keep");
    f.planes = f.grids = In();
    f.frame.encoding.planes = f.frame.encoding.grids = nullptr;
}

void make_tracer(Tracer *self, const In &planes, const In &grids, const Levels &levels, const In &first, const In &second,
                int map_size, bool overlap, const std::string &directions, int degree, const In &box,
                const Array<const bool> &occupied, float step) {
    new (self) Tracer{planes, grids, first, second, box, occupied, {}, {}, {}};
    TracedFrame &s = self->frame;
    s.encoding = make_encoding<In>(planes, grids, &levels, 7);
    require(directions == "fourier" || directions == "sh", "directions must be fourier or sh");
    s.directions = directions == "sh" ? Directions::spherical_harmonics : Directions::fourier;
    s.degree = degree;
    require(degree >= 0 && degree <= (directions == "sh" ? 4 : 20), "a degree beyond the embedding's");
    s.maps = make_maps(first, second, map_size, overlap, directions == "sh" ? degree * degree : 3 * (2 * degree + 1));
    require(s.encoding.channels == 2 * s.maps.features, "planes must have twice the features of the networks");
    s.grid = make_grid(box, occupied);
    require(step > 0 && step < 1e6f, "a step that is not above zero");
    for (int a = 0; a < 3; ++a) require((s.grid.box[3 + a] - s.grid.box[a]) / step < 16384, "a step far below the box");
    s.step = step;
}

nb::tuple render_image(const Tracer &tracer, const nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu> &ray,
                       const nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu> &project,
                       const nb::ndarray<const double, nb::shape<3>, nb::c_contig, nb::device::cpu> &origin, double offset,
                       const Out &rgb, const Out &acc, const Out &depth, const Out &far, const Array<bool> &hit, bool fast, int merge,
                       float min_weight, const Cancel *cancel, int threads) {
    View view;
    std::copy_n(ray.data(), 9, view.ray);
    std::copy_n(project.data(), 9, view.project);
    std::copy_n(origin.data(), 3, view.origin);
    view.offset = offset;
    bool fine = std::isfinite(offset);
    for (int i = 0; i < 9; ++i) fine &= std::isfinite(view.ray[i]) && std::isfinite(view.project[i]);
    for (double x : view.origin) fine &= std::fabs(x) <= 1e30;
    require(fine, "a camera that is not finite");
    require(acc.ndim() == 2 && acc.shape(0) >= 1 && acc.shape(1) >= 1 && acc.shape(0) <= 65536 && acc.shape(1) <= 16384, "an image of another size");
    view.height = int(acc.shape(0));
    view.width = int(acc.shape(1));
    int64_t h = view.height, w = view.width;
    require(shaped(rgb, {h, w, 3}) && shaped(depth, {h, w}) && shaped(far, {h, w}) && shaped(hit, {h, w}), "images of different sizes");
    require(fast ? bool(tracer.bricks) : tracer.frame.encoding.planes != nullptr, "this tracer was not made for that");
    require(merge >= 1 && min_weight >= 0, "merge or min_weight");
    RenderReport report;
    {
        nb::gil_scoped_release release;
        TracedFrame frame = tracer.frame;
        if (fast && kernels().half && !tracer.half.empty()) frame.maps.half_first = tracer.half.data();
        report = render(frame, view, fast ? &*tracer.bricks : nullptr, {merge, min_weight},
                        {rgb.data(), acc.data(), depth.data(), far.data(), hit.data()}, cancel ? &cancel->set : nullptr, threads_of(threads));
    }
    return nb::make_tuple(report.tiles, report.finished, report.densities, report.colours);
}

}  // namespace

NB_MODULE(_core, m) {
    m.doc() = "The native core of dymap.kernels.";
    nb::set_leak_warnings(false);  // Levels live in a cache until the interpreter is gone
    m.def("variants", &variants);
    m.def("variant", [] { return std::string(kernels().name); });
    m.def("use", &use);
    m.def("thread_runtime", &thread_runtime);
    nb::class_<Levels>(m, "Levels").def("__init__", [](Levels *self, int features, const std::vector<float> &scales,
                                                       const std::vector<int32_t> &resolutions,
                                                       const std::vector<int64_t> &lengths) {
        new (self) Levels(make_levels(features, scales, resolutions, lengths));
    });

    m.def("encode", [](const Maybe<In> &planes, const Maybe<In> &grids, const Levels *levels, unsigned which,
                       const In &position, const Out &out, int threads) {
        Encoding e = make_encoding(planes, grids, levels, which);
        int64_t n = points(position);
        require(shaped(out, {n, encoding_channels(e)}), "out must be [N, channels]");
        nb::gil_scoped_release release;
        encode(e, position.data(), n, out.data(), threads_of(threads));
    }, "planes"_a.none(), "grids"_a.none(), "levels"_a.none(), "which"_a, "position"_a, "out"_a.noconvert(), "threads"_a);

    m.def("encode_backward", [](const Maybe<Out> &planes, const Maybe<Out> &grids, const Levels *levels, unsigned which,
                                const In &position, const In &gradient, int threads) {
        Encoding e = make_encoding(planes, grids, levels, which);
        int64_t n = points(position);
        require(gradient.ndim() == 2 && int64_t(gradient.shape(0)) == n, "gradient must be [N, channels]");
        require(!planes || int64_t(gradient.shape(1)) == e.channels, "gradient must have the planes' channels");
        require(planes || int64_t(gradient.shape(1)) >= encoding_channels(e), "gradient must have the grids' channels");
        EncodingGradient into;
        if (planes) into.planes = planes->data();
        if (grids) into.grids = grids->data();
        if (!planes) require(int64_t(gradient.shape(1)) == encoding_channels(e), "gradient must be [N, L * F]");
        nb::gil_scoped_release release;
        encode_backward(e, into, position.data(), gradient.data(), n, threads_of(threads));
    }, "planes"_a.none(), "grids"_a.none(), "levels"_a.none(), "which"_a, "position"_a, "gradient"_a, "threads"_a);

    m.def("collapse_time", [](const Levels &l, float t, const std::vector<In> &tables, const Maybe<Array<const bool>> &footprint,
                              const Maybe<Array<const bool>> &before, const Out &out, int threads) {
        auto list = make_tables(tables, l);
        require(shaped(out, {int64_t(list.size()), l.plane_offset[l.levels], l.features}), "out must be [K, rows, F]");
        const uint8_t *pixels = nullptr, *written = nullptr;
        int size = 2;
        if (footprint) {
            require(shaped(*footprint, {int64_t(list.size()), -1, -1}) && footprint->shape(1) == footprint->shape(2) &&
                        footprint->shape(1) >= 2 && footprint->shape(1) <= 32768,
                    "footprint must be [K, P, P]");
            pixels = reinterpret_cast<const uint8_t *>(footprint->data());
            size = int(footprint->shape(1));
        }
        if (before) {
            require(footprint && shaped(*before, {int64_t(list.size()), size, size}), "before must be as footprint is");
            written = reinterpret_cast<const uint8_t *>(before->data());
        }
        nb::gil_scoped_release release;
        collapse_time(l, time_slice(l, t), list.data(), int(list.size()), pixels, written, size, out.data(), threads_of(threads));
    }, "levels"_a, "t"_a, "tables"_a, "footprint"_a.none(), "before"_a.none(), "out"_a.noconvert(), "threads"_a);
    m.def("collapse_time_backward", [](const Levels &l, float t, const In &gradient, const std::vector<Out> &tables, int threads) {
        auto list = make_tables(tables, l);
        require(shaped(gradient, {int64_t(list.size()), l.plane_offset[l.levels], l.features}), "gradient must be [K, rows, F]");
        nb::gil_scoped_release release;
        collapse_time_backward(l, time_slice(l, t), gradient.data(), list.data(), int(list.size()), threads_of(threads));
    }, "levels"_a, "t"_a, "gradient"_a, "tables"_a.noconvert(), "threads"_a);
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
        require(list.size() == 3 && shaped(gradient, {n, int64_t(l.levels) * l.features}), "three tables, gradient [N, L * F]");
        nb::gil_scoped_release release;
        hash_encode_backward(l, time_slice(l, t), list.data(), which, position.data(), gradient.data(), n, threads_of(threads));
    });

    m.def("pair_dot", [](const In &encoded, const Out &sigma, int threads) {
        require(encoded.ndim() == 2 && encoded.shape(1) % 2 == 0 && shaped(sigma, {int64_t(encoded.shape(0))}), "encoded must be [N, 2 C]");
        int64_t C = int64_t(encoded.shape(1)) / 2;
        nb::gil_scoped_release release;
        parallel_ranges(threads_of(threads), int64_t(encoded.shape(0)), 4096, [&](int64_t begin, int64_t end, int) {
            kernels().pair_dot(encoded.data() + begin * 2 * C, end - begin, int(C), sigma.data() + begin);
        });
    });
    m.def("pair_dot_backward", [](const In &encoded, const In &d_sigma, const Maybe<In> &d_feature, const Out &out, int threads) {
        require(encoded.ndim() == 2 && encoded.shape(1) % 2 == 0, "encoded must be [N, 2 C]");
        int64_t n = int64_t(encoded.shape(0)), C = int64_t(encoded.shape(1)) / 2;
        require(shaped(d_sigma, {n}) && shaped(out, {n, 2 * C}) && (!d_feature || shaped(*d_feature, {n, C})), "gradients of other sizes");
        const float *feature = d_feature ? d_feature->data() : nullptr;
        nb::gil_scoped_release release;
        parallel_ranges(threads_of(threads), n, 4096, [&](int64_t begin, int64_t end, int) {
            kernels().pair_dot_backward(encoded.data() + begin * 2 * C, d_sigma.data() + begin,
                                        feature ? feature + begin * C : nullptr, end - begin, int(C), out.data() + begin * 2 * C);
        });
    }, "encoded"_a, "d_sigma"_a, "d_feature"_a.none(), "out"_a.noconvert(), "threads"_a);

    m.def("density_lattice", [](const In &ab, const In &ac, const In &bc, const Out &sigma, int threads) {
        Lattice l = make_lattice(ab, ac, bc);
        require(shaped(sigma, {l.size[0], l.size[1], l.size[2]}), "sigma must be [A, B, D]");
        nb::gil_scoped_release release;
        density_lattice(l, sigma.data(), threads_of(threads));
    }, "ab"_a, "ac"_a, "bc"_a, "sigma"_a.noconvert(), "threads"_a);
    m.def("density_lattice_backward", [](const In &ab, const In &ac, const In &bc, const In &d_sigma, const Out &d_ab, const Out &d_ac,
                                         const Out &d_bc, int threads) {
        Lattice l = make_lattice(ab, ac, bc);
        require(shaped(d_sigma, {l.size[0], l.size[1], l.size[2]}), "d_sigma must be [A, B, D]");
        require(d_ab.size() == ab.size() && d_ac.size() == ac.size() && d_bc.size() == bc.size(), "gradients of other sizes");
        float *const into[3] = {d_ab.data(), d_ac.data(), d_bc.data()};
        nb::gil_scoped_release release;
        density_lattice_backward(l, d_sigma.data(), into, threads_of(threads));
    }, "ab"_a, "ac"_a, "bc"_a, "d_sigma"_a, "d_ab"_a.noconvert(), "d_ac"_a.noconvert(), "d_bc"_a.noconvert(), "threads"_a);
    m.def("opacity_sum", [](const In &sigma, const Array<const bool> &mask, float length, const Out &slope, int threads) {
        int64_t n = int64_t(sigma.size());
        require(int64_t(mask.size()) == n && int64_t(slope.size()) == n, "sigma, mask and slope of different sizes");
        nb::gil_scoped_release release;
        return opacity_sum(sigma.data(), reinterpret_cast<const uint8_t *>(mask.data()), n, length, slope.data(), threads_of(threads));
    }, "sigma"_a, "mask"_a, "length"_a, "slope"_a.noconvert(), "threads"_a);
    m.def("total_variation", [](const In &sigma, float length, const Out &slope, int threads) {
        require(sigma.ndim() == 3 && sigma.size() > 0 && sigma.size() < (size_t(1) << 31), "sigma must be [a, b, d], not empty");
        int size[3] = {int(sigma.shape(0)), int(sigma.shape(1)), int(sigma.shape(2))};
        require(shaped(slope, {size[0], size[1], size[2]}), "slope of another size");
        nb::gil_scoped_release release;
        return total_variation(sigma.data(), size, length, slope.data(), threads_of(threads));
    }, "sigma"_a, "length"_a, "slope"_a.noconvert(), "threads"_a);
    m.def("max_pool", [](const In &grid, const Out &out, int threads) {
        require(grid.ndim() == 3 && grid.size() > 0 && grid.size() < (size_t(1) << 31), "grid must be [a, b, d], not empty");
        int size[3] = {int(grid.shape(0)), int(grid.shape(1)), int(grid.shape(2))};
        require(shaped(out, {size[0], size[1], size[2]}), "out of another size");
        nb::gil_scoped_release release;
        max_pool(grid.data(), size, out.data(), threads_of(threads));
    }, "grid"_a, "out"_a.noconvert(), "threads"_a);

    m.def("mlp_maps", [](const In &first, const In &second, int size, bool overlap, const In &features, const In &views,
                         const Maybe<Index> &ray, const In &position, const Out &out, int threads) {
        Maps maps = make_maps(first, second, size, overlap, int(views.shape(1)));
        Samples samples = make_samples(features, views, ray, position);
        require(int64_t(features.shape(1)) == maps.features && shaped(out, {samples.count, 3}), "features or out of another size");
        nb::gil_scoped_release release;
        mlp_maps(maps, samples, out.data(), threads_of(threads));
    }, "first"_a, "second"_a, "size"_a, "overlap"_a, "features"_a, "views"_a, "ray"_a.none(), "position"_a, "out"_a.noconvert(), "threads"_a);
    m.def("mlp_maps_backward", [](const In &first, const In &second, int size, bool overlap, const In &features,
                                  const In &views, const Maybe<Index> &ray, const In &position, const In &d_out,
                                  const Out &d_features, const Out &d_first, const Out &d_second, int threads) {
        Maps maps = make_maps(first, second, size, overlap, int(views.shape(1)));
        Samples samples = make_samples(features, views, ray, position);
        require(int64_t(features.shape(1)) == maps.features && shaped(d_out, {samples.count, 3}), "features or d_out of another size");
        require(shaped(d_features, {samples.count, maps.features}) && d_first.size() == first.size() && d_second.size() == second.size(), "gradients of other sizes");
        nb::gil_scoped_release release;
        mlp_maps_backward(maps, samples, d_out.data(), d_features.data(), d_first.data(), d_second.data(), threads_of(threads));
    }, "first"_a, "second"_a, "size"_a, "overlap"_a, "features"_a, "views"_a, "ray"_a.none(), "position"_a, "d_out"_a,
       "d_features"_a.noconvert(), "d_first"_a.noconvert(), "d_second"_a.noconvert(), "threads"_a);

    m.def("convolve", [](const In &x, const Index &at, const Index &offset, const In &weight, const In &bias, float slope,
                         const Index &to, const Out &out, int threads) {
        Convolution c;
        require(shaped(x, {-1, -1}) && shaped(out, {-1, -1}) && x.shape(1) >= 1 && x.shape(1) <= 65536 && out.shape(1) >= 1 &&
                    out.shape(1) <= 65536 && offset.ndim() == 1 && offset.shape(0) >= 1 && offset.shape(0) <= 64,
                "x must be [rows, inputs], out [rows, outputs], offset [taps]");
        c.inputs = int(x.shape(1));
        c.outputs = int(out.shape(1));
        c.taps = int(offset.shape(0));
        require(shaped(weight, {(c.outputs + PANEL - 1) / PANEL, int64_t(c.taps) * c.inputs, PANEL}), "weights of another size");
        c.bias_rows = bias.ndim() == 2;
        require(c.bias_rows ? shaped(bias, {int64_t(out.shape(0)), c.outputs}) : shaped(bias, {c.outputs}), "bias of another size");
        int64_t n = int64_t(at.size()), low = 0, high = 0, rows = int64_t(x.shape(0));
        require(shaped(at, {n}) && shaped(to, {n}), "at and to must be [N]");
        for (int k = 0; k < c.taps; ++k) {
            low = std::min<int64_t>(low, offset.data()[k]);
            high = std::max<int64_t>(high, offset.data()[k]);
        }
        bool inside = true;
        for (int64_t i = 0; i < n; ++i)
            inside &= at.data()[i] >= -low && at.data()[i] < rows - high && to.data()[i] >= 0 && to.data()[i] < int64_t(out.shape(0));
        require(inside, "a place outside x or out");
        c.x = x.data();
        c.weight = weight.data();
        c.bias = bias.data();
        c.at = at.data();
        c.to = to.data();
        c.offset = offset.data();
        c.slope = slope;
        c.out = out.data();
        nb::gil_scoped_release release;
        convolve(c, n, threads_of(threads));
    }, "x"_a, "at"_a, "offset"_a, "weight"_a, "bias"_a, "slope"_a, "to"_a, "out"_a.noconvert(), "threads"_a);
    m.def("winograd_convolve", [](const In &x, int side, const Array<const bool> &mask, int first_row, int first_column,
                                 const In &weight, int tile, const In &bias, float slope, const Out &out, int to, int out_side,
                                 int step, int threads) {
        WinogradConv s;
        require(shaped(x, {-1, -1}) && shaped(out, {-1, -1}) && x.shape(1) >= 1 && x.shape(1) <= 65536 && out.shape(1) >= 1 &&
                    out.shape(1) <= 65536 && side >= 1 && side <= 32768 && shaped(x, {int64_t(side) * side, -1}),
                "x must be [side * side, inputs], out [rows, outputs]");
        s.inputs = int(x.shape(1));
        s.outputs = int(out.shape(1));
        require(tile == 2 || tile == 3, "tiles of 2 or 3");
        require(shaped(weight, {16, (s.outputs + PANEL - 1) / PANEL, s.inputs, PANEL}), "weights of another size");
        s.bias_rows = bias.ndim() == 2;
        require(s.bias_rows ? shaped(bias, {int64_t(out.shape(0)), s.outputs}) : shaped(bias, {s.outputs}), "bias of another size");
        require(mask.ndim() == 2 && mask.shape(0) == mask.shape(1) && mask.shape(0) <= 32768, "mask must be square");
        int64_t size = int64_t(mask.shape(0)), last = size ? size - 1 : 0;
        require(first_row >= 0 && first_column >= 0 && last + std::max(first_row, first_column) + 4 - tile < side, "a square outside x");
        require(step >= 1 && step <= 64 && out_side >= 1 && out_side <= 32768 && to >= 0 &&
                    (size == 0 || to + (last * out_side + last) * step < int64_t(out.shape(0))), "a place outside out");
        s.x = x.data();
        s.side = side;
        s.first_row = first_row;
        s.first_column = first_column;
        s.weight = weight.data();
        s.tile = tile;
        s.bias = bias.data();
        s.slope = slope;
        s.out = out.data();
        s.to = to;
        s.out_side = out_side;
        s.step = step;
        nb::gil_scoped_release release;
        winograd_convolve(s, reinterpret_cast<const uint8_t *>(mask.data()), int(size), threads_of(threads));
    }, "x"_a, "side"_a, "mask"_a, "first_row"_a, "first_column"_a, "weight"_a, "tile"_a, "bias"_a, "slope"_a,
       "out"_a.noconvert(), "to"_a, "out_side"_a, "step"_a, "threads"_a);
    m.def("march_intervals", &march);
    m.def("multiply_adds", [](int64_t rounds, int threads) {
        nb::gil_scoped_release release;
        return multiply_adds(rounds, threads_of(threads));
    });
    nb::class_<Cancel>(m, "Cancel").def(nb::init<>()).def("cancel", [](Cancel &c) { c.set = true; });
    nb::class_<Tracer>(m, "Tracer")
        .def("__init__", &make_tracer)
        .def("prepare_fast", [](Tracer &f, int threads) {
            nb::gil_scoped_release release;
            f.bricks = make_bricks(f.frame, threads_of(threads));
            f.half = make_half(f.frame.maps, threads);
        })
        .def("keep_fast", &keep_fast)
        .def_prop_ro("bytes", [](const Tracer &f) { return (f.bricks ? f.bricks->bytes() : 0) + int64_t(f.half.size()) * 2; })
        .def("render", &render_image, "ray"_a, "project"_a, "origin"_a, "offset"_a, "rgb"_a.noconvert(), "acc"_a.noconvert(), "depth"_a.noconvert(), "far"_a.noconvert(), "hit"_a.noconvert(),
             "fast"_a, "merge"_a, "min_weight"_a, "cancel"_a.none(), "threads"_a);
    m.def("adam", [](const Out &parameter, const Out &gradient, const Out &mean, const Out &square, float rate, float beta1,
                     float beta2, float epsilon, float correction1, float correction2, float clip, bool lazy, int threads) {
        int64_t n = int64_t(parameter.size());
        require(int64_t(gradient.size()) == n && int64_t(mean.size()) == n && int64_t(square.size()) == n, "adam: sizes differ");
        AdamStep step{rate, beta1, beta2, epsilon, correction1, correction2, clip, lazy};
        nb::gil_scoped_release release;
        parallel_ranges(threads_of(threads), n, 32768, [&](int64_t begin, int64_t end, int) {
            kernels().adam(parameter.data() + begin, gradient.data() + begin, mean.data() + begin, square.data() + begin,
                           end - begin, step);
        });
    }, "parameter"_a.noconvert(), "gradient"_a.noconvert(), "mean"_a.noconvert(), "square"_a.noconvert(), "rate"_a, "beta1"_a, "beta2"_a,
       "epsilon"_a, "correction1"_a, "correction2"_a, "clip"_a, "lazy"_a, "threads"_a);
    m.def("hull_depths", [](const In &origins, const In &directions, const In &near, const In &far, const In &box,
                            const Array<const bool> &hull, const In &jitter, const Maybe<In> &sigma, int bins, float uniform_share,
                            const Out &z, const Out &dist, const Array<bool> &hit, int threads) {
        int64_t n = points(origins);
        require(shaped(directions, {n, 3}) && shaped(near, {n}) && shaped(far, {n}) && shaped(hit, {n}), "rays of different numbers");
        require(shaped(jitter, {n, -1}) && jitter.shape(1) >= 1, "jitter must be [R, N]");
        int64_t count = int64_t(jitter.shape(1));
        require(shaped(z, {n, count}) && shaped(dist, {n, count}), "z and dist must be [R, N]");
        require(bins >= 1 && bins <= MAX_BINS, "1 to 1024 bins");
        HullSampling s;
        s.hull = make_grid(box, hull);
        require(hull.size() < (size_t(1) << 31) && (!sigma || sigma->size() < (size_t(1) << 31)), "a grid of 2^31 voxels or more");
        s.bins = bins;
        s.uniform_share = uniform_share;
        if (sigma) {
            require(sigma->ndim() == 3, "sigma must be [a, b, d]");
            for (int a = 0; a < 3; ++a) {
                require(sigma->shape(size_t(a)) >= 1 && sigma->shape(size_t(a)) <= 2048, "sigma of 1 to 2048 a side");
                s.size[a] = int(sigma->shape(size_t(a)));
            }
            s.sigma = sigma->data();
        }
        nb::gil_scoped_release release;
        parallel_ranges(threads_of(threads), n, 64, [&](int64_t begin, int64_t end, int) {
            for (int64_t i = begin; i < end; ++i)
                hit.data()[i] = hull_depths(s, origins.data() + 3 * i, directions.data() + 3 * i, near.data()[i], far.data()[i],
                                            jitter.data() + i * count, int(count), z.data() + i * count, dist.data() + i * count);
        });
    }, "origins"_a, "directions"_a, "near"_a, "far"_a, "box"_a, "hull"_a, "jitter"_a, "sigma"_a.none(), "bins"_a, "uniform_share"_a,
       "z"_a.noconvert(), "dist"_a.noconvert(), "hit"_a.noconvert(), "threads"_a);
}
