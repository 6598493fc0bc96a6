// A frame whose images are known well enough to be compared.
#pragma once
#include <cstdint>
#include <vector>

#include "render/frame.h"
#include "selftest/selftest.h"

namespace selftest {

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
                        if (c == CHANNELS)
                            wave = 60 * (0.16f / 3 - (u * u + v * v) / 2);  // three of them: 60 (0.16 - r^2)
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
        for (int64_t i = 0; i < 3 * m.cells * MH * 3; ++i)
            second.push_back(two[size_t(i / 3 % MH % m.hidden * 3 + i % 3)] + uniform(-0.1f, 0.1f));
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
                    double r = std::pow((x + 0.5) / 7 - 0.5, 2) + std::pow((y + 0.5) / 5 - 0.5, 2) +
                               std::pow((z + 0.5) / 9 - 0.5, 2);
                    occupied.push_back(r < 0.36);
                }
        frame.grid.occupied = occupied.data();
        frame.directions = directions;
        frame.degree = directions == Directions::fourier ? 1 : 3;
        frame.step = 0.02f;
    }
};

}  // namespace selftest
