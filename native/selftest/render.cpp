// The self-test of whole images: exact against one pixel after the other, fast against exact.
#include "render/render.h"

#include <algorithm>
#include <atomic>

#include "kernels/dispatch.h"
#include "selftest/images.h"
#include "selftest/selftest.h"
#include "selftest/smooth_frame.h"

namespace selftest {
namespace {

Doubles embedded(const TracedFrame &s, const float *d) {
    double x = d[0], y = d[1], z = d[2];
    if (s.directions == Directions::fourier)
        return {x, std::cos(x), std::sin(x), y, std::cos(y), std::sin(y), z, std::cos(z), std::sin(z)};
    return {.28209479,
            -.48860251 * y,
            .48860251 * z,
            -.48860251 * x,
            1.09254843 * x * y,
            -1.09254843 * y * z,
            .94617470 * z * z - .31539157,
            -1.09254843 * x * z,
            .54627422 * (x * x - y * y)};
}

/// One pixel: rgb, acc, depth, far; false where the box is missed.
bool pixel_of(const TracedFrame &s, const View &v, int i, int j, double out[6]) {
    float origin[3], direction[3], near = -INFINITY, far = INFINITY;
    double d[3], length = 0;
    for (int a = 0; a < 3; ++a) {
        origin[a] = float(v.origin[a]);
        d[a] = v.ray[3 * a] * (i + v.offset) + v.ray[3 * a + 1] * (j + v.offset) + v.ray[3 * a + 2];
        length += d[a] * d[a];
    }
    for (int a = 0; a < 3; ++a) {
        direction[a] = float(d[a] / std::sqrt(length));
        volatile float low = (s.grid.box[a] - origin[a]), high = (s.grid.box[3 + a] - origin[a]);
        near = std::max(near, std::min(low / direction[a], high / direction[a]));
        far = std::min(far, std::max(low / direction[a], high / direction[a]));
    }
    for (int c = 0; c < 5; ++c) out[c] = 0;
    out[4] = out[5] = INFINITY;
    if (!(near < far)) return false;
    float t = std::max(near, 0.0f);
    Floats start(1000), end(1000);
    int count = march_ray(s.grid, origin, direction, t, far, s.step, 1000, start.data(), end.data());
    double transmittance = 1, depth = 0;
    Doubles embedding = embedded(s, direction);
    Floats views(embedding.begin(), embedding.end());
    for (int k = 0; k < count && transmittance >= 1e-3; ++k) {
        double mid = (double(start[size_t(k)]) + end[size_t(k)]) / 2;
        float position[3];
        for (int a = 0; a < 3; ++a)
            position[a] =
                float((origin[a] + mid * direction[a] - s.grid.box[a]) / (double(s.grid.box[3 + a]) - s.grid.box[a]));
        Doubles encoded = encode_one(s.encoding, position);
        double sigma = 0, colour[3];
        for (size_t c = 0; c < CHANNELS; ++c) sigma += encoded[c] * encoded[CHANNELS + c];
        double alpha = 1 - std::exp(-std::max(sigma, 0.0) * s.step), weight = alpha * transmittance;
        transmittance *= 1 - alpha;
        if (!(weight > 1e-3)) continue;
        Floats features(encoded.begin(), encoded.begin() + CHANNELS);
        Samples one;
        one.count = 1;
        one.features = features.data();
        one.views = views.data();
        one.position = position;
        maps_one(s.maps, one, 0, colour);
        for (int c = 0; c < 3; ++c) out[c] += weight / (1 + std::exp(-colour[c]));
        out[3] += weight;
        depth += weight * mid;
    }
    out[4] = depth + (1 - out[3]) * far;
    out[5] = far;
    return true;
}

/// Largest and mean difference of the pixels' rgb and acc; whether as many hit.
void compare(const TracedFrame &s, const View &v, const Images &seen) {
    double largest = 0, total = 0;
    int wrong_hits = 0, lit = 0;
    for (int j = 0; j < v.height; ++j)
        for (int i = 0; i < v.width; ++i) {
            double expected[6];
            size_t pixel = size_t(j * v.width + i);
            bool hit = pixel_of(s, v, i, j, expected);
            wrong_hits += hit != seen.hit[pixel];
            lit += expected[3] > 0.5;
            for (int c = 0; c < 4; ++c) {
                double error = std::fabs((c < 3 ? seen.rgb[3 * pixel + size_t(c)] : seen.acc[pixel]) - expected[c]);
                largest = std::max(largest, error);
                total += error;
            }
            if (hit) largest = std::max(largest, std::fabs(seen.depth[pixel] - expected[4]) / 10);
            if (hit) largest = std::max(largest, std::fabs(seen.far[pixel] - expected[5]) / 10);
            if (!seen.hit[pixel])
                expect(std::isinf(seen.depth[pixel]) && std::isinf(seen.far[pixel]), "a depth beside the box");
        }
    expect(lit > 10, "nothing is seen");
    expect(wrong_hits <= 1, "other pixels hit the box");
    // A weight at the threshold of 1e-3 may fall on either side.
    expect(largest < 3e-3, "a pixel differs by " + std::to_string(largest));
    expect(total / (4 * v.width * v.height) < 2e-5,
           "pixels differ by " + std::to_string(total / (4 * v.width * v.height)) + " on average");
}

void check_images(bool overlap, Directions directions, int threads) {
    SmoothFrame smooth(overlap, directions);
    const TracedFrame &s = smooth.frame;
    const std::vector<Voxel> surface = surface_voxels(s.grid);
    const double middle[3] = {0.05, 0.05, 0.7};
    const double eyes[][3] = {{2.2, 1.3, 1.1}, {-0.1, 2.6, 0.2}, {0.3, 0.2, 1.2}};  // the last is in the box
    for (auto &eye : eyes) {
        context = std::string(kernels().name) + " render";
        View v = look(eye, middle, 37, 29, eye == eyes[2] ? 20 : 50, eye == eyes[0] ? 0 : 0.5);
        Images exact(v), fast(v), none(v);
        RenderReport report =
            render(s, surface, v, {0, v.height}, nullptr, {1, 1e-3f}, exact.picture(), nullptr, threads);
        expect(report.tiles == 6 && report.finished == 6 && report.densities > report.colours && report.colours > 0,
               "report");
        compare(s, v, exact);
        std::atomic<bool> cancel{true};
        report = render(s, surface, v, {0, v.height}, nullptr, {1, 1e-3f}, none.picture(), &cancel, threads);
        expect(report.finished == 0 && none.acc == Floats(none.acc.size(), -1), "a cancelled image was worked on");

        context += ", fast";
        TracedFrame quick = s;
        std::vector<uint16_t> half = make_half(s.maps, threads);
        if (!half.empty()) quick.maps.half_first = half.data();
        Bricks bricks = make_bricks(s, threads);
        render(quick, surface, v, {0, v.height}, &bricks, {3, 1e-3f}, fast.picture(), nullptr, threads);
        double square = 0;
        for (size_t i = 0; i < exact.rgb.size(); ++i) square += std::pow(double(exact.rgb[i]) - fast.rgb[i], 2);
        double psnr = -10 * std::log10(square / double(exact.rgb.size()));
        expect(psnr > 40, "only " + std::to_string(psnr) + " dB");
        expect(bricks.bytes() > 0, "bricks");
    }
}

/// Cameras that no one should have must come to an end.
void check_bad_views(int threads) {
    context = std::string(kernels().name) + " render: bad cameras";
    SmoothFrame smooth(true, Directions::fourier);
    Bricks bricks = make_bricks(smooth.frame, threads);
    const double middle[3] = {0.05, 0.05, 0.7};
    for (double far : {1e5, 1e9, 1e30}) {
        const double eye[3] = {far, 0.3 * far, 0.1};
        for (const Bricks *b : {(const Bricks *)nullptr, (const Bricks *)&bricks}) {
            View v = look(eye, middle, 19, 17, 20 * far, 0);
            Images seen(v);
            RenderReport report = render(smooth.frame, surface_voxels(smooth.frame.grid), v, {0, v.height}, b,
                                         {1, 1e-3f}, seen.picture(), nullptr, threads);
            expect(report.finished == 4, "unfinished");
        }
    }
    // Nothing occupied.
    std::fill(smooth.occupied.begin(), smooth.occupied.end(), uint8_t(0));
    const double eye[3] = {2.2, 1.3, 1.1};
    View v = look(eye, middle, 19, 17, 25, 0);
    Bricks empty = make_bricks(smooth.frame, threads);
    for (const Bricks *b : {(const Bricks *)nullptr, (const Bricks *)&empty}) {
        Images seen(v);
        render(smooth.frame, surface_voxels(smooth.frame.grid), v, {0, v.height}, b, {1, 1e-3f}, seen.picture(),
               nullptr, threads);
        expect(seen.acc == Floats(seen.acc.size(), 0), "something in nothing");
    }
}

}  // namespace

void check_render(int threads) {
    for (bool overlap : {true, false})
        for (Directions d : {Directions::fourier, Directions::spherical_harmonics}) check_images(overlap, d, threads);
    check_bad_views(threads);
}

}  // namespace selftest
