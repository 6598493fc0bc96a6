// The self-test of MLP maps, and of their gradients.
#include "selftest/selftest.h"

#include "kernels/dispatch.h"

namespace selftest {
namespace {

struct MapsCase {
    int features, view, hidden, size;
    bool overlap, rays;
    int64_t count;
    bool one_cell;
};

void check_maps(const MapsCase &c, int threads) {
    context = std::string(kernels().name) + " mlp_maps: features " + std::to_string(c.features) + ", view " +
              std::to_string(c.view) + ", hidden " + std::to_string(c.hidden) + ", networks " +
              std::to_string(c.overlap ? 4 : 1) + ", samples " + std::to_string(c.count);
    Maps m;
    m.size = c.size;
    m.cells = c.overlap ? (c.size - 1) * (c.size - 1) : c.size * c.size;
    m.networks = c.overlap ? 4 : 1;
    m.hidden = c.hidden;
    m.features = c.features;
    m.view = c.view;
    int64_t K = c.features + c.view, MH = int64_t(m.networks) * c.hidden, rays = c.rays ? 5 : c.count;
    Floats first = coarse(3 * m.cells * K * MH), second = random(3 * m.cells * MH * 3);
    m.first = first.data();
    m.second = second.data();
    Floats features = coarse(c.count * c.features), views = coarse(rays * c.view), p = positions(c.count, true);
    if (c.one_cell)
        for (float &u : p) u = uniform(0.01f, 0.15f);
    std::vector<int32_t> ray;
    for (int64_t i = 0; i < c.count; ++i) ray.push_back(int32_t(i * 5 / c.count));
    Samples s;
    s.count = c.count;
    s.features = features.data();
    s.views = views.data();
    s.position = p.data();
    s.ray = c.rays ? ray.data() : nullptr;
    Floats d_out = random(3 * c.count), out(d_out.size(), NAN);
    MapsGradient g{Doubles(features.size(), 0.0), Doubles(first.size(), 0.0), Doubles(second.size(), 0.0)};
    Doubles expected(out.size());
    for (int64_t i = 0; i < c.count; ++i) maps_one(m, s, i, expected.data() + 3 * i, d_out.data() + 3 * i, &g);
    mlp_maps(m, s, out.data(), threads);
    expect_close(out, expected, "out");
    Floats d_features(features.size(), NAN), d_first(first.size(), NAN), d_second(second.size(), NAN);
    mlp_maps_backward(m, s, d_out.data(), d_features.data(), d_first.data(), d_second.data(), threads);
    expect_close(d_features, g.features, "gradient of the features");
    expect_close(d_first, g.first, "gradient of the first layers");
    expect_close(d_second, g.second, "gradient of the second layers");
}

}  // namespace

void check_mlp_maps(int threads) {
    for (int hidden : {1, 3, 8, 17, 32})
        for (bool overlap : {true, false})
            for (bool rays : {true, false}) {
                check_maps({5, 3, hidden, 4, overlap, rays, 90, false}, threads);
                check_maps({32, 15, hidden, 3, overlap, rays, 70, true}, threads);
            }
    for (int features : {1, 3, 7, 8, 13}) check_maps({features, 0, 8, 3, true, true, 50, false}, threads);
    for (int64_t count : {0, 1, 2, 25, 4500}) check_maps({3, 9, 3, 3, true, true, count, false}, threads);
}

}  // namespace selftest
