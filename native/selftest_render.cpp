// The self-test of whole images: exact against one pixel after the other, fast against exact.
#include <algorithm>
#include <cstring>

#include "dispatch.h"
#include "render.h"
#include "selftest.h"

namespace selftest {
namespace {

constexpr int SIZE = 33, CHANNELS = 6;

/// A smooth ball of density with some waves in it, and networks that colour it smoothly.
struct SmoothFrame {
    TracedFrame frame;
    Floats planes, grids, first, second;
    std::vector<uint8_t> occupied;

    explicit SmoothFrame(bool overlap, Directions directions) {
        Encoding &e = frame.encoding;
        e.size = SIZE;
        e.channels = 2 * CHANNELS;
        for (int p = 0; p < 3; ++p)
            for (int j = 0; j < SIZE; ++j)
                for (int i = 0; i < SIZE; ++i)
                    for (int c = 0; c < e.channels; ++c) {
                        float u = float(i) / (SIZE - 1) - 0.5f, v = float(j) / (SIZE - 1) - 0.5f;
                        float wave = 0.3f * std::cos(float(c + p) + 2 * u + 3 * v);
                        if (c == 0) wave = 1 / 3.0f;
                        if (c == CHANNELS) wave = 60 * (0.16f / 3 - (u * u + v * v) / 2);  // three of them: 60 (0.16 - r^2)
                        planes.push_back(wave);
                    }
        e.levels = make_levels(3, 2, 3, 12, 9);
        grids = random(3 * e.levels.plane_offset[3] * 2, -0.005f, 0.005f);
        Maps &m = frame.maps;
        m.size = 4;
        m.networks = overlap ? 4 : 1;
        m.cells = overlap ? 9 : 16;
        m.hidden = 5;
        m.features = CHANNELS;
        m.view = 9;
        int64_t MH = int64_t(m.networks) * m.hidden, K = m.features + m.view;
        // Nearly the same everywhere: without overlap colours jump from cell to cell.
        Floats one = random(K * m.hidden), two = random(m.hidden * 3);
        for (int64_t i = 0; i < 3 * m.cells * K * MH; ++i)
            first.push_back(one[size_t((i / MH % K) * m.hidden + i % MH % m.hidden)] + uniform(-0.1f, 0.1f));
        for (int64_t i = 0; i < 3 * m.cells * MH * 3; ++i) second.push_back(two[size_t(i / 3 % MH % m.hidden * 3 + i % 3)] + uniform(-0.1f, 0.1f));
        e.planes = planes.data();
        e.grids = grids.data();
        m.first = first.data();
        m.second = second.data();
        const float box[6] = {-0.5f, -0.4f, -0.1f, 0.6f, 0.5f, 1.5f};
        const int size[3] = {7, 5, 9};
        for (int i = 0; i < 6; ++i) frame.grid.box[i] = box[i];
        for (int i = 0; i < 3; ++i) frame.grid.size[i] = size[i];
        for (int x = 0; x < 7; ++x)
            for (int y = 0; y < 5; ++y)
                for (int z = 0; z < 9; ++z) {
                    double r = std::pow((x + 0.5) / 7 - 0.5, 2) + std::pow((y + 0.5) / 5 - 0.5, 2) + std::pow((z + 0.5) / 9 - 0.5, 2);
                    occupied.push_back(r < 0.36);
                }
        frame.grid.occupied = occupied.data();
        frame.directions = directions;
        frame.degree = directions == Directions::fourier ? 1 : 3;
        frame.step = 0.02f;
    }
};

void invert(const double *m, double *out) {
    double det = 0;
    for (int i = 0; i < 3; ++i) det += m[i] * (m[3 + (i + 1) % 3] * m[6 + (i + 2) % 3] - m[3 + (i + 2) % 3] * m[6 + (i + 1) % 3]);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            out[3 * i + j] = (m[3 * a + c] * m[3 * b + d] - m[3 * a + d] * m[3 * b + c]) / det;
        }
}

/// A camera at `eye` that looks at `target`, z up.
View look(const double *eye, const double *target, int width, int height, double focal, double offset) {
    View v;
    double z[3], x[3], y[3], length = 0;
    for (int a = 0; a < 3; ++a) z[a] = target[a] - eye[a], length += z[a] * z[a];
    for (int a = 0; a < 3; ++a) z[a] /= std::sqrt(length);
    length = std::sqrt(z[0] * z[0] + z[1] * z[1]);
    x[0] = z[1] / length, x[1] = -z[0] / length, x[2] = 0;
    for (int a = 0; a < 3; ++a) y[a] = z[(a + 1) % 3] * x[(a + 2) % 3] - z[(a + 2) % 3] * x[(a + 1) % 3];
    for (int a = 0; a < 3; ++a) {
        v.ray[3 * a] = x[a] / focal;
        v.ray[3 * a + 1] = y[a] / focal;
        v.ray[3 * a + 2] = z[a] - x[a] * width / 2 / focal - y[a] * height / 2 / focal;
        v.origin[a] = eye[a];
    }
    invert(v.ray, v.project);
    v.width = width;
    v.height = height;
    v.offset = offset;
    return v;
}

struct Images {
    Floats rgb, acc, depth, far;
    std::unique_ptr<bool[]> hit;
    explicit Images(const View &v)
        : rgb(size_t(3 * v.width * v.height), -1), acc(size_t(v.width * v.height), -1), depth(acc.size(), -1), far(acc.size(), -1), hit(new bool[acc.size()]()) {}
    Picture picture() { return {rgb.data(), acc.data(), depth.data(), far.data(), hit.get()}; }
};

Doubles embedded(const TracedFrame &s, const float *d) {
    double x = d[0], y = d[1], z = d[2];
    if (s.directions == Directions::fourier) return {x, std::cos(x), std::sin(x), y, std::cos(y), std::sin(y), z, std::cos(z), std::sin(z)};
    return {.28209479, -.48860251 * y, .48860251 * z, -.48860251 * x, 1.09254843 * x * y, -1.09254843 * y * z, .94617470 * z * z - .31539157, -1.09254843 * x * z,
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
        for (int a = 0; a < 3; ++a) position[a] = float((origin[a] + mid * direction[a] - s.grid.box[a]) / (double(s.grid.box[3 + a]) - s.grid.box[a]));
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
            if (!seen.hit[pixel]) expect(std::isinf(seen.depth[pixel]) && std::isinf(seen.far[pixel]), "a depth beside the box");
        }
    expect(lit > 10, "nothing is seen");
    expect(wrong_hits <= 1, "other pixels hit the box");
    // A weight at the threshold of 1e-3 may fall on either side.
    expect(largest < 3e-3, "a pixel differs by " + std::to_string(largest));
    expect(total / (4 * v.width * v.height) < 2e-5, "pixels differ by " + std::to_string(total / (4 * v.width * v.height)) + " on average");
}

void check_tiles() {
    context = std::string(kernels().name) + " tile_features";
    const int sizes[3] = {2, 3, 1};
    for (int C : {1, 3, 8, 17, 32}) {
        FeatureTiles t;
        t.channels = C;
        std::vector<uint16_t> data[3];
        std::vector<int32_t> number[3];
        for (int a = 0; a < 3; ++a) t.size[a] = sizes[a], t.scale[a] = float(sizes[a] * TILE_CELLS) - 0.7f;
        for (int p = 0; p < 3; ++p) {
            int count = sizes[PLANE_AXES[p][0]] * sizes[PLANE_AXES[p][1]];
            for (int i = 0; i < count; ++i) number[p].push_back(i == 1 ? -1 : i - (i > 1));
            Floats values = random(int64_t(std::max(count - 1, 1)) * (TILE_CELLS + 1) * (TILE_CELLS + 1) * C);
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
                    cell[k] = std::min(int(x), sizes[a] * TILE_CELLS - 1);
                    f[k] = std::min(double(x) - cell[k], 1.0);
                    tile[k] = cell[k] / TILE_CELLS;
                    cell[k] %= TILE_CELLS;
                }
                int32_t at = number[plane][size_t(tile[0] * sizes[PLANE_AXES[plane][1]] + tile[1])];
                if (at < 0) continue;
                for (int k = 0; k < 4; ++k)
                    for (int c = 0; c < C; ++c) {
                        size_t row = size_t((at * (TILE_CELLS + 1) + cell[0] + (k >> 1)) * (TILE_CELLS + 1) + cell[1] + (k & 1));
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
                for (int p = 0; p < 3; ++p) total += planes[p][size_t((at[PLANE_AXES[p][0]] * side + at[PLANE_AXES[p][1]]) * 2 * C + c)];
                return total;
            };
            double total = 0;
            for (int c = 0; c < C; ++c) total += encoded(c) * encoded(C + c);
            int line = i / side, z = i % side;
            expected.push_back(z >= first[line] && z < last[line] ? total : 0);
        }
        expect_close(sigma, expected, "density");
        expect(any == std::any_of(expected.begin(), expected.end(), [](double s) { return s > 0; }), "whether there is any");
    }
}

/// Densities of bricks: those of their points less a twelfth of the second differences within the brick.
void check_bricks(int threads) {
    context = std::string(kernels().name) + " bricks";
    SmoothFrame smooth(true, Directions::fourier);
    std::fill(smooth.occupied.begin(), smooth.occupied.end(), uint8_t(1));
    Bricks bricks = make_bricks(smooth.frame, threads);
    constexpr int side = BRICK + 1, apart[3] = {side * side, side, 1};
    const size_t channels = size_t(smooth.frame.encoding.channels);
    int checked = 0;
    for (size_t at = 0; at < bricks.index.size(); ++at) {
        if (bricks.index[at] < 0 || at % 5) continue;
        const size_t place[3] = {at / size_t(bricks.size[2]) / size_t(bricks.size[1]), at / size_t(bricks.size[2]) % size_t(bricks.size[1]), at % size_t(bricks.size[2])};
        Floats position, encoded(side * side * side * channels), sigma(side * side * side);
        for (int i = 0; i < side * side * side; ++i)
            for (int a = 0; a < 3; ++a)
                position.push_back(std::min(float(place[a] * BRICK + size_t(i / apart[a] % side)) * bricks.cell[a], 1.0f));
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

void check_images(bool overlap, Directions directions, int threads) {
    SmoothFrame smooth(overlap, directions);
    const TracedFrame &s = smooth.frame;
    const double middle[3] = {0.05, 0.05, 0.7};
    const double eyes[][3] = {{2.2, 1.3, 1.1}, {-0.1, 2.6, 0.2}, {0.3, 0.2, 1.2}};  // the last is in the box
    for (auto &eye : eyes) {
        context = std::string(kernels().name) + " render";
        View v = look(eye, middle, 37, 29, eye == eyes[2] ? 20 : 50, eye == eyes[0] ? 0 : 0.5);
        Images exact(v), fast(v), none(v);
        RenderReport report = render(s, v, nullptr, {}, exact.picture(), nullptr, threads);
        expect(report.tiles == 6 && report.finished == 6 && report.densities > report.colours && report.colours > 0, "report");
        compare(s, v, exact);
        std::atomic<bool> cancel{true};
        report = render(s, v, nullptr, {}, none.picture(), &cancel, threads);
        expect(report.finished == 0 && none.acc == Floats(none.acc.size(), -1), "a cancelled image was worked on");

        context += ", fast";
        TracedFrame quick = s;
        std::vector<uint16_t> half = make_half(s.maps, threads);
        if (!half.empty()) quick.maps.half_first = half.data();
        Bricks bricks = make_bricks(s, threads);
        render(quick, v, &bricks, {3, 1e-3f}, fast.picture(), nullptr, threads);
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
            expect(render(smooth.frame, v, b, {}, seen.picture(), nullptr, threads).finished == 4, "unfinished");
        }
    }
    // Nothing occupied.
    std::fill(smooth.occupied.begin(), smooth.occupied.end(), uint8_t(0));
    const double eye[3] = {2.2, 1.3, 1.1};
    View v = look(eye, middle, 19, 17, 25, 0);
    Bricks empty = make_bricks(smooth.frame, threads);
    for (const Bricks *b : {(const Bricks *)nullptr, (const Bricks *)&empty}) {
        Images seen(v);
        render(smooth.frame, v, b, {}, seen.picture(), nullptr, threads);
        expect(seen.acc == Floats(seen.acc.size(), 0), "something in nothing");
    }
}

}  // namespace

void check_render(int threads) {
    check_tiles();
    check_brick();
    check_bricks(threads);
    for (bool overlap : {true, false})
        for (Directions d : {Directions::fourier, Directions::spherical_harmonics}) check_images(overlap, d, threads);
    check_bad_views(threads);
}

}  // namespace selftest
