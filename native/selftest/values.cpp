// The self-test of what is done to every value: densities, opacities, bfloat16, Adam.
#include "selftest/selftest.h"

#include <cstdint>
#include <cstring>

#include "kernels/dispatch.h"

namespace selftest {
namespace {

void check_pair_dot(int threads) {
    for (int C : {1, 3, 5, 7, 8, 13, 32})
        for (int64_t n : {0, 1, 9, 9000}) {
            context = std::string(kernels().name) + " pair_dot: channels " + std::to_string(C);
            Floats encoded = random(n * 2 * C), sigma(static_cast<size_t>(n)), d_sigma = random(n),
                   d_feature = random(n * C), out(encoded.size());
            Doubles expected, back;
            for (bool with_feature : {true, false}) {
                expected.clear(), back.clear();
                for (int64_t i = 0; i < n; ++i) {
                    double total = 0;
                    auto at = [&](int c) { return double(encoded[size_t(i * 2 * C + c)]); };
                    for (int c = 0; c < C; ++c) total += at(c) * at(C + c);
                    expected.push_back(total);
                    for (int c = 0; c < C; ++c)
                        back.push_back(d_sigma[size_t(i)] * at(C + c) +
                                       (with_feature ? d_feature[size_t(i * C + c)] : 0));
                    for (int c = 0; c < C; ++c) back.push_back(d_sigma[size_t(i)] * at(c));
                }
                pair_dot(encoded.data(), n, C, sigma.data(), threads);
                pair_dot_backward(encoded.data(), d_sigma.data(), with_feature ? d_feature.data() : nullptr, n, C,
                                  out.data(), threads);
                expect_close(sigma, expected, "sigma");
                expect_close(out, back, "gradient");
            }
        }
}

void check_elementwise() {
    const Kernels &k = kernels();
    for (int64_t n : {0, 1, 5, 16, 37}) {
        context = std::string(k.name) + " values: " + std::to_string(n);
        Floats x = random(n, -120, 120), alpha(x.size()), s = x;
        Doubles opaque, logistic;
        for (float v : x)
            opaque.push_back(1 - std::exp(-std::max(double(v), 0.0) * 0.013f)),
                logistic.push_back(1 / (1 + std::exp(-double(v))));
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

void check_adam(int threads) {
    for (bool lazy : {false, true})
        for (int64_t n : {0, 1, 16, 33, 100, 40000}) {
            context = std::string(kernels().name) + " adam: " + std::to_string(n);
            Floats p = random(n), g = random(n, -2, 2), m = random(n, -0.1f, 0.1f), v = random(n, 0, 0.1f);
            for (size_t i = 16; i < g.size() && i < 32; ++i) g[i] = i % 2 ? 0.0f : -0.0f;
            AdamStep step{0.01f, 0.9f, 0.99f, 1e-8f, 0.271f, 0.0297f, 1.5f, lazy};
            Doubles p_expected, m_expected, v_expected;
            for (size_t i = 0; i < p.size(); ++i) {
                bool left = lazy && i >= 16 && i < 32;
                double clipped = std::min(std::max(double(g[i]), -1.5), 1.5),
                       mean = m[i] + (1 - double(step.beta1)) * (clipped - m[i]);
                double square = v[i] * double(step.beta2) + (1 - double(step.beta2)) * clipped * clipped;
                p_expected.push_back(left ? p[i]
                                          : p[i] - step.rate / step.correction1 * mean /
                                                       (std::sqrt(square / step.correction2) + 1e-8));
                m_expected.push_back(left ? m[i] : mean);
                v_expected.push_back(left ? v[i] : square);
            }
            Floats before = g;
            adam(p.data(), g.data(), m.data(), v.data(), n, step, threads);
            expect_close(p, p_expected, "parameter", 1e-6);
            expect_close(m, m_expected, "mean", 1e-6);
            expect_close(v, v_expected, "square", 1e-6);
            for (size_t i = 0; i < g.size(); ++i) expect(lazy ? g[i] == 0 : g[i] == before[i], "gradient afterwards");
        }
    context = std::string(kernels().name) + " adam";
    float p = 1, g = NAN, m = 0, v = 0;
    adam(&p, &g, &m, &v, 1, {0.01f, 0.9f, 0.99f, 1e-8f, 0.1f, 0.01f, 1.5f, false}, threads);
    expect(std::isnan(p), "a gradient that is no number passes for one");
}

}  // namespace

void check_values(int threads) {
    check_pair_dot(threads);
    check_elementwise();
    check_adam(threads);
}

}  // namespace selftest
