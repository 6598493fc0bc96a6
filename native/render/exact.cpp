// Exact images, some samples of every ray at a time. Compiled without fused operations, so that samples are those of
// the plain implementation.
#include "render/exact.h"

#include <algorithm>

#include "kernels/dispatch.h"

namespace dymap {
namespace {

constexpr int ROUND = 4;  // samples of a ray between two looks at its transmittance, at least

}  // namespace

ExactTracing::ExactTracing(const TracedFrame &frame, const float *origin, float min_weight, Shading &shading)
    : frame_(frame),
      min_weight_(min_weight),
      shading_(shading),
      sample_ray_(SAMPLES),
      position_(3 * SAMPLES),
      start_(SAMPLES),
      end_(SAMPLES),
      encoded_(size_t(SAMPLES) * size_t(frame.encoding.channels)),
      sigma_(SAMPLES) {
    for (int a = 0; a < 3; ++a) {
        origin_[a] = origin[a];
        extent_[a] = frame.grid.box[3 + a] - frame.grid.box[a];
    }
}

void ExactTracing::trace(Ray *rays, int count) {
    std::vector<int> &live = live_;
    live.resize(size_t(count));
    for (int i = 0; i < count; ++i) live[size_t(i)] = i;
    while (!live.empty()) {
        int round = std::min(2 * ROUND, std::max(ROUND, 256 / int(live.size())));
        int n = 0;
        size_t kept = 0;
        for (size_t k = 0; k < live.size(); ++k) {
            Ray &ray = rays[live[k]];
            int found = march_ray(frame_.grid, origin_, ray.direction, ray.t, ray.far, frame_.step, round,
                                  start_.data() + n, end_.data() + n);
            for (int s = n; s < n + found; ++s) {
                sample_ray_[size_t(s)] = live[k];
                box_position(origin_, ray, (start_[size_t(s)] + end_[size_t(s)]) / 2, frame_.grid.box, extent_,
                             position_.data() + 3 * s);
            }
            n += found;
            if (found == round) live[kept++] = live[k];  // not at its end yet
            if (n + round > SAMPLES || k + 1 == live.size()) {
                composite(rays, n);
                n = 0;
            }
        }
        live.resize(kept);
        live.erase(std::remove_if(live.begin(), live.end(),
                                  [rays](int i) { return rays[i].transmittance < MIN_TRANSMITTANCE; }),
                   live.end());
    }
}

void ExactTracing::composite(Ray *rays, int n) {
    if (n == 0) return;
    const Encoding &e = frame_.encoding;
    kernels().encode(e, position_.data(), n, encoded_.data());
    kernels().pair_dot(encoded_.data(), n, e.channels / 2, sigma_.data());
    kernels().opacity(sigma_.data(), frame_.step, n, sigma_.data());
    densities += n;
    for (int s = 0; s < n; ++s) {
        Ray &ray = rays[sample_ray_[size_t(s)]];
        float alpha = sigma_[size_t(s)], weight = alpha * ray.transmittance;
        ray.transmittance *= 1 - alpha;
        if (!(weight > min_weight_)) continue;
        ray.acc += weight;
        ray.depth += weight * ((start_[size_t(s)] + end_[size_t(s)]) / 2);
        shading_.add(ray, weight, position_.data() + 3 * s, encoded_.data() + int64_t(s) * e.channels);
    }
}

}  // namespace dymap
