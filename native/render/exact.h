// Exact images: all samples that the marching renderer takes (method.md 8).
#pragma once
#include <cstdint>
#include <vector>

#include "render/frame.h"
#include "render/rays.h"
#include "render/shading.h"

namespace dymap {

/// One thread's rays through the occupancy grid.
class ExactTracing {
  public:
    /// min_weight: lighter samples are not seen.
    ExactTracing(const TracedFrame &, const float *origin, float min_weight, Shading &);

    /// All rays of a tile, some samples each at a time, until they have left the box or are opaque.
    void trace(Ray *rays, int count);

    int64_t densities = 0;  // worked out so far

  private:
    /// Densities, opacities and weights of n samples in order along their rays; those that are seen go on to colour.
    void composite(Ray *rays, int n);

    const TracedFrame &frame_;
    float origin_[3], extent_[3], min_weight_;
    Shading &shading_;
    std::vector<int> live_, sample_ray_;
    std::vector<float> position_, start_, end_, encoded_, sigma_;
};

}  // namespace dymap
