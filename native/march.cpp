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

/// Flat voxels, of a grid of n voxels over a box, in the middles of the bins of a ray.
void voxels_along(const float *box, const int *n, const float *origin, const float *direction, float near, float width,
                  int bins, int32_t *flat) {
    float o[3], d[3];
    for (int a = 0; a < 3; ++a) {
        float scale = float(n[a]) / (box[3 + a] - box[a]);
        o[a] = (origin[a] - box[a]) * scale;
        d[a] = direction[a] * scale;
    }
    kernels().ray_voxels(o, d, n, near, width, bins, flat);
}

/// The bins of a ray with what sampling needs: a distribution, as sums up to each bin's end, and the lengths that lie
/// inside the hull up to there.
struct Bins {
    int count;
    float near, width;
    float cdf[MAX_BINS], length[MAX_BINS];

    /// Depth where the cdf reaches u, and the length inside the hull up to there. bin: where to look from on, moves on;
    /// u must not fall from call to call.
    void invert_cdf(float u, int &bin, float &depth, float &inside) const {
        while (bin < count - 1 && cdf[bin] <= u) ++bin;
        float below = bin ? cdf[bin - 1] : 0, before = bin ? length[bin - 1] : 0;
        float share = (u - below) / std::max(cdf[bin] - below, 1e-10f);
        share = std::min(std::max(share, 0.0f), 1.0f);
        depth = near + (float(bin) + share) * width;
        inside = before + share * (length[bin] - before);
    }
};

}  // namespace

bool hull_depths(const HullSampling &s, const float *origin, const float *direction, float near, float far,
                 const float *jitter, int count, float *z, float *dist) {
    Bins bins;
    bins.count = s.bins;
    bins.near = near;
    const float width = bins.width = (far - near) / float(s.bins);
    float pdf[MAX_BINS] = {0};
    bool mask[MAX_BINS];
    int32_t voxel[MAX_BINS];
    voxels_along(s.hull.box, s.hull.size, origin, direction, near, width, s.bins, voxel);
    int total = 0, first = s.bins, last = 0;  // there is nothing before the first bin inside, and from `last` on
    for (int i = 0; i < s.bins; ++i) {
        mask[i] = s.hull.occupied[voxel[i]];
        total += mask[i];
        if (!mask[i]) continue;
        first = std::min(first, i);
        last = i + 1;
    }
    float uniform = total ? 1 / float(total) : 0;
    for (int i = first; i < last; ++i) pdf[i] = mask[i] ? uniform : 0;
    if (s.sigma) {
        float weights[MAX_BINS], alpha[MAX_BINS], transmittance = 1, sum = 0;
        voxels_along(s.hull.box, s.size, origin, direction, near, width, s.bins, voxel);
        for (int i = first; i < last; ++i) weights[i] = mask[i] ? s.sigma[voxel[i]] : 0;  // densities, at first
        if (first < last) kernels().opacity(weights + first, width, last - first, alpha + first);
        for (int i = first; i < last; ++i) {
            weights[i] = alpha[i] * transmittance;
            transmittance *= 1 - alpha[i] + 1e-10f;
            sum += weights[i];
        }
        float rest = s.uniform_share + (1 - s.uniform_share) * (1 - sum);
        for (int i = first; i < last; ++i) pdf[i] = pdf[i] * rest + (1 - s.uniform_share) * weights[i];
    }
    float sum = 0, inside = 0;
    for (int i = 0; i < s.bins; ++i) {
        sum += pdf[i];
        bins.cdf[i] = sum;
        inside += mask[i] ? width : 0;
        bins.length[i] = inside;
    }
    float scale = 1 / std::max(sum, 1e-10f);
    for (int i = 0; i < s.bins; ++i) bins.cdf[i] *= scale;
    float unused, before, after;
    int bin = 0;
    for (int k = 0; k < count; ++k) bins.invert_cdf((float(k) + jitter[k]) / float(count), bin, z[k], unused);
    bin = 0;
    bins.invert_cdf(0, bin, unused, before);
    for (int k = 0; k < count; ++k) {
        bins.invert_cdf(float(k + 1) / float(count), bin, unused, after);
        dist[k] = after - before;
        before = after;
    }
    return total > 0;
}

}  // namespace dymap
