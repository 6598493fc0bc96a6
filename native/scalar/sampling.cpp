// Samples of training rays: drawn from a distribution over bins (method.md 11). Compiled without fused operations, as
// march.cpp is.
#include <algorithm>

#include "kernels/dispatch.h"
#include "scalar/rays.h"

namespace dymap {
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

bool sample_ray(const HullSampling &s, const float *origin, const float *direction, float near, float far,
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
