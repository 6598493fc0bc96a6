// Marching through an occupancy grid (method.md 8). Compiled without fused operations: a sample lies in the voxel that
// the plain implementation puts it in.
#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "ops.h"

namespace dymap {

int march_ray(const Grid &g, const float *origin, const float *direction, float &t, float t_max, float step, int limit,
              float *starts, float *ends) {
    // The ray in box coordinates scaled to voxels: distances to faces become differences of integers.
    float o[3], d[3];
    for (int a = 0; a < 3; ++a) {
        float extent = g.box[3 + a] - g.box[a];
        o[a] = (origin[a] - g.box[a]) / extent * float(g.size[a]);
        d[a] = direction[a] / extent * float(g.size[a]);
        if (std::fabs(d[a]) < 1e-12f) d[a] = 1e-12f;
    }
    int count = 0;
    float start = t, end = t + step;
    if (!(t + step / 2 < t_max)) return 0;
    while (true) {
        if (!(end > start)) return count;  // no number, or so far away that a step is lost in rounding: no way ahead
        float mid = (start + end) / 2, p[3], target = INFINITY;
        bool inside = true;
        int64_t voxel = 0;
        for (int a = 0; a < 3; ++a) {
            p[a] = o[a] + mid * d[a];
            inside &= p[a] >= 0 && p[a] <= float(g.size[a]);
            float clamped = p[a] > 0 ? (p[a] < float(g.size[a]) ? p[a] : float(g.size[a] - 1)) : 0;
            voxel = voxel * g.size[a] + int64_t(clamped);
        }
        if (inside && g.occupied[voxel]) {
            starts[count] = start;
            ends[count] = end;
            ++count;
            start = end;
            end = end + step;
        } else {
            for (int a = 0; a < 3; ++a)
                target = std::min(target, ((std::floor(p[a]) + (d[a] > 0 ? 1.0f : 0.0f)) - p[a]) / d[a]);
            target = mid + target;
            float ahead = mid + step;
            while (ahead < target && ahead < t_max && ahead + step > ahead) ahead = ahead + step;
            start = ahead - step / 2;
            end = ahead + step / 2;
        }
        t = start;
        if (count == limit || !((start + end) / 2 < t_max)) return count;
    }
}

namespace {

/// Flat voxels, of a grid of n voxels over a box, in the middles of the pieces of a ray.
void voxels_along(const float *box, const int *n, const float *origin, const float *direction, float near, float width,
                  int pieces, int32_t *flat) {
    float o[3], d[3];
    for (int a = 0; a < 3; ++a) {
        float scale = float(n[a]) / (box[3 + a] - box[a]);
        o[a] = (origin[a] - box[a]) * scale;
        d[a] = direction[a] * scale;
    }
    kernels().ray_voxels(o, d, n, near, width, pieces, flat);
}

}  // namespace

bool hull_depths(const HullSampling &s, const float *origin, const float *direction, float near, float far,
                 const float *jitter, int count, float *z, float *dist) {
    const int pieces = s.pieces;
    float width = (far - near) / float(pieces), mass[MAX_PIECES] = {0}, length[MAX_PIECES];
    bool inside[MAX_PIECES];
    int32_t voxel[MAX_PIECES];
    voxels_along(s.hull.box, s.hull.size, origin, direction, near, width, pieces, voxel);
    int total = 0, first = pieces, last = 0;  // there is nothing before the first piece inside, and from `last` on
    for (int i = 0; i < pieces; ++i) {
        inside[i] = s.hull.occupied[voxel[i]];
        total += inside[i];
        if (!inside[i]) continue;
        first = std::min(first, i);
        last = i + 1;
    }
    float even = total ? 1 / float(total) : 0;
    for (int i = first; i < last; ++i) mass[i] = inside[i] ? even : 0;
    if (s.sigma) {
        float seen[MAX_PIECES], alpha[MAX_PIECES], transmittance = 1, sum = 0;
        voxels_along(s.hull.box, s.size, origin, direction, near, width, pieces, voxel);
        for (int i = first; i < last; ++i) seen[i] = inside[i] ? s.sigma[voxel[i]] : 0;
        if (first < last) kernels().opacity(seen + first, width, last - first, alpha + first);
        for (int i = first; i < last; ++i) {
            seen[i] = alpha[i] * transmittance;
            transmittance *= 1 - alpha[i] + 1e-10f;
            sum += seen[i];
        }
        float rest = s.explore + (1 - s.explore) * (1 - sum);
        for (int i = first; i < last; ++i) mass[i] = mass[i] * rest + (1 - s.explore) * seen[i];
    }
    float upto = 0, within = 0;
    for (int i = 0; i < pieces; ++i) {  // both become running sums
        upto += mass[i];
        mass[i] = upto;
        within += inside[i] ? width : 0;
        length[i] = within;
    }
    float scale = 1 / std::max(upto, 1e-10f);
    for (int i = 0; i < pieces; ++i) mass[i] *= scale;
    // Depth, and length inside the hull, where the running mass reaches u; u never falls.
    int piece = 0;
    auto invert = [&](float u, float &depth, float &covered) {
        while (piece < pieces - 1 && mass[piece] <= u) ++piece;
        float below = piece ? mass[piece - 1] : 0, inner = piece ? length[piece - 1] : 0;
        float share = (u - below) / std::max(mass[piece] - below, 1e-10f);
        share = std::min(std::max(share, 0.0f), 1.0f);
        depth = near + (float(piece) + share) * width;
        covered = inner + share * (length[piece] - inner);
    };
    float unused, before, after;
    for (int k = 0; k < count; ++k) invert((float(k) + jitter[k]) / float(count), z[k], unused);
    piece = 0;
    invert(0, unused, before);
    for (int k = 0; k < count; ++k) {
        invert(float(k + 1) / float(count), unused, after);
        dist[k] = after - before;
        before = after;
    }
    return total > 0;
}

}  // namespace dymap
