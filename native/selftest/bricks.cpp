// The self-test of bricks: what kernels write to them and read from them, and all of them together.
#include "render/bricks.h"

#include <algorithm>
#include <cstring>

#include "kernels/dispatch.h"
#include "selftest/selftest.h"
#include "selftest/smooth_frame.h"

namespace selftest {
namespace {

void check_tile_features() {
    context = std::string(kernels().name) + " tile_features";
    const int sizes[3] = {2, 3, 1};
    for (int C : {1, 3, 8, 17, 32}) {
        FeatureTiles t;
        t.channels = C;
        std::vector<uint16_t> data[3];
        std::vector<int32_t> number[3];
        for (int a = 0; a < 3; ++a) t.size[a] = sizes[a], t.scale[a] = float(sizes[a] * BRICK) - 0.7f;
        for (int p = 0; p < 3; ++p) {
            int count = sizes[PLANE_AXES[p][0]] * sizes[PLANE_AXES[p][1]];
            for (int i = 0; i < count; ++i) number[p].push_back(i == 1 ? -1 : i - (i > 1));
            Floats values = random(int64_t(std::max(count - 1, 1)) * BRICK_POINTS * BRICK_POINTS * C);
            data[p].resize(values.size());
            kernels().to_half(values.data(), int64_t(values.size()), data[p].data());
            t.data[p] = data[p].data();
            t.number[p] = number[p].data();
        }
        int n = 50;
        Floats p = positions(n, false), out(size_t(n * C), NAN);
        for (float &x : p) x = std::min(std::max(x, -0.1f), 1.0f);
        kernels().tile_features(t, p.data(), n, out.data());
        Doubles expected(out.size(), 0.0);
        for (int i = 0; i < n; ++i)
            for (int plane = 0; plane < 3; ++plane) {
                int cell[2], tile[2];
                double f[2];
                for (int k = 0; k < 2; ++k) {
                    int a = PLANE_AXES[plane][k];
                    float x = std::max(p[size_t(3 * i + a)], 0.0f) * t.scale[a];
                    cell[k] = std::min(int(x), sizes[a] * BRICK - 1);
                    f[k] = std::min(double(x) - cell[k], 1.0);
                    tile[k] = cell[k] / BRICK;
                    cell[k] %= BRICK;
                }
                int32_t at = number[plane][size_t(tile[0] * sizes[PLANE_AXES[plane][1]] + tile[1])];
                if (at < 0) continue;
                for (int k = 0; k < 4; ++k)
                    for (int c = 0; c < C; ++c) {
                        size_t row =
                            size_t((at * BRICK_POINTS + cell[0] + (k >> 1)) * BRICK_POINTS + cell[1] + (k & 1));
                        uint32_t bits = uint32_t(data[plane][row * size_t(C) + size_t(c)]) << 16;
                        float value;
                        std::memcpy(&value, &bits, 4);
                        expected[size_t(i * C + c)] += (k >> 1 ? f[0] : 1 - f[0]) * (k & 1 ? f[1] : 1 - f[1]) * value;
                    }
            }
        expect_close(out, expected, "features of tiles");
    }
}

void check_brick() {
    for (int C : {1, 3, 8, 17, 32}) {
        context = std::string(kernels().name) + " brick: channels " + std::to_string(C);
        const int side = 4;
        const uint8_t first[side * side] = {0, 1, 2, 3, 0, 0, 0, 0, 1}, last[side * side] = {4, 3, 4, 4, 0, 1, 2, 3, 4};
        Floats planes[3], sigma(side * side * side, NAN);
        const float *list[3];
        for (int p = 0; p < 3; ++p) planes[p] = random(side * side * 2 * C), list[p] = planes[p].data();
        bool any = kernels().brick(list, side, C, first, last, sigma.data());
        Doubles expected;
        for (int i = 0; i < side * side * side; ++i) {
            const int at[3] = {i / side / side, i / side % side, i % side};
            auto encoded = [&](int c) {
                double total = 0;
                for (int p = 0; p < 3; ++p)
                    total += planes[p][size_t((at[PLANE_AXES[p][0]] * side + at[PLANE_AXES[p][1]]) * 2 * C + c)];
                return total;
            };
            double total = 0;
            for (int c = 0; c < C; ++c) total += encoded(c) * encoded(C + c);
            int line = i / side, z = i % side;
            expected.push_back(z >= first[line] && z < last[line] ? total : 0);
        }
        expect_close(sigma, expected, "density");
        expect(any == std::any_of(expected.begin(), expected.end(), [](double s) { return s > 0; }),
               "whether there is any");
    }
}

/// Densities of bricks: those of their points less a twelfth of the second differences within the brick.
void check_densities(int threads) {
    context = std::string(kernels().name) + " bricks";
    SmoothFrame smooth(true, Directions::fourier);
    std::fill(smooth.occupied.begin(), smooth.occupied.end(), uint8_t(1));
    Bricks bricks = make_bricks(smooth.frame, threads);
    constexpr int side = BRICK_POINTS, apart[3] = {side * side, side, 1};
    const size_t channels = size_t(smooth.frame.encoding.channels);
    int checked = 0;
    for (size_t at = 0; at < bricks.index.size(); ++at) {
        if (bricks.index[at] < 0 || at % 5) continue;
        const size_t place[3] = {at / size_t(bricks.size[2]) / size_t(bricks.size[1]),
                                 at / size_t(bricks.size[2]) % size_t(bricks.size[1]), at % size_t(bricks.size[2])};
        Floats position, encoded(side * side * side * channels), sigma(side * side * side);
        for (int i = 0; i < side * side * side; ++i)
            for (int a = 0; a < 3; ++a)
                position.push_back(
                    std::min(float(place[a] * BRICK + size_t(i / apart[a] % side)) * bricks.cell[a], 1.0f));
        kernels().encode(smooth.frame.encoding, position.data(), int64_t(sigma.size()), encoded.data());
        kernels().pair_dot(encoded.data(), int64_t(sigma.size()), int(channels / 2), sigma.data());
        Doubles expected;
        for (int i = 0; i < side * side * side; ++i) {
            double bend = 0;
            for (int step : apart)
                if (int k = i / step % side; k > 0 && k < BRICK)
                    bend += double(sigma[size_t(i - step)]) - 2.0 * sigma[size_t(i)] + sigma[size_t(i + step)];
            expected.push_back(sigma[size_t(i)] - bend / 12);
        }
        const float *found = bricks.sigma.data() + size_t(bricks.index[at]) * sigma.size();
        expect_close(Floats(found, found + sigma.size()), expected, "densities");
        ++checked;
    }
    expect(checked > 1, "no bricks to look at");
}

}  // namespace

void check_bricks(int threads) {
    check_tile_features();
    check_brick();
    check_densities(threads);
}

}  // namespace selftest
