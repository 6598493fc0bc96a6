// Tiles, found by projecting voxels. Compiled without fused operations, as all of this folder is.
#include "render/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "ops/threads.h"

namespace dymap {
namespace {

constexpr float NONE = std::numeric_limits<float>::infinity();

/// What some corners of voxels cover of the image, and how near they come. behind: one is not in front of the camera.
struct Extent {
    float left = NONE, right = -NONE, top = NONE, bottom = -NONE, near = NONE, far = 0;
    bool behind = false;

    void add(const Extent &other) {
        left = std::min(left, other.left), right = std::max(right, other.right);
        top = std::min(top, other.top), bottom = std::max(bottom, other.bottom);
        near = std::min(near, other.near), far = std::max(far, other.far);
        behind |= other.behind;
    }
};

/// The corners of a grid's voxels as a camera sees them. What each axis adds to a projection is worked out once.
class Projection {
  public:
    Projection(const Grid &grid, const View &view) : offset_(view.offset) {
        for (int a = 0; a < 3; ++a)
            for (int i = 0; i <= grid.size[a]; ++i) {
                double p = grid.box[a] + (double(grid.box[3 + a]) - grid.box[a]) * i / grid.size[a] - view.origin[a];
                along_[a].push_back({view.project[a] * p, view.project[3 + a] * p, view.project[6 + a] * p, p * p});
            }
    }

    Extent corner(int x, int y, int z) const {
        const Part &a = along_[0][size_t(x)], &b = along_[1][size_t(y)], &c = along_[2][size_t(z)];
        const double depth = a.depth + b.depth + c.depth;
        const float column = float((a.column + b.column + c.column) / depth - offset_);
        const float row = float((a.row + b.row + c.row) / depth - offset_);
        const float distance = float(std::sqrt(a.square + b.square + c.square));
        return {column, column, row, row, distance, distance, !(float(depth) > 1e-3f)};
    }

    /// The four corners at height z of the voxels (x, y).
    Extent face(int x, int y, int z) const {
        Extent face;
        face.add(corner(x, y, z));
        face.add(corner(x, y + 1, z));
        face.add(corner(x + 1, y, z));
        face.add(corner(x + 1, y + 1, z));
        return face;
    }

  private:
    struct Part {
        double column, row, depth, square;
    };
    double offset_;
    std::vector<Part> along_[3];
};

/// Enters voxels into the tiles of an image.
class TileMarker {
  public:
    TileMarker(const Grid &grid, const Projection &projection, const View &view, const TileMap &map)
        : projection_(projection), view_(view), columns_(map.columns), rows_(map.rows) {
        near.assign(map.near.size(), NONE);
        float square = 0;
        for (int a = 0; a < 3; ++a) {
            float side = (grid.box[3 + a] - grid.box[a]) / float(grid.size[a]);
            square += side * side;
        }
        diagonal_ = std::sqrt(square);
    }

    void add(Voxel v) {
        const bool above = last_.x == v.x && last_.y == v.y && last_.z + 1 == v.z;  // it stands on the one before
        Extent extent = above ? top_ : projection_.face(v.x, v.y, v.z);
        top_ = projection_.face(v.x, v.y, v.z + 1);
        last_ = v;
        extent.add(top_);
        float nearest = std::max(extent.near - diagonal_, 0.0f);
        if (extent.behind) {
            extent.left = extent.top = nearest = 0;
            extent.right = float(view_.width), extent.bottom = float(view_.height);
        }
        if (extent.right < -1 || extent.bottom < -1 || extent.left > float(view_.width) + 1 ||
            extent.top > float(view_.height) + 1)
            return;
        const int first = tile(extent.left - 1, columns_), last = tile(extent.right + 1, columns_);
        for (int j = tile(extent.top - 1, rows_); j <= tile(extent.bottom + 1, rows_); ++j)
            for (int i = first; i <= last; ++i) {
                float &known = near[size_t(j) * size_t(columns_) + size_t(i)];
                known = std::min(known, nearest);
            }
    }

    std::vector<float> near;

  private:
    static int tile(float pixel, int count) {
        return int(std::min(std::max(std::floor(pixel / TILE), 0.0f), float(count - 1)));
    }

    const Projection &projection_;
    const View &view_;
    int columns_, rows_;
    float diagonal_;
    Voxel last_ = {UINT16_MAX, UINT16_MAX, UINT16_MAX};
    Extent top_;
};

}  // namespace

std::vector<Voxel> surface_voxels(const Grid &g) {
    std::vector<Voxel> surface;
    const int64_t row = g.size[2], layer = row * g.size[1];
    const std::vector<uint8_t> empty(static_cast<size_t>(row), 0);
    std::vector<uint8_t> inside(static_cast<size_t>(row));  // all of its neighbours are occupied
    for (int x = 0; x < g.size[0]; ++x)
        for (int y = 0; y < g.size[1]; ++y) {
            const uint8_t *here = g.occupied + x * layer + y * row;
            if (std::memcmp(here, empty.data(), size_t(row)) == 0) continue;
            const uint8_t *left = x > 0 ? here - layer : empty.data(),
                          *right = x + 1 < g.size[0] ? here + layer : empty.data();
            const uint8_t *front = y > 0 ? here - row : empty.data(),
                          *back = y + 1 < g.size[1] ? here + row : empty.data();
            for (int64_t z = 0; z < row; ++z) inside[size_t(z)] = left[z] & right[z] & front[z] & back[z];
            for (int64_t z = 0; z < row; ++z)
                if (here[z] && !(inside[size_t(z)] && z > 0 && z + 1 < row && here[z - 1] && here[z + 1]))
                    surface.push_back({uint16_t(x), uint16_t(y), uint16_t(z)});
        }
    surface.shrink_to_fit();
    return surface;
}

TileMap find_tiles(const Grid &g, const std::vector<Voxel> &surface, const View &view, int threads) {
    TileMap map{(view.width + TILE - 1) / TILE, (view.height + TILE - 1) / TILE, {}, 0, 0, 0, 0};
    map.near.assign(size_t(map.columns) * size_t(map.rows), NONE);
    const Projection projection(g, view);
    Extent box;
    for (int c = 0; c < 8; ++c)
        box.add(projection.corner(c & 4 ? g.size[0] : 0, c & 2 ? g.size[1] : 0, c & 1 ? g.size[2] : 0));
    map.left = box.left - 2, map.right = box.right + 2, map.top = box.top - 2, map.bottom = box.bottom + 2;
    float side = 0;
    for (int a = 0; a < 3; ++a) side = std::max(side, g.box[3 + a] - g.box[a]);
    // From far away the slab test is rounded more coarsely than pixels are.
    if (box.behind || !(box.far < 1000 * side)) map.left = map.top = -NONE, map.right = map.bottom = NONE;

    std::vector<TileMarker> painters(static_cast<size_t>(threads), TileMarker(g, projection, view, map));
    const int64_t count = int64_t(surface.size());
    parallel_ranges(threads, count, std::max<int64_t>(4096, (count + threads - 1) / threads),
                    [&](int64_t begin, int64_t end, int thread) {
                        for (int64_t i = begin; i < end; ++i) painters[size_t(thread)].add(surface[size_t(i)]);
                    });
    for (const TileMarker &painter : painters)
        for (size_t i = 0; i < map.near.size(); ++i) map.near[i] = std::min(map.near[i], painter.near[i]);
    return map;
}

std::vector<int> tile_order(const TileMap &map, Rows rows) {
    const int first = rows.first / TILE * map.columns, end = (rows.end + TILE - 1) / TILE * map.columns;
    std::vector<int> order(static_cast<size_t>(end - first));
    for (size_t i = 0; i < order.size(); ++i) order[i] = first + int(i);
    auto along_curve = [&](int i) {
        uint32_t column = uint32_t(i % map.columns), row = uint32_t(i / map.columns), at = 0;
        for (int bit = 0; bit < 12; ++bit) at |= (column >> bit & 1) << (2 * bit) | (row >> bit & 1) << (2 * bit + 1);
        return at;
    };
    std::sort(order.begin(), order.end(), [&](int i, int j) { return along_curve(i) < along_curve(j); });
    std::stable_partition(order.begin(), order.end(), [&](int i) { return std::isfinite(map.near[size_t(i)]); });
    return order;
}

std::vector<size_t> block_starts(const TileMap &map, const std::vector<int> &order) {
    constexpr int SIDE = BLOCK / TILE;
    std::vector<size_t> starts;
    int before = -1;
    for (size_t i = 0; i < order.size(); ++i) {
        const int block = order[i] / map.columns / SIDE * map.columns + order[i] % map.columns / SIDE;
        if (block != before) starts.push_back(i);
        before = block;
    }
    starts.push_back(order.size());
    return starts;
}

}  // namespace dymap
