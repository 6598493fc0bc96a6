// Colours: features, embedded viewing directions and networks of the samples that wait (method.md 3).
#include "render/shading.h"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.h"

namespace dymap {
namespace {

constexpr float NARROW = 0.12f;  // directions so close together add to the networks linearly

/// Embedded viewing direction (method.md 3).
void embed(Directions kind, int degree, const float *d, float *out) {
    if (kind == Directions::fourier) {
        for (int a = 0; a < 3; ++a) {
            *out++ = d[a];
            for (int f = 0; f < degree; ++f) out[f] = std::cos(d[a] * float(1 << f));
            out += degree;
            for (int f = 0; f < degree; ++f) out[f] = std::sin(d[a] * float(1 << f));
            out += degree;
        }
        return;
    }
    float x = d[0], y = d[1], z = d[2];
    const float bands[16] = {0.28209479f,
                             -0.48860251f * y,
                             0.48860251f * z,
                             -0.48860251f * x,
                             1.09254843f * x * y,
                             -1.09254843f * y * z,
                             0.94617470f * z * z - 0.31539157f,
                             -1.09254843f * x * z,
                             0.54627422f * (x * x - y * y),
                             -0.59004359f * y * (3 * x * x - y * y),
                             2.89061144f * x * y * z,
                             0.45704580f * y * (1 - 5 * z * z),
                             0.37317633f * z * (5 * z * z - 3),
                             0.45704580f * x * (1 - 5 * z * z),
                             1.44530572f * z * (x * x - y * y),
                             0.59004359f * x * (-x * x + 3 * y * y)};
    std::memcpy(out, bands, sizeof(float) * size_t(degree * degree));
}

}  // namespace

Shading::Shading(const TracedFrame &frame, const Bricks *bricks, float *rgb)
    : frame_(frame),
      has_tiles_(bricks),
      image_(rgb),
      channels_(size_t(frame.maps.features)),
      features_(SAMPLES * channels_),
      position_(3 * SAMPLES),
      weight_(SAMPLES),
      pixel_(SAMPLES),
      view_(SAMPLES),
      directions_(3 * SAMPLES),
      offset_(3 * SAMPLES),
      views_(size_t(SAMPLES) * size_t(frame.maps.view)),
      rgb_(3 * SAMPLES),
      scratch_(size_t(kernels().mlp_scratch(frame.maps)) + 64) {
    if (bricks) tiles_ = feature_tiles(*bricks, frame.maps.features);
}

void Shading::flush() {
    if (count_ == 0) return;
    if (has_tiles_) kernels().tile_features(tiles_, position_.data(), count_, features_.data());
    Samples samples;
    samples.count = count_;
    samples.features = features_.data();
    samples.views = views_.data();
    samples.position = position_.data();
    samples.ray = view_.data();
    if (has_tiles_ && narrow_views())
        samples.offset = offset_.data();
    else
        for (size_t i = 0; i < size_t(view_count_); ++i)
            embed(frame_.directions, frame_.degree, directions_.data() + 3 * i,
                  views_.data() + i * size_t(frame_.maps.view));
    std::fill_n(rgb_.begin(), 3 * count_, 0.0f);
    auto aligned = (reinterpret_cast<uintptr_t>(scratch_.data()) + 63) / 64 * 64;
    kernels().mlp_forward(frame_.maps, samples, rgb_.data(), reinterpret_cast<void *>(aligned));
    kernels().sigmoid(rgb_.data(), 3 * count_);
    for (int i = 0; i < count_; ++i)
        for (int c = 0; c < 3; ++c)
            image_[3 * int64_t(pixel_[size_t(i)]) + c] += weight_[size_t(i)] * rgb_[size_t(3 * i + c)];
    colours += count_;
    count_ = view_count_ = 0;
    last_pixel_ = -1;
}

/// If the samples that wait are all seen in nearly one direction, the view as a linear function of it (see Samples).
bool Shading::narrow_views() {
    float low[3], high[3], middle[3];
    std::copy_n(directions_.data(), 3, low);
    std::copy_n(directions_.data(), 3, high);
    for (int i = 1; i < view_count_; ++i)
        for (int a = 0; a < 3; ++a) {
            float d = directions_[size_t(3 * i + a)];
            low[a] = std::min(low[a], d);
            high[a] = std::max(high[a], d);
        }
    for (int a = 0; a < 3; ++a) {
        middle[a] = (low[a] + high[a]) / 2;
        if (!(high[a] - low[a] < NARROW)) return false;
    }
    size_t V = size_t(frame_.maps.view);
    embed(frame_.directions, frame_.degree, middle, views_.data());
    std::vector<float> &before = slope_;
    before.resize(V);
    for (int a = 0; a < 3; ++a) {
        float *after = views_.data() + size_t(a + 1) * V, to[3] = {middle[0], middle[1], middle[2]}, half = NARROW / 4;
        to[a] = middle[a] - half;
        embed(frame_.directions, frame_.degree, to, before.data());
        to[a] = middle[a] + half;
        embed(frame_.directions, frame_.degree, to, after);
        for (size_t k = 0; k < V; ++k) after[k] = (after[k] - before[k]) / (2 * half);
    }
    for (size_t i = 0; i < size_t(count_); ++i)
        for (size_t a = 0; a < 3; ++a) offset_[3 * i + a] = directions_[3 * size_t(view_[i]) + a] - middle[a];
    return true;
}

}  // namespace dymap
