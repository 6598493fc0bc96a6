// Images tile by tile: rays, samples, densities, weights, colours, all of a tile in the cache. Compiled without fused
// operations, so that rays and samples are those of the plain implementation.
#include "render/render.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "ops/threads.h"
#include "render/exact.h"
#include "render/fast.h"
#include "render/rays.h"
#include "render/shading.h"
#include "render/tiles.h"

namespace dymap {
namespace {

constexpr float NOWHERE = std::numeric_limits<float>::infinity();

/// One thread's work. Samples that wait for their colours may be of several tiles of a block.
class Worker {
  public:
    Worker(const TracedFrame &frame, const View &view, Rows rows, const Bricks *bricks, const Shortcuts &cuts,
           const Picture &picture)
        : box_(frame.grid.box),
          view_(view),
          rows_(rows),
          picture_(picture),
          shading_(frame, bricks, picture.rgb),
          rays_(TILE * TILE) {
        for (int a = 0; a < 3; ++a) origin_[a] = float(view.origin[a]);
        if (bricks)
            fast_.emplace(frame, *bricks, origin_, cuts, shading_);
        else
            exact_.emplace(frame, origin_, cuts.min_weight, shading_);
    }

    /// near: what rays see lies behind it, NOWHERE: they see nothing; misses: they do not even hit the box.
    void render_tile(int column, int row, float near, bool misses) {
        int count = start_rays(column, row, near, misses);
        if (exact_) exact_->trace(rays_.data(), count);
        for (int i = 0; i < count; ++i) {
            Ray &ray = rays_[size_t(i)];
            if (fast_) fast_->trace(ray, near);
            picture_.acc[ray.pixel] = ray.acc;
            picture_.depth[ray.pixel] = ray.depth + (1 - ray.acc) * ray.far;
        }
    }

    /// To be called after the last tile of a block.
    void finish() { shading_.flush(); }

    int64_t densities() const { return exact_ ? exact_->densities : fast_->densities; }
    int64_t colours() const { return shading_.colours; }

  private:
    /// The rays of a tile that may see something; the picture's pixels get what all others see.
    int start_rays(int column, int row, float tile_near, bool misses) {
        int count = 0, first = column * TILE, width = std::min(TILE, view_.width - first);
        RayRow rays;
        for (int j = row * TILE; j < std::min((row + 1) * TILE, view_.height); ++j) {
            int64_t start = int64_t(j - rows_.first) * view_.width + first;
            std::fill_n(picture_.acc + start, width, 0.0f);
            std::fill_n(picture_.rgb + 3 * start, 3 * width, 0.0f);
            std::fill_n(picture_.depth + start, width, NOWHERE);
            std::fill_n(picture_.far + start, width, NOWHERE);
            std::fill_n(picture_.hit + start, width, false);
            if (misses) continue;
            ray_directions(view_, first, j, rays);
            slab_test(origin_, box_, rays);
            for (int i = 0; i < width; ++i) {
                if (!(rays.near[i] < rays.far[i])) continue;
                picture_.hit[start + i] = true;
                picture_.depth[start + i] = picture_.far[start + i] = rays.far[i];
                if (tile_near == NOWHERE) continue;
                Ray ray;
                for (int a = 0; a < 3; ++a) ray.direction[a] = rays.direction[a][i];
                ray.pixel = int(start + i);
                ray.near = ray.t = std::max(rays.near[i], 0.0f);
                ray.far = rays.far[i];
                rays_[size_t(count++)] = ray;
            }
        }
        return count;
    }

    const float *box_;
    const View &view_;
    const Rows rows_;
    const Picture &picture_;
    float origin_[3];
    Shading shading_;
    std::optional<ExactTracing> exact_;
    std::optional<FastTracing> fast_;
    std::vector<Ray> rays_;
};

}  // namespace

RenderReport render(const TracedFrame &frame, const std::vector<Voxel> &surface, const View &view, Rows rows,
                    const Bricks *bricks, const Shortcuts &cuts, const Picture &picture,
                    const std::atomic<bool> *cancel, int threads) {
    const TileMap map = find_tiles(frame.grid, surface, view, threads);
    const std::vector<int> order = tile_order(map, rows);
    const std::vector<size_t> starts = block_starts(map, order);
    std::vector<std::unique_ptr<Worker>> workers(static_cast<size_t>(threads));
    for (auto &worker : workers) worker = std::make_unique<Worker>(frame, view, rows, bricks, cuts, picture);
    RenderReport report;
    report.tiles = int64_t(order.size());
    std::atomic<int64_t> finished{0};
    parallel_for(threads, int64_t(starts.size()) - 1, [&](int64_t job, int thread) {
        Worker &worker = *workers[size_t(thread)];
        for (size_t i = starts[size_t(job)]; i < starts[size_t(job) + 1]; ++i) {
            if (cancel && cancel->load(std::memory_order_relaxed)) break;
            int tile = order[i], column = tile % map.columns, row = tile / map.columns;
            worker.render_tile(column, row, map.near[size_t(tile)], map.misses(column, row));
            finished.fetch_add(1, std::memory_order_relaxed);
        }
        worker.finish();
    });
    report.finished = finished;
    for (auto &worker : workers) {
        report.densities += worker->densities();
        report.colours += worker->colours();
    }
    return report;
}

}  // namespace dymap
