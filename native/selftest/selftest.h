// What the self-test's files share: random numbers, comparison, and plain scalar versions of the encodings and
// networks, in double precision, that know nothing of vectors, tiles or threads.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ops/ops.h"

namespace selftest {
using namespace dymap;

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

extern int failures;
extern std::string context;  // what is being checked, for messages

inline void expect(bool fine, const std::string &what) {
    if (fine) return;
    if (++failures <= 20) std::printf("FAILED %s: %s\n", context.c_str(), what.c_str());
}

/// Every value within `tolerance` * (1 + the largest expected one).
template <class A>
void expect_close(const A &found, const Doubles &expected, const std::string &what, double tolerance = 1e-5) {
    expect(found.size() == expected.size(), what + ": of another size");
    double largest = 0;
    for (double e : expected) largest = std::max(largest, std::fabs(e));
    for (size_t i = 0; i < expected.size(); ++i)
        if (!(std::fabs(double(found[i]) - expected[i]) <= tolerance * (1 + largest))) {
            expect(false, what + "[" + std::to_string(i) + "] is " + std::to_string(double(found[i])) + ", not " +
                              std::to_string(expected[i]));
            return;
        }
}

inline std::mt19937 &generator() {
    static std::mt19937 g(1);
    return g;
}
inline float uniform(float low, float high) { return low + (high - low) * float(generator()() >> 8) / 16777216.0f; }
inline Floats random(int64_t n, float low = -1, float high = 1) {
    Floats values(static_cast<size_t>(n));
    for (float &v : values) v = uniform(low, high);
    return values;
}

/// Multiples of 1/32: sums of their products are exact, so that it is certain which hidden units are lit.
inline Floats coarse(int64_t n) {
    Floats values(static_cast<size_t>(n));
    for (float &v : values) v = std::round(uniform(-1, 1) * 32) / 32;
    return values;
}

/// Box coordinates: inside, outside, on vertices and faces, and, if asked, no numbers at all.
inline Floats positions(int64_t n, bool wild) {
    Floats p = random(3 * n, -0.3f, 1.3f);
    const float special[] = {0,        1,         0.5f,  0.25f, std::nextafter(1.0f, 0.0f), 1e-30f, NAN,
                             INFINITY, -INFINITY, 1e30f, -1e30f};
    for (size_t i = 0; i < p.size(); i += 4) p[i] = special[i / 4 % (wild ? 11 : 6)];
    return p;
}

/// Levels as the library makes them: `levels` resolutions from `base` to `finest`.
inline Levels make_levels(int levels, int features, int base, int finest, int log2_size) {
    Levels l;
    l.levels = levels;
    l.features = features;
    l.offset[0] = l.plane_offset[0] = 0;
    for (int i = 0; i < levels; ++i) {
        double growth = levels > 1 ? std::log2(double(finest) / base) / (levels - 1) : 0;
        l.scale[i] = float(base * std::exp2(i * growth) - 1);
        l.resolution[i] = int32_t(std::ceil(l.scale[i])) + 1;
        int64_t r = l.resolution[i];
        l.length[i] = std::min(int64_t(1) << log2_size, r * r * r);
        l.offset[i + 1] = l.offset[i] + l.length[i];
        l.plane_offset[i + 1] = l.plane_offset[i] + r * r;
    }
    return l;
}

/// The two vertices of a coordinate along one axis, and their weights.
struct Side {
    bool inside = false;
    int64_t vertex = 0;
    double weight[2] = {0, 0};
};

inline Side level_side(const Levels &l, int level, float u) {
    Side s;
    s.inside = u >= 0 && u <= 1;
    if (!s.inside) return s;
    volatile float wide = 2 * u - 1;  // rounded to float32, as the method says
    volatile float back = (wide + 1) / 2;
    volatile float x = back * l.scale[level];
    double f = x - std::floor(x);
    s.vertex = int64_t(std::floor(x));
    s.weight[1] = f * f * (3 - 2 * f);
    s.weight[0] = 1 - s.weight[1];
    return s;
}

/// f(channel offset of a row, weight) for the corners of a point on one plane; those outside are left out.
template <class F> void plane_corners(const Encoding &e, const float *position, int plane, F &&f) {
    double at[2];
    for (int k = 0; k < 2; ++k) {
        volatile float x = position[PLANE_AXES[plane][k]] * float(e.size - 1);
        at[k] = x;
        if (!(at[k] > -1 && at[k] < e.size)) return;
    }
    for (int b = 0; b < 2; ++b)
        for (int a = 0; a < 2; ++a) {
            double i = std::floor(at[0]) + a, j = std::floor(at[1]) + b;
            if (i < 0 || j < 0 || i >= e.size || j >= e.size) continue;
            double w = (a ? at[0] - std::floor(at[0]) : 1 - at[0] + std::floor(at[0])) *
                       (b ? at[1] - std::floor(at[1]) : 1 - at[1] + std::floor(at[1]));
            f(((int64_t(plane) * e.size + int64_t(j)) * e.size + int64_t(i)) * e.channels, w);
        }
}

/// f(row of a collapsed table, weight) for the corners of a point on one level of one plane.
template <class F> void level_corners(const Levels &l, const float *position, int plane, int level, F &&f) {
    Side a = level_side(l, level, position[PLANE_AXES[plane][0]]),
         b = level_side(l, level, position[PLANE_AXES[plane][1]]);
    if (!a.inside || !b.inside) return;
    for (int i = 0; i < 2; ++i)
        for (int j = 0; j < 2; ++j) {
            if (a.weight[i] == 0 || b.weight[j] == 0) continue;  // it may not exist
            f(plane * l.plane_offset[l.levels] + l.plane_offset[level] + (b.vertex + j) * l.resolution[level] +
                  a.vertex + i,
              a.weight[i] * b.weight[j]);
        }
}

inline int channels_of(const Encoding &e) { return e.planes ? e.channels : e.levels.levels * e.levels.features; }

/// The encoding [channels] of one point.
inline Doubles encode_one(const Encoding &e, const float *position) {
    Doubles out(size_t(channels_of(e)), 0.0);
    for (int p = 0; p < 3; ++p) {
        if (!(e.which >> p & 1)) continue;
        if (e.planes)
            plane_corners(e, position, p, [&](int64_t row, double w) {
                for (int c = 0; c < e.channels; ++c) out[size_t(c)] += w * e.planes[row + c];
            });
        if (e.grids)
            for (int level = 0; level < e.levels.levels; ++level)
                level_corners(e.levels, position, p, level, [&](int64_t row, double w) {
                    int F = e.levels.features;
                    for (int f = 0; f < F; ++f) out[size_t(level * F + f)] += w * e.grids[row * F + f];
                });
    }
    return out;
}

/// Cell and weights of the networks around a point on one map.
inline int cell_of(const Maps &m, const float *position, int plane, double weight[4]) {
    int index[2], side = m.networks == 1 ? m.size : m.size - 1;
    double f[2];
    for (int k = 0; k < 2; ++k) {
        float u = position[PLANE_AXES[plane][k]];
        u = u > 0 ? std::min(u, 1.0f) : 0;
        volatile float x = u * float(side);
        index[k] = std::min(int(x), side - 1);
        f[k] = std::min(double(x) - index[k], 1.0);
    }
    for (int n = 0; n < m.networks; ++n)
        weight[n] = m.networks == 1 ? 1 : (n >> 1 ? f[0] : 1 - f[0]) * (n & 1 ? f[1] : 1 - f[1]);
    return index[0] * side + index[1];
}

/// Outputs of one sample before the sigmoid; with gradients, adds those of d_out [3].
struct MapsGradient {
    Doubles features, first, second;
};
inline void maps_one(const Maps &m, const Samples &s, int64_t i, double out[3], const float *d_out = nullptr,
                     MapsGradient *g = nullptr) {
    int64_t MH = int64_t(m.networks) * m.hidden, K = m.features + m.view, ray = s.ray ? s.ray[i] : i;
    out[0] = out[1] = out[2] = 0;
    for (int plane = 0; plane < 3; ++plane) {
        double weight[4];
        int64_t at = int64_t(plane) * m.cells + cell_of(m, s.position + 3 * i, plane, weight);
        for (int64_t h = 0; h < MH; ++h) {
            double x = 0;
            auto input = [&](int64_t k) {
                return double(k < m.features ? s.features[i * m.features + k] : s.views[ray * m.view + k - m.features]);
            };
            for (int64_t k = 0; k < K; ++k) x += input(k) * m.first[(at * K + k) * MH + h];
            double w = weight[h / m.hidden], d_x = 0;
            if (x <= 0) continue;
            for (int c = 0; c < 3; ++c) {
                out[c] += w * x * m.second[(at * MH + h) * 3 + c];
                if (!g) continue;
                g->second[size_t((at * MH + h) * 3 + c)] += w * x * d_out[c];
                d_x += w * d_out[c] * m.second[(at * MH + h) * 3 + c];
            }
            if (!g) continue;
            for (int64_t k = 0; k < K; ++k) {
                g->first[size_t((at * K + k) * MH + h)] += d_x * input(k);
                if (k < m.features) g->features[size_t(i * m.features + k)] += d_x * m.first[(at * K + k) * MH + h];
            }
        }
    }
}

void check_bricks(int threads);
void check_convolve(int threads);
void check_encodings(int threads);
void check_hash(int threads);
void check_lattice(int threads);
void check_mlp_maps(int threads);
void check_rans();
void check_rays();
void check_render(int threads);
void check_threads();
void check_tiles(int threads);
void check_values(int threads);

}  // namespace selftest
