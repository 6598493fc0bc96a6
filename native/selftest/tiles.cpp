// The self-test of tiles: images by the surface of the occupied space are those by all of its voxels, and images of
// some rows and by any number of threads those of all rows, to the bit.
#include "render/tiles.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "selftest/images.h"
#include "selftest/selftest.h"
#include "selftest/smooth_frame.h"

namespace selftest {
namespace {

/// Occupied boxes with holes in them, in a grid of some thousand voxels.
struct RandomVoxels {
    std::vector<uint8_t> occupied;
    Grid grid;

    explicit RandomVoxels(const Grid &like) : grid(like) {
        const int size[3] = {23, 19, 31};
        std::copy_n(size, 3, grid.size);
        occupied.assign(size_t(size[0] * size[1] * size[2]), 0);
        for (int i = 0; i < 4; ++i) fill(12, 1);
        for (int i = 0; i < 3; ++i) fill(4, 0);
        grid.occupied = occupied.data();
    }

    bool at(int x, int y, int z) const {
        const int *n = grid.size;
        return x >= 0 && y >= 0 && z >= 0 && x < n[0] && y < n[1] && z < n[2] &&
               occupied[size_t((x * n[1] + y) * n[2] + z)];
    }

    /// f(x, y, z) for all occupied voxels.
    template <class F> void each(F &&f) const {
        for (int x = 0; x < grid.size[0]; ++x)
            for (int y = 0; y < grid.size[1]; ++y)
                for (int z = 0; z < grid.size[2]; ++z)
                    if (at(x, y, z)) f(x, y, z);
    }

  private:
    void fill(int side, uint8_t value) {
        int low[3], high[3];
        for (int a = 0; a < 3; ++a) {
            low[a] = int(uniform(0, float(grid.size[a])));
            high[a] = std::min(low[a] + int(uniform(1, float(side))), grid.size[a]);
        }
        for (int x = low[0]; x < high[0]; ++x)
            for (int y = low[1]; y < high[1]; ++y)
                for (int z = low[2]; z < high[2]; ++z)
                    occupied[size_t((x * grid.size[1] + y) * grid.size[2] + z)] = value;
    }
};

void expect_same(const Images &found, const Images &expected, const std::string &what) {
    expect(found.rgb == expected.rgb && found.acc == expected.acc && found.depth == expected.depth &&
               found.far == expected.far &&
               std::equal(found.hit.get(), found.hit.get() + found.acc.size(), expected.hit.get()),
           what);
}

/// An image block of rows by block of rows, by one thread.
Images in_bands(const TracedFrame &frame, const std::vector<Voxel> &surface, const View &v, const Bricks *bricks) {
    Images seen(v);
    const Picture all = seen.picture();
    for (int first = 0; first < v.height; first += BLOCK) {
        const int64_t at = int64_t(first) * v.width;
        const Picture rows = {all.rgb + 3 * at, all.acc + at, all.depth + at, all.far + at, all.hit + at};
        render(frame, surface, v, {first, std::min(first + BLOCK, v.height)}, bricks, {3, 1e-3f}, rows, nullptr, 1);
    }
    return seen;
}

void check_grid(int threads) {
    SmoothFrame smooth(true, Directions::fourier);
    TracedFrame &frame = smooth.frame;
    const RandomVoxels voxels(frame.grid);
    frame.grid = voxels.grid;
    std::vector<Voxel> all, expected;
    voxels.each([&](int x, int y, int z) {
        bool inside = true;
        for (int step : {-1, 1})
            inside &= voxels.at(x + step, y, z) && voxels.at(x, y + step, z) && voxels.at(x, y, z + step);
        all.push_back({uint16_t(x), uint16_t(y), uint16_t(z)});
        if (!inside) expected.push_back(all.back());
    });
    const std::vector<Voxel> surface = surface_voxels(frame.grid);
    expect(surface.size() == expected.size() &&
               std::equal(surface.begin(), surface.end(), expected.begin(),
                          [](Voxel a, Voxel b) { return a.x == b.x && a.y == b.y && a.z == b.z; }),
           "the surface");

    const Bricks bricks = make_bricks(frame, threads);
    const double middle[3] = {0.05, 0.05, 0.7};
    for (int i = 0; i < 12; ++i) {
        double eye[3];
        const double reach = i < 4 ? 3 : i < 6 ? 30 : 0.5;  // outside, far away, or within the box
        for (int a = 0; a < 3; ++a) eye[a] = middle[a] + uniform(-1, 1) * reach * (a == 2 ? 1.6 : 1);
        if (i >= 9) {  // in an occupied voxel
            const Voxel &v = all[size_t(uniform(0, float(all.size())))];
            const int at[3] = {v.x, v.y, v.z};
            for (int a = 0; a < 3; ++a)
                eye[a] = frame.grid.box[a] +
                         (frame.grid.box[3 + a] - frame.grid.box[a]) * (at[a] + uniform(0, 1)) / frame.grid.size[a];
        }
        View v = look(eye, middle, 45, 67, i < 4 ? 40 : i < 6 ? 400 : 16, 0.5);
        for (const Bricks *b : {(const Bricks *)nullptr, &bricks}) {
            const std::string kind = b ? "a fast image" : "an exact image";
            const Rows rows = {0, v.height};
            Images seen(v), of_all(v);
            render(frame, surface, v, rows, b, {3, 1e-3f}, seen.picture(), nullptr, threads);
            render(frame, all, v, rows, b, {3, 1e-3f}, of_all.picture(), nullptr, 1);
            expect_same(seen, of_all, kind + " by the surface differs from that by all voxels");
            expect_same(seen, in_bands(frame, surface, v, b), kind + " differs from its bands");
        }
    }
}

}  // namespace

void check_tiles(int threads) {
    context = std::string(kernels().name) + " tiles";
    for (int i = 0; i < 3; ++i) check_grid(threads);
}

}  // namespace selftest
