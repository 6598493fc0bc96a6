// The self-test of densities on a lattice, of the loss on them, and of the largest around each.
#include "selftest/selftest.h"

#include "kernels/dispatch.h"

namespace selftest {
namespace {

void check_density(const int64_t (&size)[3], int channels, int threads) {
    int64_t A = size[0], B = size[1], D = size[2], k = 2 * channels;
    context = std::string(kernels().name) + " lattice: " + std::to_string(A) + " x " + std::to_string(B) + " x " +
              std::to_string(D) + " x " + std::to_string(channels);
    Floats plane[3] = {random(A * B * k), random(A * D * k), random(B * D * k)}, d_sigma = random(A * B * D);
    for (size_t i = 0; i < d_sigma.size(); ++i)
        if (i / 40 % 2) d_sigma[i] = i % 2 ? 0.0f : -0.0f;
    Lattice l;
    for (int i = 0; i < 3; ++i) l.plane[i] = plane[i].data(), l.size[i] = size[i];
    l.channels = channels;
    Doubles expected, back[3];
    for (int i = 0; i < 3; ++i) back[i].assign(plane[i].size(), 0.0);
    for (int64_t a = 0; a < A; ++a)
        for (int64_t b = 0; b < B; ++b)
            for (int64_t d = 0; d < D; ++d) {
                size_t at[3] = {size_t((a * B + b) * k), size_t((a * D + d) * k), size_t((b * D + d) * k)};
                double total = 0, g = d_sigma[size_t((a * B + b) * D + d)];
                for (size_t c = 0; c < size_t(channels); ++c) {
                    double f = 0, e = 0;
                    for (int i = 0; i < 3; ++i) f += plane[i][at[i] + c], e += plane[i][at[i] + size_t(channels) + c];
                    total += f * e;
                    for (int i = 0; i < 3; ++i)
                        back[i][at[i] + c] += g * e, back[i][at[i] + size_t(channels) + c] += g * f;
                }
                expected.push_back(total);
            }
    Floats sigma(expected.size(), NAN), into[3];
    density_lattice(l, sigma.data(), threads);
    expect_close(sigma, expected, "density");
    for (int i = 0; i < 3; ++i) into[i].assign(plane[i].size(), NAN);
    float *const pointers[3] = {into[0].data(), into[1].data(), into[2].data()};
    density_lattice_backward(l, d_sigma.data(), pointers, threads);
    for (int i = 0; i < 3; ++i) expect_close(into[i], back[i], "gradient of a plane");
}

void check_opacity(int64_t n, int threads) {
    context = std::string(kernels().name) + " opacity_sum: " + std::to_string(n);
    Floats sigma = random(n, -50, 50), slope(sigma.size(), NAN);
    std::vector<uint8_t> mask(sigma.size());
    double total = 0;
    Doubles derivative;
    for (size_t i = 0; i < sigma.size(); ++i) {
        mask[i] = uniform(0, 1) < 0.6f;
        double clear = std::exp(-std::max(double(sigma[i]), 0.0) * 0.017f);
        total += mask[i] ? 1 - clear : 0;
        derivative.push_back(mask[i] && sigma[i] > 0 ? 0.017f * clear : 0);
    }
    double found = opacity_sum(sigma.data(), mask.data(), n, 0.017f, slope.data(), threads);
    expect(std::fabs(found - total) <= 1e-5 * (1 + total), "sum");
    expect_close(slope, derivative, "slope", 1e-6);
    if (!n) return;
    sigma[sigma.size() - 1] = NAN;
    mask[mask.size() - 1] = 1;
    expect(std::isnan(opacity_sum(sigma.data(), mask.data(), n, 0.017f, slope.data(), threads)),
           "a density that is no number passes for one");
}

void check_variation(const int (&size)[3], int threads) {
    context = std::string(kernels().name) + " total_variation";
    const int64_t n[3] = {size[0], size[1], size[2]};
    Floats sigma = random(n[0] * n[1] * n[2], -50, 50), slope(sigma.size(), NAN);
    Doubles alpha, signs(sigma.size(), 0.0);
    for (float s : sigma) alpha.push_back(1 - std::exp(-std::max(double(s), 0.0) * 0.017f));
    double total = 0;
    const int64_t apart[3] = {n[1] * n[2], n[2], 1};
    for (int64_t i = 0; i < n[0] * n[1] * n[2]; ++i)
        for (int axis = 0; axis < 3; ++axis) {
            if (i / apart[axis] % n[axis] == 0) continue;
            double step = alpha[size_t(i)] - alpha[size_t(i - apart[axis])], sign = double(step > 0) - double(step < 0);
            total += std::fabs(step);
            signs[size_t(i)] += sign;
            signs[size_t(i - apart[axis])] -= sign;
        }
    for (size_t i = 0; i < sigma.size(); ++i) signs[i] *= sigma[i] > 0 ? 0.017f * (1 - alpha[i]) : 0;
    double found = total_variation(sigma.data(), size, 0.017f, slope.data(), threads);
    expect(std::fabs(found - total) <= 1e-5 * (1 + total), "sum");
    expect_close(slope, signs, "slope", 1e-6);
}

void check_max_pool(const int (&size)[3], int threads) {
    context = "max_pool";
    Floats grid = random(int64_t(size[0]) * size[1] * size[2]), out(grid.size(), NAN);
    max_pool(grid.data(), size, out.data(), threads);
    size_t i = 0;
    for (int a = 0; a < size[0]; ++a)
        for (int b = 0; b < size[1]; ++b)
            for (int d = 0; d < size[2]; ++d) {
                float most = -INFINITY;
                for (int x = std::max(a - 1, 0); x <= std::min(a + 1, size[0] - 1); ++x)
                    for (int y = std::max(b - 1, 0); y <= std::min(b + 1, size[1] - 1); ++y)
                        for (int z = std::max(d - 1, 0); z <= std::min(d + 1, size[2] - 1); ++z)
                            most = std::max(most, grid[size_t((x * size[1] + y) * size[2] + z)]);
                expect(out[i++] == most, "not the largest");
            }
}

}  // namespace

void check_lattice(int threads) {
    for (int channels : {1, 5, 16}) {
        check_density({1, 1, 1}, channels, threads);
        check_density({3, 7, 16}, channels, threads);
        check_density({5, 2, 45}, channels, threads);
    }
    check_density({2, 2, 1100}, 2, threads);
    for (int64_t n : {0, 1, 16, 37, 40000}) check_opacity(n, threads);
    check_variation({1, 1, 1}, threads);
    check_variation({3, 1, 9}, threads);
    check_variation({4, 6, 33}, threads);
    check_max_pool({1, 1, 1}, threads);
    check_max_pool({4, 1, 9}, threads);
    check_max_pool({3, 6, 2}, threads);
}

}  // namespace selftest
