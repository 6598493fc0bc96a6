// Fast images: densities and features come from bricks, and neighbouring samples share a colour.
#pragma once
#include <cstdint>

#include "kernels/kernels.h"
#include "render/bricks.h"
#include "render/frame.h"
#include "render/rays.h"
#include "render/render.h"
#include "render/shading.h"

namespace dymap {

/// Consecutive samples of a ray that share one colour, taken at their mean depth.
struct MergedSample {
    int count = 0;
    float weight = 0, weighted = 0, heaviest = 0, best = 0, last = 0;
    void add(float w, float mid) {
        ++count;
        weight += w;
        weighted += w * mid;
        last = mid;
        if (w > heaviest) heaviest = w, best = mid;
    }
};

/// One thread's rays through the bricks.
class FastTracing {
  public:
    FastTracing(const TracedFrame &, const Bricks &, const float *origin, const Shortcuts &, Shading &);

    /// One ray until it has left the box or is opaque. skip: a depth before which there is nothing.
    void trace(Ray &ray, float skip);

    int64_t densities = 0;  // worked out so far

  private:
    void add_merged(Ray &ray, MergedSample &merged);
    bool has_tiles(const float *position) const;

    const TracedFrame &frame_;
    const Shortcuts &cuts_;
    Shading &shading_;
    float origin_[3], extent_[3], to_lattice_[3];
    FeatureTiles tiles_;
    BrickField field_;
    decltype(Kernels::walk) kernel_;
};

}  // namespace dymap
