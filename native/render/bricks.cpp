// What `fast` reads instead of planes and hash grids: densities and features on a lattice of half a step, around
// occupied voxels. Compiled without fused operations, as all of this folder is.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/dispatch.h"
#include "ops/threads.h"
#include "render/bricks.h"

namespace dymap {
namespace {

constexpr int SIDE = BRICK_POINTS, POINTS = SIDE * SIDE * SIDE;

/// How far away the next brick is, in bricks along the axis where that is most, goes to the places without one.
void measure_gaps(Bricks &b) {
    const int32_t most = std::max(b.size[0], std::max(b.size[1], b.size[2]));
    const int64_t length = b.size[2], row = length + 2, layer = row * (b.size[1] + 2);
    std::vector<int32_t> padded(size_t(layer * (b.size[0] + 2)), most);  // with a border: no place is a special case
    auto start = [&](int x, int y) { return padded.data() + (x + 1) * layer + (y + 1) * row + 1; };
    auto each_row = [&](auto &&f) {
        for (int x = 0; x < b.size[0]; ++x)
            for (int y = 0; y < b.size[1]; ++y) f(start(x, y), b.index.data() + (int64_t(x) * b.size[1] + y) * length);
    };
    each_row([&](int32_t *to, const int32_t *index) {
        for (int64_t z = 0; z < length; ++z)
            if (index[z] >= 0) to[z] = 0;
    });
    auto nearer = [&](int32_t *to, int64_t direction) {  // what lies before in reading order, or behind
        for (int64_t other : {layer + row, layer, layer - row, row}) {
            const int32_t *from = to - direction * other;
            for (int64_t z = 0; z < length; ++z)
                to[z] = std::min(to[z], std::min(from[z], std::min(from[z - 1], from[z + 1])) + 1);
        }
    };
    each_row([&](int32_t *to, const int32_t *) {
        nearer(to, 1);
        for (int64_t z = 1; z < length; ++z) to[z] = std::min(to[z], to[z - 1] + 1);
    });
    for (int x = b.size[0] - 1; x >= 0; --x)
        for (int y = b.size[1] - 1; y >= 0; --y) {
            int32_t *to = start(x, y);
            nearer(to, -1);
            for (int64_t z = length - 2; z >= 0; --z) to[z] = std::min(to[z], to[z + 1] + 1);
        }
    each_row([&](const int32_t *from, int32_t *to) {
        for (int64_t z = 0; z < length; ++z)
            if (to[z] < 0) to[z] = -from[z];
    });
}

/// Which voxels every cell of the lattice may lie in, along each axis.
struct CellVoxels {
    std::vector<int> first[3], last[3];
    CellVoxels(const Grid &g, const Bricks &b) {
        for (int a = 0; a < 3; ++a)
            for (int cell = 0; cell < b.size[a] * BRICK; ++cell) {
                auto voxel = [&](float at) {
                    return std::min(std::max(int(at * b.cell[a] * float(g.size[a])), 0), g.size[a] - 1);
                };
                first[a].push_back(voxel(float(cell) - 1e-2f));  // a little more, against rounding
                last[a].push_back(voxel(float(cell + 1) + 1e-2f));
            }
    }
};

/// The points of a brick that cells in occupied voxels have, line by line along z.
struct Lines {
    uint8_t first[SIDE * SIDE], last[SIDE * SIDE];

    void find(const Grid &g, const CellVoxels &cells, const int *place) {
        const int *low[3], *high[3];
        for (int a = 0; a < 3; ++a) {
            low[a] = cells.first[a].data() + place[a] * BRICK;
            high[a] = cells.last[a].data() + place[a] * BRICK;
        }
        int x0 = low[0][0], y0 = low[1][0], columns = high[1][BRICK - 1] - y0 + 1;
        columns_.assign(size_t(high[0][BRICK - 1] - x0 + 1) * size_t(columns), {SIDE, 0});
        for (size_t c = 0; c < columns_.size(); ++c) {
            const uint8_t *occupied =
                g.occupied + (int64_t(x0 + int(c) / columns) * g.size[1] + y0 + int(c) % columns) * g.size[2];
            for (int k = 0; k < BRICK; ++k)
                for (int v = low[2][k]; v <= high[2][k]; ++v)
                    if (occupied[v]) columns_[c].first = std::min(columns_[c].first, k), columns_[c].last = k + 2;
        }
        for (int i = 0; i < SIDE; ++i)
            for (int j = 0; j < SIDE; ++j) {
                Range all{SIDE, 0};
                for (int x = low[0][std::max(i - 1, 0)]; x <= high[0][std::min(i, BRICK - 1)]; ++x)
                    for (int y = low[1][std::max(j - 1, 0)]; y <= high[1][std::min(j, BRICK - 1)]; ++y) {
                        Range column = columns_[size_t((x - x0) * columns + y - y0)];
                        all = {std::min(all.first, column.first), std::max(all.last, column.last)};
                    }
                first[i * SIDE + j] = uint8_t(std::min(all.first, all.last));
                last[i * SIDE + j] = uint8_t(all.last);
            }
    }

  private:
    struct Range {
        int first, last;
    };
    std::vector<Range> columns_;
};

/// Takes a twelfth of the second differences off the densities of a brick, along each axis where both neighbours are
/// known: what is interpolated linearly between them is right on average then, where it was too low on peaks and too
/// high in hollows.
void sharpen(const Lines &lines, float *sigma) {
    float bend[POINTS] = {0};
    auto along = [&](int at, int step, int first, int last) {
        for (int k = first; k < last; ++k)
            bend[at + k] += sigma[at + k - step] - 2 * sigma[at + k] + sigma[at + k + step];
    };
    for (int i = 0; i < SIDE; ++i)
        for (int j = 0; j < SIDE; ++j) {
            const int line = i * SIDE + j, first = lines.first[line], last = lines.last[line];
            auto both = [&](int apart) {
                along(line * SIDE, apart * SIDE,
                      std::max({first, int(lines.first[line - apart]), int(lines.first[line + apart])}),
                      std::min({last, int(lines.last[line - apart]), int(lines.last[line + apart])}));
            };
            along(line * SIDE, 1, first + 1, last - 1);
            if (j > 0 && j + 1 < SIDE) both(1);
            if (i > 0 && i + 1 < SIDE) both(SIDE);
        }
    for (int i = 0; i < POINTS; ++i) sigma[i] -= bend[i] / 12;
}

/// Bricks that touch an occupied voxel get a 0.
void mark_bricks(const Grid &g, Bricks &b) {
    auto range = [&](int axis, int voxel, int &first, int &last) {
        float brick = b.cell[axis] * BRICK;
        first = std::max(0, int(float(voxel) / float(g.size[axis]) / brick - 1e-4f));
        last = std::min(b.size[axis] - 1, int(float(voxel + 1) / float(g.size[axis]) / brick + 1e-4f));
    };
    for (int x = 0; x < g.size[0]; ++x)
        for (int y = 0; y < g.size[1]; ++y)
            for (int z = 0; z < g.size[2]; ++z) {
                if (!g.occupied[(int64_t(x) * g.size[1] + y) * g.size[2] + z]) continue;
                int low[3], high[3];
                range(0, x, low[0], high[0]);
                range(1, y, low[1], high[1]);
                range(2, z, low[2], high[2]);
                for (int i = low[0]; i <= high[0]; ++i)
                    for (int j = low[1]; j <= high[1]; ++j)
                        for (int k = low[2]; k <= high[2]; ++k)
                            b.index[(size_t(i) * size_t(b.size[1]) + size_t(j)) * size_t(b.size[2]) + size_t(k)] = 0;
            }
}

void find_place(const Bricks &b, int32_t at, int *place) {
    place[0] = at / b.size[2] / b.size[1];
    place[1] = at / b.size[2] % b.size[1];
    place[2] = at % b.size[2];
}

int64_t tile_place(const Bricks &b, int plane, const int *place) {
    return int64_t(place[PLANE_AXES[plane][0]]) * b.size[PLANE_AXES[plane][1]] + place[PLANE_AXES[plane][1]];
}

/// The planes at the lattice points of tiles (flat places): [tiles, SIDE * SIDE, 2 C]; the features go into the bricks
/// too.
std::unique_ptr<float[]> sample_tiles(const TracedFrame &frame, Bricks &b, int plane, const std::vector<int32_t> &tiles,
                                      int threads) {
    const int channels = frame.encoding.channels, C = frame.maps.features;
    const int first = PLANE_AXES[plane][0], second = PLANE_AXES[plane][1];
    std::unique_ptr<float[]> sampled(new float[tiles.size() * SIDE * SIDE * size_t(channels)]);
    b.features[plane].resize(tiles.size() * SIDE * SIDE * size_t(C));
    Encoding e = frame.encoding;
    e.which = 1u << plane;
    parallel_for(threads, int64_t(tiles.size()), [&](int64_t tile, int) {
        float position[SIDE * SIDE * 3] = {0};
        int flat = tiles[size_t(tile)], i0 = flat / b.size[second] * BRICK, j0 = flat % b.size[second] * BRICK;
        for (int i = 0; i < SIDE; ++i)
            for (int j = 0; j < SIDE; ++j) {
                position[(i * SIDE + j) * 3 + first] = std::min(float(i0 + i) * b.cell[first], 1.0f);
                position[(i * SIDE + j) * 3 + second] = std::min(float(j0 + j) * b.cell[second], 1.0f);
            }
        float *to = sampled.get() + size_t(tile) * SIDE * SIDE * size_t(channels);
        kernels().encode(e, position, SIDE * SIDE, to);
        for (int i = 0; i < SIDE * SIDE; ++i)
            kernels().to_half(to + i * channels, C, b.features[plane].data() + (tile * SIDE * SIDE + i) * C);
    });
    return sampled;
}

}  // namespace

Bricks make_bricks(const TracedFrame &frame, int threads) {
    Bricks b;
    const Grid &g = frame.grid;
    for (int a = 0; a < 3; ++a) {
        float extent = g.box[3 + a] - g.box[a];
        int cells = std::max(1, int(std::ceil(extent / (frame.step / 2))));
        b.size[a] = (cells + BRICK - 1) / BRICK;
        b.cell[a] = frame.step / 2 / extent;
    }
    b.index.assign(size_t(b.size[0]) * size_t(b.size[1]) * size_t(b.size[2]), -1);
    mark_bricks(g, b);
    std::vector<int32_t> bricks, tiles[3];  // flat places
    for (int p = 0; p < 3; ++p)
        b.tile[p].assign(size_t(b.size[PLANE_AXES[p][0]]) * size_t(b.size[PLANE_AXES[p][1]]), -1);
    for (size_t at = 0; at < b.index.size(); ++at) {
        if (b.index[at] < 0) continue;
        int place[3];
        find_place(b, int32_t(at), place);
        bricks.push_back(int32_t(at));
        for (int p = 0; p < 3; ++p) {
            int32_t &tile = b.tile[p][size_t(tile_place(b, p, place))];
            if (tile >= 0) continue;
            tile = int32_t(tiles[p].size());
            tiles[p].push_back(int32_t(tile_place(b, p, place)));
        }
    }
    std::unique_ptr<float[]> sampled[3];
    for (int p = 0; p < 3; ++p) sampled[p] = sample_tiles(frame, b, p, tiles[p], threads);
    std::unique_ptr<float[]> sigma(new float[bricks.size() * POINTS]);
    std::vector<char> dense(bricks.size(), 0);
    std::vector<Lines> lines(static_cast<size_t>(threads));
    const CellVoxels cells(g, b);
    parallel_for(threads, int64_t(bricks.size()), [&](int64_t brick, int thread) {
        int place[3];
        find_place(b, bricks[size_t(brick)], place);
        const float *planes[3];
        for (int p = 0; p < 3; ++p)
            planes[p] = sampled[p].get() + size_t(b.tile[p][size_t(tile_place(b, p, place))]) * SIDE * SIDE *
                                               size_t(frame.encoding.channels);
        Lines &line = lines[size_t(thread)];
        line.find(g, cells, place);
        dense[size_t(brick)] =
            kernels().brick(planes, SIDE, frame.maps.features, line.first, line.last, sigma.get() + brick * POINTS);
        if (dense[size_t(brick)]) sharpen(line, sigma.get() + brick * POINTS);
    });
    // Those without any density are left out.
    std::vector<int32_t> kept;
    for (size_t i = 0; i < bricks.size(); ++i) {
        b.index[size_t(bricks[i])] = dense[i] ? int32_t(kept.size()) : -1;
        if (dense[i]) kept.push_back(int32_t(i));
    }
    b.sigma.resize(kept.size() * POINTS);
    parallel_ranges(threads, int64_t(kept.size()), 64, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i)
            std::memcpy(b.sigma.data() + i * POINTS, sigma.get() + int64_t(kept[size_t(i)]) * POINTS,
                        sizeof(float) * POINTS);
    });
    measure_gaps(b);
    return b;
}

FeatureTiles feature_tiles(const Bricks &b, int channels) {
    FeatureTiles tiles;
    tiles.channels = channels;
    for (int a = 0; a < 3; ++a) {
        tiles.data[a] = b.features[a].data();
        tiles.number[a] = b.tile[a].data();
        tiles.size[a] = b.size[a];
        tiles.scale[a] = 1 / b.cell[a];
    }
    return tiles;
}

}  // namespace dymap
