// The self-test of planes and collapsed hash grids at points, and of their gradients.
#include "selftest/selftest.h"

#include "kernels/dispatch.h"

namespace selftest {
namespace {

struct EncodingCase {
    int channels, size, levels, features;  // size or levels 0: without planes or grids
    unsigned which;
    int64_t count;
};

void check_encode(const EncodingCase &c, int threads) {
    Encoding e;
    e.which = c.which;
    Floats planes, grids;
    if (c.size) {
        planes = random(3 * int64_t(c.size) * c.size * c.channels);
        e.planes = planes.data();
        e.size = c.size;
        e.channels = c.channels;
    }
    if (c.levels) {
        e.levels = make_levels(c.levels, c.features, 3, 17, 9);
        grids = random(3 * e.levels.plane_offset[c.levels] * c.features);
        e.grids = grids.data();
    }
    context = std::string(kernels().name) + " encode: channels " + std::to_string(channels_of(e)) + ", size " +
              std::to_string(c.size) + ", levels " + std::to_string(c.levels) + " of " + std::to_string(c.features) +
              ", samples " + std::to_string(c.count);
    size_t channels = size_t(channels_of(e));
    Floats p = positions(c.count, true), out(size_t(c.count) * channels, NAN);
    encode(e, p.data(), c.count, out.data(), threads);
    Floats gradient = random(c.count * int64_t(channels));
    Doubles expected, d_planes(planes.size(), 0.0), d_grids(grids.size(), 0.0);
    for (int64_t i = 0; i < c.count; ++i) {
        const float *at = p.data() + 3 * i, *g = gradient.data() + size_t(i) * channels;
        for (double v : encode_one(e, at)) expected.push_back(v);
        for (int plane = 0; plane < 3; ++plane) {
            if (!(e.which >> plane & 1)) continue;
            if (c.size)
                plane_corners(e, at, plane, [&](int64_t row, double w) {
                    for (size_t k = 0; k < channels; ++k) d_planes[size_t(row) + k] += w * g[k];
                });
            for (int level = 0; level < c.levels; ++level)
                level_corners(e.levels, at, plane, level, [&](int64_t row, double w) {
                    for (int f = 0; f < c.features; ++f)
                        d_grids[size_t(row * c.features + f)] += w * g[level * c.features + f];
                });
        }
    }
    expect_close(out, expected, "out");
    Floats planes_back(planes.size(), 0), grids_back(grids.size(), 0);
    EncodingGradient into;
    if (c.size) into.planes = planes_back.data();
    if (c.levels) into.grids = grids_back.data();
    encode_backward(e, into, p.data(), gradient.data(), c.count, threads);
    expect_close(planes_back, d_planes, "gradient of the planes");
    expect_close(grids_back, d_grids, "gradient of the grids");
}

}  // namespace

void check_encodings(int threads) {
    for (int channels : {1, 3, 5, 7, 8, 13, 31, 32, 64})
        for (int size : {2, 5, 18}) check_encode({channels, size, 0, 0, 7, 77}, threads);
    for (int features : {1, 2, 3, 4, 5}) {
        check_encode({0, 0, 3, features, 7, 77}, threads);
        check_encode({3 * features + 2, 6, 3, features, 7, 77}, threads);
        check_encode({4 * features, 6, 1, features, 5, 33}, threads);
    }
    for (int64_t count : {0, 1, 31, 32, 2100}) check_encode({8, 5, 2, 2, 7, count}, threads);
    for (unsigned which = 1; which < 7; ++which) check_encode({8, 5, 2, 2, which, 40}, threads);
}

}  // namespace selftest
