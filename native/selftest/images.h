// Cameras and images of the self-test.
#pragma once
#include <cmath>
#include <memory>

#include "render/render.h"
#include "selftest/selftest.h"

namespace selftest {

inline void invert(const double *m, double *out) {
    double det = 0;
    for (int i = 0; i < 3; ++i)
        det += m[i] * (m[3 + (i + 1) % 3] * m[6 + (i + 2) % 3] - m[3 + (i + 2) % 3] * m[6 + (i + 1) % 3]);
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, d = (i + 2) % 3;
            out[3 * i + j] = (m[3 * a + c] * m[3 * b + d] - m[3 * a + d] * m[3 * b + c]) / det;
        }
}

/// A camera at `eye` that looks at `target`, z up.
inline View look(const double *eye, const double *target, int width, int height, double focal, double offset) {
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
        : rgb(size_t(3 * v.width * v.height), -1),
          acc(size_t(v.width * v.height), -1),
          depth(acc.size(), -1),
          far(acc.size(), -1),
          hit(new bool[acc.size()]()) {}
    Picture picture() { return {rgb.data(), acc.data(), depth.data(), far.data(), hit.get()}; }
};

}  // namespace selftest
