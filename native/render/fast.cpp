// Fast images, ray by ray. Compiled without fused operations, as exact.cpp is.
#include "render/fast.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"

namespace dymap {
namespace {

constexpr float MOST_STEPS = 65536;  // of a ray in the box, and more
constexpr int MOST_LANES = 16;
// Weights: so light that samples may share a colour with twice as many, or with those before them; and so heavy that
// they share none.
constexpr float LIGHT = 1 / 8.0f, FAINT = 1 / 32.0f, HEAVY = 0.4f;

}  // namespace

FastTracing::FastTracing(const TracedFrame &frame, const Bricks &bricks, const float *origin, const Shortcuts &cuts,
                         Shading &shading)
    : frame_(frame),
      cuts_(cuts),
      shading_(shading),
      tiles_(feature_tiles(bricks, frame.maps.features)),
      kernel_(kernels().walk) {
    field_.index = bricks.index.data();
    field_.sigma = bricks.sigma.data();
    field_.occupied = frame.grid.occupied;
    field_.step = frame.step;
    for (int a = 0; a < 3; ++a) {
        origin_[a] = origin[a];
        extent_[a] = frame.grid.box[3 + a] - frame.grid.box[a];
        to_lattice_[a] = 1 / (extent_[a] * bricks.cell[a]);
        field_.size[a] = bricks.size[a];
        field_.grid[a] = frame.grid.size[a];
        field_.to_voxel[a] = bricks.cell[a] * float(frame.grid.size[a]);
    }
}

void FastTracing::trace(Ray &ray, float skip) {
    const float step = frame_.step;
    RayWalk way;
    for (int a = 0; a < 3; ++a) {
        way.origin[a] = (origin_[a] - frame_.grid.box[a]) * to_lattice_[a];
        way.direction[a] = ray.direction[a] * to_lattice_[a];
        if (std::fabs(way.direction[a]) < 1e-12f) way.direction[a] = 1e-12f;
        way.inverse[a] = 1 / way.direction[a];
    }
    way.near = ray.near;
    way.far = ray.far;
    // Samples k with near + (k + 1/2) step < far. From so far away that rounding is coarser than the box, far - near
    // is anything.
    way.last = whole((ray.far - ray.near) / step - 0.5f, MOST_STEPS) + 1;
    way.next = std::max(0, whole((skip - ray.near) / step, MOST_STEPS) - 1);
    way.densities = 0;
    MergedSample merged;
    float alphas[MOST_LANES];
    while (int count = kernel_(field_, way, alphas)) {
        for (int l = 0; l < count; ++l) {
            float alpha = alphas[l], weight = alpha * ray.transmittance;
            ray.transmittance *= 1 - alpha;
            if (!(weight > cuts_.min_weight)) continue;
            float mid = ray.near + (float(way.next - count + l) + 0.5f) * step;
            int most = merged.weight < LIGHT ? 2 * cuts_.merge : cuts_.merge;
            bool heavy = merged.weight + weight > HEAVY, apart = mid - merged.last > 1.5f * step;
            if (merged.count && (merged.count >= most || heavy || apart)) add_merged(ray, merged);
            merged.add(weight, mid);
            if (ray.transmittance < MIN_TRANSMITTANCE) break;
        }
        if (ray.transmittance < MIN_TRANSMITTANCE) break;
    }
    densities += way.densities;
    if (!merged.count) return;
    // The last samples take the colour before theirs if they hardly show.
    if (merged.weight < FAINT && cuts_.merge > 1 && shading_.add_to_last(ray.pixel, merged.weight)) {
        ray.acc += merged.weight;
        ray.depth += merged.weighted;
        return;
    }
    add_merged(ray, merged);
}

void FastTracing::add_merged(Ray &ray, MergedSample &merged) {
    float position[3], mid = merged.weighted / merged.weight;
    box_position(origin_, ray, mid, frame_.grid.box, extent_, position);
    if (!has_tiles(position)) box_position(origin_, ray, merged.best, frame_.grid.box, extent_, position);
    ray.acc += merged.weight;
    ray.depth += merged.weight * mid;
    shading_.add(ray, merged.weight, position, nullptr);
    merged = {};
}

bool FastTracing::has_tiles(const float *position) const {
    int tile[3];
    for (int a = 0; a < 3; ++a)
        tile[a] = whole(position[a] * tiles_.scale[a], float(tiles_.size[a] * BRICK - 1)) / BRICK;
    for (int p = 0; p < 3; ++p)
        if (tiles_.number[p][tile[PLANE_AXES[p][0]] * tiles_.size[PLANE_AXES[p][1]] + tile[PLANE_AXES[p][1]]] < 0)
            return false;
    return true;
}

}  // namespace dymap
