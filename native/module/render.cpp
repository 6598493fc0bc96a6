// Whole images of a frame.
#include <nanobind/stl/string.h>

#include <atomic>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "kernels/dispatch.h"
#include "module/bind.h"
#include "module/checks.h"
#include "render/bricks.h"
#include "render/render.h"

namespace dymap {
namespace {

/// A flag that stops a render between two tiles, from any thread.
struct Cancel {
    std::atomic<bool> set{false};
};

/// A frame's tensors, held while it is rendered, and what was worked out from them for all images. Images read it only,
/// so that several threads may render at once.
struct Tracer {
    In planes, grids, first, second, box;
    Array<const bool> occupied;
    TracedFrame frame;
    std::vector<Voxel> surface;
    std::optional<Bricks> bricks;
    std::vector<uint16_t> half;

    int64_t bytes() const {
        return int64_t(surface.size() * sizeof(Voxel) + half.size() * sizeof(uint16_t)) +
               (bricks ? bricks->bytes() : 0);
    }
};

/// What only the exact image needs is let go.
void keep_fast(Tracer &f) {
    require(bool(f.bricks), "nothing to keep");
    f.planes = f.grids = In();
    f.frame.encoding.planes = f.frame.encoding.grids = nullptr;
}

void make_tracer(Tracer *self, const In &planes, const In &grids, const Levels &levels, const In &first,
                 const In &second, int map_size, bool overlap, const std::string &directions, int degree, const In &box,
                 const Array<const bool> &occupied, float step) {
    new (self) Tracer{planes, grids, first, second, box, occupied, {}, {}, {}, {}};
    TracedFrame &s = self->frame;
    s.encoding = make_encoding<In>(planes, grids, &levels, 7);
    require(directions == "fourier" || directions == "sh", "directions must be fourier or sh");
    s.directions = directions == "sh" ? Directions::spherical_harmonics : Directions::fourier;
    s.degree = degree;
    require(degree >= 0 && degree <= (directions == "sh" ? 4 : 20), "a degree beyond the embedding's");
    s.maps = make_maps(first, second, map_size, overlap, directions == "sh" ? degree * degree : 3 * (2 * degree + 1));
    require(s.encoding.channels == 2 * s.maps.features, "planes must have twice the features of the networks");
    s.grid = make_grid(box, occupied);
    require_box(s.grid);
    require(step > 0 && step < 1e6f, "a step that is not above zero");
    for (int a = 0; a < 3; ++a) require((s.grid.box[3 + a] - s.grid.box[a]) / step < 16384, "a step far below the box");
    s.step = step;
    self->surface = surface_voxels(s.grid);
}

nb::tuple render_image(const Tracer &tracer,
                       const nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu> &ray,
                       const nb::ndarray<const double, nb::shape<3, 3>, nb::c_contig, nb::device::cpu> &project,
                       const nb::ndarray<const double, nb::shape<3>, nb::c_contig, nb::device::cpu> &origin,
                       double offset, const Out &rgb, const Out &acc, const Out &depth, const Out &far,
                       const Array<bool> &hit, int height, int first, bool fast, int merge, float min_weight,
                       const Cancel *cancel, int threads) {
    View view;
    std::copy_n(ray.data(), 9, view.ray);
    std::copy_n(project.data(), 9, view.project);
    std::copy_n(origin.data(), 3, view.origin);
    view.offset = offset;
    bool fine = std::isfinite(offset);
    for (int i = 0; i < 9; ++i) fine &= std::isfinite(view.ray[i]) && std::isfinite(view.project[i]);
    for (double x : view.origin) fine &= std::fabs(x) <= 1e30;
    require(fine, "a camera that is not finite");
    require(acc.ndim() == 2 && acc.shape(0) >= 1 && acc.shape(1) >= 1 && height <= 65536 && acc.shape(1) <= 16384,
            "an image of another size");
    view.height = height;
    view.width = int(acc.shape(1));
    int64_t h = int64_t(acc.shape(0)), w = view.width;
    require(first >= 0 && first % BLOCK == 0 && h <= height - first && (h % BLOCK == 0 || h == height - first),
            "rows that are no whole blocks of the image");
    require(shaped(rgb, {h, w, 3}) && shaped(depth, {h, w}) && shaped(far, {h, w}) && shaped(hit, {h, w}),
            "images of different sizes");
    require(fast ? bool(tracer.bricks) : tracer.frame.encoding.planes != nullptr, "this tracer was not made for that");
    require(merge >= 1 && min_weight >= 0, "merge or min_weight");
    RenderReport report;
    {
        nb::gil_scoped_release release;
        TracedFrame frame = tracer.frame;
        if (fast && kernels().half && !tracer.half.empty()) frame.maps.half_first = tracer.half.data();
        report = render(frame, tracer.surface, view, {first, first + int(h)}, fast ? &*tracer.bricks : nullptr,
                        {merge, min_weight}, {rgb.data(), acc.data(), depth.data(), far.data(), hit.data()},
                        cancel ? &cancel->set : nullptr, threads_of(threads));
    }
    return nb::make_tuple(report.tiles, report.finished, report.densities, report.colours);
}

}  // namespace

void bind_render(nb::module_ &m) {
    nb::class_<Cancel>(m, "Cancel").def(nb::init<>()).def("cancel", [](Cancel &c) { c.set = true; });
    nb::class_<Tracer>(m, "Tracer")
        .def("__init__", &make_tracer)
        .def("prepare_fast",
             [](Tracer &f, int threads) {
                 nb::gil_scoped_release release;
                 f.bricks = make_bricks(f.frame, threads_of(threads));
                 f.half = make_half(f.frame.maps, threads);
             })
        .def("keep_fast", &keep_fast)
        .def_prop_ro("bytes", &Tracer::bytes)
        .def("render", &render_image, "ray"_a, "project"_a, "origin"_a, "offset"_a, "rgb"_a.noconvert(),
             "acc"_a.noconvert(), "depth"_a.noconvert(), "far"_a.noconvert(), "hit"_a.noconvert(), "height"_a,
             "first"_a, "fast"_a, "merge"_a, "min_weight"_a, "cancel"_a.none(), "threads"_a);
}

}  // namespace dymap
