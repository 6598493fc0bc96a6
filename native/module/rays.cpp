// Rays through grids: marching, and the depths of training samples.
#include "module/bind.h"
#include "module/checks.h"

namespace dymap {
namespace {

Rays make_rays(const In &origins, const In &directions, const In &near, const In &far) {
    Rays rays;
    rays.count = points(origins);
    require(shaped(directions, {rays.count, 3}) && shaped(near, {rays.count}) && shaped(far, {rays.count}),
            "rays of different numbers");
    rays.origins = origins.data(), rays.directions = directions.data(), rays.near = near.data(), rays.far = far.data();
    return rays;
}

}  // namespace

void bind_rays(nb::module_ &m) {
    m.def("march_intervals", [](const In &origins, const In &directions, const In &t, const In &t_max, const In &box,
                                const Array<const bool> &grid, float step, int limit, const Out &intervals,
                                const Array<int64_t> &counts, const Out &reached, int threads) {
        Rays rays = make_rays(origins, directions, t, t_max);
        require(step > 0 && limit >= 1 && limit <= MAX_INTERVALS, "march: step or limit");
        require(
            shaped(reached, {rays.count}) && shaped(counts, {rays.count}) && shaped(intervals, {rays.count, limit, 2}),
            "rays of different numbers");
        Grid g = make_grid(box, grid, 65536);
        nb::gil_scoped_release release;
        march_intervals(g, rays, step, limit, intervals.data(), counts.data(), reached.data(), threads_of(threads));
    });
    m.def(
        "hull_depths",
        [](const In &origins, const In &directions, const In &near, const In &far, const In &box,
           const Array<const bool> &hull, const In &jitter, const Maybe<In> &sigma, int bins, float uniform_share,
           const Out &z, const Out &dist, const Array<bool> &hit, int threads) {
            Rays rays = make_rays(origins, directions, near, far);
            require(shaped(hit, {rays.count}), "rays of different numbers");
            require(shaped(jitter, {rays.count, -1}) && jitter.shape(1) >= 1, "jitter must be [R, N]");
            int64_t count = int64_t(jitter.shape(1));
            require(count < (int64_t(1) << 31), "too many samples a ray");
            require(shaped(z, {rays.count, count}) && shaped(dist, {rays.count, count}), "z and dist must be [R, N]");
            require(bins >= 1 && bins <= MAX_BINS, "1 to 1024 bins");
            HullSampling s;
            s.hull = make_grid(box, hull);
            require_box(s.hull);
            require(hull.size() < (size_t(1) << 31) && (!sigma || sigma->size() < (size_t(1) << 31)),
                    "a grid of 2^31 voxels or more");
            s.bins = bins;
            s.uniform_share = uniform_share;
            if (sigma) {
                require(sigma->ndim() == 3, "sigma must be [a, b, d]");
                for (int a = 0; a < 3; ++a) {
                    require(sigma->shape(size_t(a)) >= 1 && sigma->shape(size_t(a)) <= 2048,
                            "sigma of 1 to 2048 a side");
                    s.size[a] = int(sigma->shape(size_t(a)));
                }
                s.sigma = sigma->data();
            }
            nb::gil_scoped_release release;
            hull_depths(s, rays, jitter.data(), int(count), z.data(), dist.data(), hit.data(), threads_of(threads));
        },
        "origins"_a, "directions"_a, "near"_a, "far"_a, "box"_a, "hull"_a, "jitter"_a, "sigma"_a.none(), "bins"_a,
        "uniform_share"_a, "z"_a.noconvert(), "dist"_a.noconvert(), "hit"_a.noconvert(), "threads"_a);
}

}  // namespace dymap
