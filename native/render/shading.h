// Colours of samples that are seen, many at once: those of several rays and tiles wait until there are enough.
#pragma once
#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "render/bricks.h"
#include "render/frame.h"
#include "render/rays.h"

namespace dymap {

constexpr int SAMPLES = 2048;  // worked on at once

/// One thread's samples that wait for their colours.
class Shading {
  public:
    /// bricks: features come from their tiles; null: every sample brings its own. rgb: the image [H, W, 3].
    Shading(const TracedFrame &, const Bricks *bricks, float *rgb);

    /// A sample of a ray. position: [3] in box coordinates; features: [C], null: from the tiles of the bricks.
    void add(const Ray &ray, float weight, const float *position, const float *features) {
        if (count_ == SAMPLES) flush();
        if (last_pixel_ != ray.pixel) {
            last_pixel_ = ray.pixel;
            std::memcpy(directions_.data() + 3 * size_t(view_count_++), ray.direction, 3 * sizeof(float));
        }
        size_t at = size_t(count_++);
        std::memcpy(position_.data() + 3 * at, position, 3 * sizeof(float));
        if (features) std::memcpy(features_.data() + at * channels_, features, sizeof(float) * channels_);
        weight_[at] = weight;
        pixel_[at] = ray.pixel;
        view_[at] = view_count_ - 1;
    }

    /// Adds to the weight of the sample before, if that is of this pixel and still waits.
    bool add_to_last(int pixel, float weight) {
        if (count_ == 0 || pixel_[size_t(count_) - 1] != pixel) return false;
        weight_[size_t(count_) - 1] += weight;
        return true;
    }

    /// Colours of the samples that wait.
    void flush();

    int64_t colours = 0;  // worked out so far

  private:
    bool narrow_views();

    const TracedFrame &frame_;
    bool has_tiles_;
    FeatureTiles tiles_;
    float *image_;
    size_t channels_;
    int count_ = 0, view_count_ = 0, last_pixel_ = -1;
    std::vector<float> features_, position_, weight_;
    std::vector<int> pixel_;
    std::vector<int32_t> view_;
    std::vector<float> directions_, offset_, slope_, views_, rgb_;
    std::vector<char> scratch_;
};

}  // namespace dymap
