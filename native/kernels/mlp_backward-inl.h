// Gradients of MLP maps and of the features that went in, cell by cell.
#pragma once
#include "kernels/gemm-inl.h"
#include "kernels/kernels.h"
#include "kernels/mlp_maps-inl.h"

namespace dymap {
namespace {

constexpr int BACKWARD_GROUP = 64;

struct MlpBackwardScratch {
    float *padded, *transposed, *second, *rows, *view_rows, *view_hidden, *d_view_hidden, *hidden, *d_hidden, *d_rows,
        *d_first, *d_second;
    int32_t *network;
};

int64_t mlp_backward_arrays(const Maps &m, MlpBackwardScratch &s, void *memory) {
    Stack stack{(char *)memory};
    int64_t width = round_up(int64_t(m.networks) * m.hidden), K = m.features + m.view, C = round_up(m.features);
    s.padded = stack.take<float>(K * width);
    s.transposed = stack.take<float>(width * C);
    s.second = stack.take<float>(3 * width);
    s.rows = stack.take<float>(BACKWARD_GROUP * m.features);
    s.view_rows = stack.take<float>(BACKWARD_GROUP * m.view);
    s.view_hidden = stack.take<float>(BACKWARD_GROUP * width);
    s.d_view_hidden = stack.take<float>(BACKWARD_GROUP * width);
    s.hidden = stack.take<float>(BACKWARD_GROUP * width);
    s.d_hidden = stack.take<float>(BACKWARD_GROUP * width);
    s.d_rows = stack.take<float>(BACKWARD_GROUP * C);
    s.d_first = stack.take<float>(K * width);
    s.d_second = stack.take<float>(3 * width);
    s.network = stack.take<int32_t>(width / W);
    return stack.top - (char *)memory;
}

int64_t mlp_backward_scratch(const Maps &m) {
    MlpBackwardScratch s;
    return mlp_backward_arrays(m, s, nullptr);
}

void mlp_backward(const Maps &m, const Samples &samples, int plane, int cell, const int32_t *order, int64_t total,
                  const float *d_out, float *d_features, float *d_first, float *d_second, void *memory) {
    MlpBackwardScratch s;
    mlp_backward_arrays(m, s, memory);
    int C = m.features, V = m.view, K = C + V;
    int64_t MH = int64_t(m.networks) * m.hidden, padded_C = round_up(C);
    CellNetworks net = open_cell(m, plane, cell, s.padded, s.second);
    int64_t width = net.width;
    find_networks(m, width, s.network);
    for (int64_t h = 0; h < width; ++h) {
        for (int k = 0; k < C; ++k) s.transposed[h * padded_C + k] = net.first[k * width + h];
        for (int64_t k = C; k < padded_C; ++k) s.transposed[h * padded_C + k] = 0;
    }
    std::memset(s.d_first, 0, sizeof(float) * K * width);
    std::memset(s.d_second, 0, sizeof(float) * 3 * width);
    for (int64_t begin = 0; begin < total; begin += BACKWARD_GROUP) {
        int count = total - begin < BACKWARD_GROUP ? int(total - begin) : BACKWARD_GROUP;
        int row[BACKWARD_GROUP], rays = 0;  // what the view adds is the same for samples of a ray, which are neighbours
        int64_t last = -1;
        for (int k = 0; k < count; ++k) {
            int64_t index = order[begin + k], ray = samples.ray ? samples.ray[index] : index;
            std::memcpy(s.rows + k * C, samples.features + index * C, sizeof(float) * C);
            if (V && ray != last) std::memcpy(s.view_rows + rays * V, samples.views + ray * V, sizeof(float) * V);
            rays += ray != last;
            row[k] = rays - 1;
            last = ray;
        }
        std::memset(s.view_hidden, 0, sizeof(float) * rays * width);
        std::memset(s.d_view_hidden, 0, sizeof(float) * rays * width);
        gemm(rays, int(width), V, s.view_rows, V, 1, net.first + C * width, width, s.view_hidden, width);
        for (int k = 0; k < count; ++k)
            std::memcpy(s.hidden + k * width, s.view_hidden + row[k] * width, sizeof(float) * width);
        gemm(count, int(width), C, s.rows, C, 1, net.first, width, s.hidden, width);
        for (int k = 0; k < count; ++k) {
            int64_t index = order[begin + k];
            Corner at = locate(m, samples.position + 3 * index, plane);
            const float *d = d_out + 3 * index;
            vf r = splat<vf>(d[0]), g = splat<vf>(d[1]), b = splat<vf>(d[2]), zero = splat<vf>(0);
            for (int64_t h = 0; h < width; h += W) {
                vf weight = network_weights(m, at.weight, s.network[h / W], h);
                vf x = load(s.hidden + k * width + h), lit = vmax(x, zero) * weight;
                store(s.d_second + h, load(s.d_second + h) + lit * r);
                store(s.d_second + width + h, load(s.d_second + width + h) + lit * g);
                store(s.d_second + 2 * width + h, load(s.d_second + 2 * width + h) + lit * b);
                vf d_x = (r * load(net.second + h) + g * load(net.second + width + h) +
                          b * load(net.second + 2 * width + h)) *
                         weight;
                d_x = where_greater(x, zero, d_x, zero);
                store(s.d_hidden + k * width + h, d_x);
                float *d_view = s.d_view_hidden + row[k] * width + h;
                store(d_view, load(d_view) + d_x);
            }
        }
        gemm(C, int(width), count, s.rows, 1, C, s.d_hidden, width, s.d_first, width);
        gemm(V, int(width), rays, s.view_rows, 1, V, s.d_view_hidden, width, s.d_first + C * width, width);
        std::memset(s.d_rows, 0, sizeof(float) * count * padded_C);
        gemm(count, int(padded_C), MH, s.d_hidden, width, 1, s.transposed, padded_C, s.d_rows, padded_C);
        for (int k = 0; k < count; ++k) {
            float *to = d_features + int64_t(order[begin + k]) * C;
            for (int c = 0; c < C; ++c) to[c] += s.d_rows[k * padded_C + c];
        }
    }
    for (int k = 0; k < K; ++k) std::memcpy(d_first + k * MH, s.d_first + k * width, sizeof(float) * MH);
    for (int64_t h = 0; h < MH; ++h)
        for (int c = 0; c < 3; ++c) d_second[h * 3 + c] = s.d_second[c * width + h];
}

}  // namespace
}  // namespace dymap
