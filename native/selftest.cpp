// Checks every operation in every instruction set that this machine has against scalar loops, on odd sizes, with one
// thread and several. Made for sanitizers and for other processors: it needs neither Python nor torch.
#include "selftest.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>

#include "dispatch.h"
#include "threads.h"

namespace selftest {

int failures = 0;
std::string context;

namespace {

void check_threads() {
    context = "threads";
    for (int threads : {1, 2, 5})
        for (int64_t jobs : {0, 1, 3, 1000}) {
            std::vector<std::atomic<int>> done(size_t(jobs + 1));
            std::atomic<int> strangers{0};
            parallel_for(threads, jobs, [&](int64_t job, int thread) {
                ++done[size_t(job)];
                if (thread < 0 || thread >= threads) ++strangers;
            });
            for (int64_t i = 0; i < jobs; ++i) expect(done[size_t(i)] == 1, "a job is not done once");
            expect(strangers == 0, "a thread beyond their number");
        }
    // Two callers at once, and one within another.
    std::atomic<int64_t> sum{0};
    auto add = [&] { parallel_for(3, 500, [&](int64_t job, int) { parallel_for(2, 2, [&](int64_t, int) { sum += job; }); }); };
    std::thread other(add);
    add();
    other.join();
    expect(sum == 4 * 499 * 500 / 2, "jobs of two callers");
}

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
    context = std::string(kernels().name) + " encode: channels " + std::to_string(channels_of(e)) + ", size " + std::to_string(c.size) + ", levels " +
              std::to_string(c.levels) + " of " + std::to_string(c.features) + ", samples " + std::to_string(c.count);
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
                    for (int f = 0; f < c.features; ++f) d_grids[size_t(row * c.features + f)] += w * g[level * c.features + f];
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

void check_values() {
    const Kernels &k = kernels();
    for (int C : {1, 3, 5, 7, 8, 13, 32})
        for (int64_t n : {0, 1, 9}) {
            context = std::string(k.name) + " pair_dot: channels " + std::to_string(C);
            Floats encoded = random(n * 2 * C), sigma(static_cast<size_t>(n)), d_sigma = random(n), d_feature = random(n * C), out(encoded.size());
            Doubles expected, back;
            for (bool with_feature : {true, false}) {
                expected.clear(), back.clear();
                for (int64_t i = 0; i < n; ++i) {
                    double total = 0;
                    auto at = [&](int c) { return double(encoded[size_t(i * 2 * C + c)]); };
                    for (int c = 0; c < C; ++c) total += at(c) * at(C + c);
                    expected.push_back(total);
                    for (int c = 0; c < C; ++c)
                        back.push_back(d_sigma[size_t(i)] * at(C + c) + (with_feature ? d_feature[size_t(i * C + c)] : 0));
                    for (int c = 0; c < C; ++c) back.push_back(d_sigma[size_t(i)] * at(c));
                }
                k.pair_dot(encoded.data(), n, C, sigma.data());
                k.pair_dot_backward(encoded.data(), d_sigma.data(), with_feature ? d_feature.data() : nullptr, n, C, out.data());
                expect_close(sigma, expected, "sigma");
                expect_close(out, back, "gradient");
            }
        }
    for (int64_t n : {0, 1, 5, 16, 37}) {
        context = std::string(k.name) + " values: " + std::to_string(n);
        Floats x = random(n, -120, 120), alpha(x.size()), s = x;
        Doubles opaque, logistic;
        for (float v : x) opaque.push_back(1 - std::exp(-std::max(double(v), 0.0) * 0.013f)), logistic.push_back(1 / (1 + std::exp(-double(v))));
        k.opacity(x.data(), 0.013f, n, alpha.data());
        k.sigmoid(s.data(), n);
        expect_close(alpha, opaque, "opacity", 3e-7);
        expect_close(s, logistic, "sigmoid", 3e-7);
        std::vector<uint16_t> half(x.size());
        k.to_half(x.data(), n, half.data());
        for (size_t i = 0; i < half.size(); ++i) {
            uint32_t bits = uint32_t(half[i]) << 16;
            float back;
            std::memcpy(&back, &bits, 4);
            expect(std::fabs(back - x[i]) <= std::fabs(x[i]) / 256, "not the nearest bfloat16");
        }
    }
}

void check_adam() {
    for (bool lazy : {false, true})
        for (int64_t n : {0, 1, 16, 33, 100}) {
            context = std::string(kernels().name) + " adam: " + std::to_string(n);
            Floats p = random(n), g = random(n, -2, 2), m = random(n, -0.1f, 0.1f), v = random(n, 0, 0.1f);
            for (size_t i = 16; i < g.size() && i < 32; ++i) g[i] = i % 2 ? 0.0f : -0.0f;
            AdamStep step{0.01f, 0.9f, 0.99f, 1e-8f, 0.271f, 0.0297f, 1.5f, lazy};
            Doubles p_expected, m_expected, v_expected;
            for (size_t i = 0; i < p.size(); ++i) {
                bool left = lazy && i >= 16 && i < 32;
                double clipped = std::min(std::max(double(g[i]), -1.5), 1.5), mean = m[i] + (1 - double(step.beta1)) * (clipped - m[i]);
                double square = v[i] * double(step.beta2) + (1 - double(step.beta2)) * clipped * clipped;
                p_expected.push_back(left ? p[i] : p[i] - step.rate / step.correction1 * mean / (std::sqrt(square / step.correction2) + 1e-8));
                m_expected.push_back(left ? m[i] : mean);
                v_expected.push_back(left ? v[i] : square);
            }
            Floats before = g;
            kernels().adam(p.data(), g.data(), m.data(), v.data(), n, step);
            expect_close(p, p_expected, "parameter", 1e-6);
            expect_close(m, m_expected, "mean", 1e-6);
            expect_close(v, v_expected, "square", 1e-6);
            for (size_t i = 0; i < g.size(); ++i) expect(lazy ? g[i] == 0 : g[i] == before[i], "gradient afterwards");
        }
    context = std::string(kernels().name) + " adam";
    float p = 1, g = NAN, m = 0, v = 0;
    kernels().adam(&p, &g, &m, &v, 1, {0.01f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.01f, 1.5f, false});
    expect(std::isnan(p), "a gradient that is no number passes for one");
}

struct MapsCase {
    int features, view, hidden, size;
    bool overlap, rays;
    int64_t count;
    bool one_cell;
};

void check_maps(const MapsCase &c, int threads) {
    context = std::string(kernels().name) + " mlp_maps: features " + std::to_string(c.features) + ", view " + std::to_string(c.view) + ", hidden " +
              std::to_string(c.hidden) + ", networks " + std::to_string(c.overlap ? 4 : 1) + ", samples " + std::to_string(c.count);
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

void check_all_maps(int threads) {
    for (int hidden : {1, 3, 8, 17, 32})
        for (bool overlap : {true, false})
            for (bool rays : {true, false}) {
                check_maps({5, 3, hidden, 4, overlap, rays, 90, false}, threads);
                check_maps({32, 15, hidden, 3, overlap, rays, 70, true}, threads);
            }
    for (int features : {1, 3, 7, 8, 13}) check_maps({features, 0, 8, 3, true, true, 50, false}, threads);
    for (int64_t count : {0, 1, 2, 25, 4500}) check_maps({3, 9, 3, 3, true, true, count, false}, threads);
}

}  // namespace
}  // namespace selftest

int main() {
    using namespace selftest;
    check_threads();
    check_march();
    for (int threads : {1, 3}) check_hash(threads);
    for (const std::string &name : variants()) {
        expect(use(name) && name == kernels().name, "a variant that cannot be chosen");
        int before = failures;
        check_values();
        check_adam();
        for (int threads : {1, 3}) {
            check_encodings(threads);
            check_all_maps(threads);
            check_lattice(threads);
            check_convolve(threads);
            check_render(threads);
        }
        std::printf("%-12s %d lanes: %s\n", name.c_str(), kernels().lanes, failures == before ? "fine" : "FAILED");
    }
    expect(!use("none"), "a variant that does not exist was chosen");
    if (failures) std::printf("%d failures\n", failures);
    return failures != 0;
}
