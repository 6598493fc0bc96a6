// Images tile by tile: rays, samples, densities, weights, colours, all of a tile in the cache. Compiled without fused
// operations, so that rays and samples are those of the plain implementation.
#include "render.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "dispatch.h"
#include "threads.h"

namespace dymap {
namespace {

constexpr int TILE = 16;            // pixels a side
constexpr int RAYS = TILE * TILE;
constexpr int SAMPLES = 2048;       // worked on at once
constexpr int ROUND = 4;            // samples of a ray between two looks at its transmittance, at least
constexpr float MIN_TRANSMITTANCE = 1e-3f;
constexpr float MOST_STEPS = 65536;  // of a ray in the box, and more
constexpr int MOST_LANES = 16;
// Of `fast`, weights: so light that samples may share a colour with twice as many, or with those before them; and so heavy
// that they share none.
constexpr float LIGHT = 1 / 8.0f, FAINT = 1 / 32.0f, HEAVY = 0.4f;
constexpr float NARROW = 0.12f;  // directions so close together add to the networks linearly

/// The whole part of x in [0, most], also of what does not fit an integer, or is no number.
int whole(float x, float most) { return x > 0 ? int(std::min(x, most)) : 0; }

struct Ray {
    float direction[3], near, far, t;
    float transmittance = 1, acc = 0, depth = 0, rgb[3] = {0, 0, 0};
    int pixel, view = -1;
};

/// The rays of neighbouring pixels, component by component: the compiler works on several at once.
struct RayRow {
    float direction[3][TILE], near[TILE], far[TILE];
};

/// Directions of the pixels of a row from `column` on.
void ray_directions(const View &view, int column, int row, RayRow &rays) {
    double d[3][TILE], length[TILE];
    const double y = row + view.offset;
    for (int a = 0; a < 3; ++a) {
        const double r0 = view.ray[3 * a], r1 = view.ray[3 * a + 1] * y, r2 = view.ray[3 * a + 2];
        for (int i = 0; i < TILE; ++i) d[a][i] = r0 * (column + i + view.offset) + r1 + r2;
    }
    for (int i = 0; i < TILE; ++i) length[i] = std::sqrt(d[0][i] * d[0][i] + d[1][i] * d[1][i] + d[2][i] * d[2][i]);
    for (int a = 0; a < 3; ++a)
        for (int i = 0; i < TILE; ++i) rays.direction[a][i] = float(d[a][i] / length[i]);
}

/// Entry and exit of a box as the published implementation computes them: components near zero become 1e-5. They hit it
/// where near < far.
void slab_test(const float *origin, const float *box, RayRow &rays) {
    std::fill_n(rays.near, TILE, -std::numeric_limits<float>::infinity());
    std::fill_n(rays.far, TILE, std::numeric_limits<float>::infinity());
    for (int a = 0; a < 3; ++a) {
        const float below = box[a] - origin[a], above = box[3 + a] - origin[a];
        for (int i = 0; i < TILE; ++i) {
            float d = rays.direction[a][i];
            d = (d < 1e-5f) & (d > -1e-10f) ? 1e-5f : d;
            d = (d < 1e-10f) & (d > -1e-5f) ? -1e-5f : d;
            float low = below / d, high = above / d, first = high < low ? high : low, last = low < high ? high : low;
            rays.near[i] = rays.near[i] < first ? first : rays.near[i];
            rays.far[i] = last < rays.far[i] ? last : rays.far[i];
        }
    }
}

/// Embedded viewing direction (method.md 3).
void embed(Directions kind, int degree, const float *d, float *out) {
    if (kind == Directions::fourier) {
        for (int a = 0; a < 3; ++a) {
            *out++ = d[a];
            for (int f = 0; f < degree; ++f) out[f] = std::cos(d[a] * float(1 << f));
            out += degree;
            for (int f = 0; f < degree; ++f) out[f] = std::sin(d[a] * float(1 << f));
            out += degree;
        }
        return;
    }
    float x = d[0], y = d[1], z = d[2];
    const float bands[16] = {
        0.28209479f, -0.48860251f * y, 0.48860251f * z, -0.48860251f * x, 1.09254843f * x * y, -1.09254843f * y * z,
        0.94617470f * z * z - 0.31539157f, -1.09254843f * x * z, 0.54627422f * (x * x - y * y),
        -0.59004359f * y * (3 * x * x - y * y), 2.89061144f * x * y * z, 0.45704580f * y * (1 - 5 * z * z),
        0.37317633f * z * (5 * z * z - 3), 0.45704580f * x * (1 - 5 * z * z), 1.44530572f * z * (x * x - y * y),
        0.59004359f * x * (-x * x + 3 * y * y)};
    std::memcpy(out, bands, sizeof(float) * size_t(degree * degree));
}

/// Which tiles may see an occupied voxel, and from what distance on.
struct TileMap {
    int columns, rows;
    std::vector<float> near;  // infinity: none
    float left, right, top, bottom;  // pixels that may see the box
    bool misses(int column, int row) const {
        return float((column + 1) * TILE) < left || float(column * TILE) > right || float((row + 1) * TILE) < top ||
               float(row * TILE) > bottom;
    }
};

TileMap find_tiles(const TracedFrame &frame, const View &view) {
    const float none = std::numeric_limits<float>::infinity();
    TileMap map{(view.width + TILE - 1) / TILE, (view.height + TILE - 1) / TILE, {}, none, -none, none, -none};
    map.near.assign(size_t(map.columns) * size_t(map.rows), none);
    const Grid &g = frame.grid;
    const int *n = g.size;
    struct Corner {
        float column, row, depth, distance;
    };
    std::vector<Corner> corners(size_t(n[0] + 1) * size_t(n[1] + 1) * size_t(n[2] + 1));
    size_t at = 0;
    for (int x = 0; x <= n[0]; ++x)
        for (int y = 0; y <= n[1]; ++y)
            for (int z = 0; z <= n[2]; ++z) {
                int index[3] = {x, y, z};
                double p[3], q[3];
                for (int a = 0; a < 3; ++a)
                    p[a] = g.box[a] + (double(g.box[3 + a]) - g.box[a]) * index[a] / n[a] - view.origin[a];
                for (int r = 0; r < 3; ++r)
                    q[r] = view.project[3 * r] * p[0] + view.project[3 * r + 1] * p[1] + view.project[3 * r + 2] * p[2];
                corners[at++] = {float(q[0] / q[2] - view.offset), float(q[1] / q[2] - view.offset), float(q[2]),
                                 float(std::sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]))};
            }
    float diagonal = 0;
    for (int a = 0; a < 3; ++a) {
        float side = (g.box[3 + a] - g.box[a]) / float(n[a]);
        diagonal += side * side;
    }
    diagonal = std::sqrt(diagonal);
    size_t row = size_t(n[2]) + 1, layer = row * (size_t(n[1]) + 1);
    float farthest = 0, extent = 0;
    bool around = false;
    for (int c = 0; c < 8; ++c) {
        const Corner &k = corners[(c & 4 ? size_t(n[0]) * layer : 0) + (c & 2 ? size_t(n[1]) * row : 0) + (c & 1 ? size_t(n[2]) : 0)];
        around |= !(k.depth > 1e-3f);
        map.left = std::min(map.left, k.column - 2), map.right = std::max(map.right, k.column + 2);
        map.top = std::min(map.top, k.row - 2), map.bottom = std::max(map.bottom, k.row + 2);
        farthest = std::max(farthest, k.distance);
    }
    for (int a = 0; a < 3; ++a) extent = std::max(extent, g.box[3 + a] - g.box[a]);
    // From far away the slab test is rounded more coarsely than pixels are.
    if (around || !(farthest < 1000 * extent)) map.left = map.top = -none, map.right = map.bottom = none;
    for (int x = 0; x < n[0]; ++x)
        for (int y = 0; y < n[1]; ++y)
            for (int z = 0; z < n[2]; ++z) {
                if (!g.occupied[(int64_t(x) * n[1] + y) * n[2] + z]) continue;
                float left = none, right = -none, top = none, bottom = -none, near = none;
                bool behind = false;
                for (int c = 0; c < 8; ++c) {
                    const Corner &k = corners[size_t(x + (c >> 2)) * layer + size_t(y + (c >> 1 & 1)) * row + size_t(z + (c & 1))];
                    behind |= !(k.depth > 1e-3f);
                    left = std::min(left, k.column), right = std::max(right, k.column);
                    top = std::min(top, k.row), bottom = std::max(bottom, k.row);
                    near = std::min(near, k.distance);
                }
                near = std::max(near - diagonal, 0.0f);
                if (behind) left = top = 0, right = float(view.width), bottom = float(view.height), near = 0;
                auto tile = [](float pixel, int last) {
                    return int(std::min(std::max(std::floor(pixel / TILE), 0.0f), float(last)));
                };
                if (right < -1 || bottom < -1 || left > float(view.width) + 1 || top > float(view.height) + 1) continue;
                for (int j = tile(top - 1, map.rows - 1); j <= tile(bottom + 1, map.rows - 1); ++j)
                    for (int i = tile(left - 1, map.columns - 1); i <= tile(right + 1, map.columns - 1); ++i) {
                        float &known = map.near[size_t(j) * size_t(map.columns) + size_t(i)];
                        known = std::min(known, near);
                    }
            }
    return map;
}

/// One thread's work: the rays of a tile, and samples waiting for their colours, which may be of several tiles.
class Worker {
  public:
    Worker(const TracedFrame &frame, const View &view, const Bricks *bricks, const Shortcuts &cuts, const Picture &picture)
        : frame_(frame),
          view_(view),
          bricks_(bricks),
          cuts_(cuts),
          picture_(picture),
          channels_(frame.maps.features),
          rays_(RAYS),
          position_(3 * SAMPLES),
          start_(SAMPLES),
          end_(SAMPLES),
          encoded_(bricks ? 0 : size_t(SAMPLES) * size_t(frame.encoding.channels)),
          sigma_(SAMPLES),
          sample_ray_(SAMPLES),
          features_(size_t(SAMPLES) * size_t(channels_)),
          seen_position_(3 * SAMPLES),
          seen_weight_(SAMPLES),
          seen_pixel_(SAMPLES),
          seen_view_(SAMPLES),
          directions_(3 * SAMPLES),
          views_(size_t(SAMPLES) * size_t(frame.maps.view)),
          rgb_(3 * SAMPLES),
          scratch_(size_t(kernels().mlp_scratch(frame.maps)) + 64) {
        for (int a = 0; a < 3; ++a) {
            origin_[a] = float(view.origin[a]);
            extent_[a] = frame.grid.box[3 + a] - frame.grid.box[a];
        }
        if (!bricks) return;
        field_.index = bricks->index.data();
        field_.sigma = bricks->sigma.data();
        field_.occupied = frame.grid.occupied;
        field_.step = frame.step;
        for (int a = 0; a < 3; ++a) {
            field_.size[a] = bricks->size[a];
            field_.grid[a] = frame.grid.size[a];
            field_.to_voxel[a] = bricks->cell[a] * float(frame.grid.size[a]);
            to_lattice_[a] = 1 / (extent_[a] * bricks->cell[a]);
        }
        tiles_.channels = channels_;
        for (int a = 0; a < 3; ++a) {
            tiles_.data[a] = bricks->features[a].data();
            tiles_.number[a] = bricks->tile[a].data();
            tiles_.size[a] = bricks->size[a];
            tiles_.scale[a] = 1 / bricks->cell[a];
        }
    }

    int64_t densities = 0, colours = 0;

    void tile(int column, int row, float near, bool misses) {
        int count = start_rays(column, row, near, misses);
        if (bricks_)
            for (int i = 0; i < count; ++i) walk(rays_[size_t(i)]);
        else
            march(count);
        for (int i = 0; i < count; ++i) finish(rays_[size_t(i)]);
    }

    /// Colours of the samples that wait.
    void flush() {
        if (seen_ == 0) return;
        if (bricks_) {
            kernels().tile_features(tiles_, seen_position_.data(), seen_, features_.data());
        }
        Samples samples;
        samples.count = seen_;
        samples.features = features_.data();
        samples.views = views_.data();
        samples.position = seen_position_.data();
        samples.ray = seen_view_.data();
        if (bricks_ && narrow_views())
            samples.offset = offset_.data();
        else
            for (size_t i = 0; i < size_t(views_held_); ++i)
                embed(frame_.directions, frame_.degree, directions_.data() + 3 * i, views_.data() + i * size_t(frame_.maps.view));
        std::fill_n(rgb_.begin(), 3 * seen_, 0.0f);
        auto aligned = (reinterpret_cast<uintptr_t>(scratch_.data()) + 63) / 64 * 64;
        kernels().mlp_forward(frame_.maps, samples, rgb_.data(), reinterpret_cast<void *>(aligned));
        kernels().sigmoid(rgb_.data(), 3 * seen_);
        for (int i = 0; i < seen_; ++i)
            for (int c = 0; c < 3; ++c)
                picture_.rgb[3 * int64_t(seen_pixel_[size_t(i)]) + c] += seen_weight_[size_t(i)] * rgb_[size_t(3 * i + c)];
        colours += seen_;
        seen_ = views_held_ = 0;
    }

  private:
    /// The rays of a tile that hit the box; the picture's pixels get what all others see.
    int start_rays(int column, int row, float tile_near, bool misses) {
        int count = 0, first = column * TILE, width = std::min(TILE, view_.width - first);
        RayRow rays;
        for (int j = row * TILE; j < std::min((row + 1) * TILE, view_.height); ++j) {
            int64_t start = int64_t(j) * view_.width + first;
            std::fill_n(picture_.acc + start, width, 0.0f);
            std::fill_n(picture_.rgb + 3 * start, 3 * width, 0.0f);
            std::fill_n(picture_.depth + start, width, std::numeric_limits<float>::infinity());
            std::fill_n(picture_.far + start, width, std::numeric_limits<float>::infinity());
            std::fill_n(picture_.hit + start, width, false);
            if (misses) continue;
            ray_directions(view_, first, j, rays);
            slab_test(origin_, frame_.grid.box, rays);
            for (int i = 0; i < width; ++i) {
                if (!(rays.near[i] < rays.far[i])) continue;
                picture_.hit[start + i] = true;
                picture_.depth[start + i] = picture_.far[start + i] = rays.far[i];
                if (tile_near == std::numeric_limits<float>::infinity()) continue;
                Ray ray;
                for (int a = 0; a < 3; ++a) ray.direction[a] = rays.direction[a][i];
                ray.pixel = int(start + i);
                ray.near = ray.t = std::max(rays.near[i], 0.0f);
                ray.far = rays.far[i];
                rays_[size_t(count++)] = ray;
            }
        }
        skip_ = tile_near;
        return count;
    }

    /// If the samples that wait are all seen in nearly one direction, the view as a linear function of it (see Samples).
    bool narrow_views() {
        float low[3], high[3], middle[3];
        std::copy_n(directions_.data(), 3, low);
        std::copy_n(directions_.data(), 3, high);
        for (int i = 1; i < views_held_; ++i)
            for (int a = 0; a < 3; ++a) {
                float d = directions_[size_t(3 * i + a)];
                low[a] = std::min(low[a], d);
                high[a] = std::max(high[a], d);
            }
        for (int a = 0; a < 3; ++a) {
            middle[a] = (low[a] + high[a]) / 2;
            if (!(high[a] - low[a] < NARROW)) return false;
        }
        size_t V = size_t(frame_.maps.view);
        embed(frame_.directions, frame_.degree, middle, views_.data());
        std::vector<float> &before = slope_;
        before.resize(V);
        for (int a = 0; a < 3; ++a) {
            float *after = views_.data() + size_t(a + 1) * V, to[3] = {middle[0], middle[1], middle[2]}, half = NARROW / 4;
            to[a] = middle[a] - half;
            embed(frame_.directions, frame_.degree, to, before.data());
            to[a] = middle[a] + half;
            embed(frame_.directions, frame_.degree, to, after);
            for (size_t k = 0; k < V; ++k) after[k] = (after[k] - before[k]) / (2 * half);
        }
        for (size_t i = 0; i < size_t(seen_); ++i)
            for (size_t a = 0; a < 3; ++a) offset_[3 * i + a] = directions_[3 * size_t(seen_view_[i]) + a] - middle[a];
        return true;
    }

    void finish(const Ray &ray) {
        picture_.acc[ray.pixel] = ray.acc;
        picture_.depth[ray.pixel] = ray.depth + (1 - ray.acc) * ray.far;
    }

    void place(const Ray &ray, float mid, float *position) const {
        for (int a = 0; a < 3; ++a)
            position[a] = (origin_[a] + mid * ray.direction[a] - frame_.grid.box[a]) / extent_[a];
    }

    /// All rays of a tile, some samples each at a time, until they have left the box or are opaque (method.md 8).
    void march(int count) {
        std::vector<int> &live = live_;
        live.resize(size_t(count));
        for (int i = 0; i < count; ++i) live[size_t(i)] = i;
        while (!live.empty()) {
            int round = std::min(2 * ROUND, std::max(ROUND, 256 / int(live.size())));
            int n = 0;
            size_t kept = 0;
            for (size_t k = 0; k < live.size(); ++k) {
                Ray &ray = rays_[size_t(live[k])];
                int found = march_ray(frame_.grid, origin_, ray.direction, ray.t, ray.far, frame_.step, round,
                                      start_.data() + n, end_.data() + n);
                for (int s = n; s < n + found; ++s) {
                    sample_ray_[size_t(s)] = live[k];
                    place(ray, (start_[size_t(s)] + end_[size_t(s)]) / 2, position_.data() + 3 * s);
                }
                n += found;
                if (found == round) live[kept++] = live[k];  // not at its end yet
                if (n + round > SAMPLES || k + 1 == live.size()) {
                    composite(n);
                    n = 0;
                }
            }
            live.resize(kept);
            live.erase(std::remove_if(live.begin(), live.end(),
                                      [this](int i) { return rays_[size_t(i)].transmittance < MIN_TRANSMITTANCE; }),
                       live.end());
        }
    }

    /// Densities, opacities and weights of n samples in order along their rays; those that are seen go on to colour.
    void composite(int n) {
        if (n == 0) return;
        const Encoding &e = frame_.encoding;
        kernels().encode(e, position_.data(), n, encoded_.data());
        kernels().pair_dot(encoded_.data(), n, channels_, sigma_.data());
        kernels().opacity(sigma_.data(), frame_.step, n, sigma_.data());
        densities += n;
        for (int s = 0; s < n; ++s) {
            Ray &ray = rays_[size_t(sample_ray_[size_t(s)])];
            float alpha = sigma_[size_t(s)], weight = alpha * ray.transmittance;
            ray.transmittance *= 1 - alpha;
            if (weight > cuts_.min_weight)
                add_sample(ray, (start_[size_t(s)] + end_[size_t(s)]) / 2, weight, position_.data() + 3 * s,
                    encoded_.data() + int64_t(s) * e.channels);
        }
    }

    /// A sample that is seen: it counts at once, its colour is worked out with many others.
    void add_sample(Ray &ray, float mid, float weight, const float *position, const float *feature) {
        ray.acc += weight;
        ray.depth += weight * mid;
        if (seen_ == SAMPLES) flush();
        if (seen_ == 0) ++batch_;
        if (ray.view < 0 || ray_batch_ != batch_ || view_pixel_ != ray.pixel) {
            ray.view = views_held_++;
            ray_batch_ = batch_;
            view_pixel_ = ray.pixel;
            std::copy_n(ray.direction, 3, directions_.data() + 3 * size_t(ray.view));
        }
        size_t at = size_t(seen_++);
        std::memcpy(seen_position_.data() + 3 * at, position, 3 * sizeof(float));
        if (feature) std::memcpy(features_.data() + at * size_t(channels_), feature, sizeof(float) * size_t(channels_));
        seen_weight_[at] = weight;
        seen_pixel_[at] = ray.pixel;
        seen_view_[at] = ray.view;
    }

    /// Consecutive samples of a ray that share one colour, taken at their mean depth.
    struct MergedSample {
        int count = 0;
        float weight = 0, weighted = 0, heaviest = 0, best = 0, last = 0;
        void add(float w, float mid) {
            ++count;
            weight += w;
            weighted += w * mid;
            last = mid;
            if (w > heaviest) heaviest = w, best = mid;
        }
    };

    /// One ray through the bricks.
    void walk(Ray &ray) {
        const float step = frame_.step;
        RayWalk way;
        for (int a = 0; a < 3; ++a) {
            way.origin[a] = (origin_[a] - frame_.grid.box[a]) * to_lattice_[a];
            way.direction[a] = ray.direction[a] * to_lattice_[a];
            if (std::fabs(way.direction[a]) < 1e-12f) way.direction[a] = 1e-12f;
            way.inverse[a] = 1 / way.direction[a];
        }
        way.near = ray.near;
        way.far = ray.far;
        // Samples k with near + (k + 1/2) step < far. From so far away that rounding is coarser than the box, far - near
        // is anything.
        way.last = whole((ray.far - ray.near) / step - 0.5f, MOST_STEPS) + 1;
        way.next = std::max(0, whole((skip_ - ray.near) / step, MOST_STEPS) - 1);
        way.densities = 0;
        MergedSample merged;
        float alphas[MOST_LANES];
        while (int count = kernels_.walk(field_, way, alphas)) {
            for (int l = 0; l < count; ++l) {
                float alpha = alphas[l], weight = alpha * ray.transmittance;
                ray.transmittance *= 1 - alpha;
                if (!(weight > cuts_.min_weight)) continue;
                float mid = ray.near + (float(way.next - count + l) + 0.5f) * step;
                int most = merged.weight < LIGHT ? 2 * cuts_.merge : cuts_.merge;
                bool heavy = merged.weight + weight > HEAVY, apart = mid - merged.last > 1.5f * step;
                if (merged.count && (merged.count >= most || heavy || apart)) add_merged(ray, merged);
                merged.add(weight, mid);
                if (ray.transmittance < MIN_TRANSMITTANCE) break;
            }
            if (ray.transmittance < MIN_TRANSMITTANCE) break;
        }
        densities += way.densities;
        if (merged.count) finish_walk(ray, merged);
    }

    /// The last samples of a ray, which take the colour before theirs if they hardly show.
    void finish_walk(Ray &ray, MergedSample &merged) {
        size_t before = size_t(seen_) - 1;
        if (merged.weight >= FAINT || cuts_.merge == 1 || seen_ == 0 || seen_pixel_[before] != ray.pixel) return add_merged(ray, merged);
        ray.acc += merged.weight;
        ray.depth += merged.weighted;
        seen_weight_[before] += merged.weight;
    }

    void add_merged(Ray &ray, MergedSample &merged) {
        float position[3], mid = merged.weighted / merged.weight;
        place(ray, mid, position);
        if (!has_tiles(position)) place(ray, merged.best, position);
        add_sample(ray, mid, merged.weight, position, nullptr);
        merged = {};
    }

    bool has_tiles(const float *position) const {
        int tile[3];
        for (int a = 0; a < 3; ++a)
            tile[a] = whole(position[a] * tiles_.scale[a], float(tiles_.size[a] * BRICK - 1)) / BRICK;
        for (int p = 0; p < 3; ++p)
            if (tiles_.number[p][tile[PLANE_AXES[p][0]] * tiles_.size[PLANE_AXES[p][1]] + tile[PLANE_AXES[p][1]]] < 0) return false;
        return true;
    }

    const TracedFrame &frame_;
    const View &view_;
    const Bricks *bricks_;
    const Shortcuts &cuts_;
    const Picture &picture_;
    int channels_;
    float origin_[3], extent_[3], skip_ = 0;
    std::vector<Ray> rays_;
    std::vector<int> live_;
    std::vector<float> position_, start_, end_, encoded_, sigma_;
    std::vector<int> sample_ray_;
    int seen_ = 0, views_held_ = 0, batch_ = 0, ray_batch_ = -1, view_pixel_ = -1;
    std::vector<float> features_, seen_position_, seen_weight_;
    std::vector<int> seen_pixel_;
    std::vector<int32_t> seen_view_;
    std::vector<float> directions_, offset_ = std::vector<float>(3 * SAMPLES), slope_, views_, rgb_;
    std::vector<char> scratch_;
    FeatureTiles tiles_;
    BrickField field_;
    float to_lattice_[3];
    const Kernels &kernels_ = kernels();
};

}  // namespace

RenderReport render(const TracedFrame &frame, const View &view, const Bricks *bricks, const Shortcuts &cuts,
                    const Picture &picture, const std::atomic<bool> *cancel, int threads) {
    TileMap map = find_tiles(frame, view);
    std::vector<std::unique_ptr<Worker>> workers(static_cast<size_t>(threads));
    RenderReport report;
    report.tiles = int64_t(map.near.size());
    std::atomic<int64_t> finished{0};
    // Tiles that see something first: they take long, and are what a cancelled image should have.
    std::vector<int> order(map.near.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = int(i);
    // Neighbours follow each other: they see the same cells in nearly the same directions.
    auto along_curve = [&](int i) {
        uint32_t column = uint32_t(i % map.columns), row = uint32_t(i / map.columns), at = 0;
        for (int bit = 0; bit < 12; ++bit) at |= (column >> bit & 1) << (2 * bit) | (row >> bit & 1) << (2 * bit + 1);
        return at;
    };
    std::sort(order.begin(), order.end(), [&](int i, int j) { return along_curve(i) < along_curve(j); });
    std::stable_partition(order.begin(), order.end(), [&](int i) { return std::isfinite(map.near[size_t(i)]); });
    for (auto &worker : workers) worker = std::make_unique<Worker>(frame, view, bricks, cuts, picture);
    parallel_for(threads, report.tiles, [&](int64_t job, int thread) {
        if (cancel && cancel->load(std::memory_order_relaxed)) return;
        int tile = order[size_t(job)];
        int column = tile % map.columns, row = tile / map.columns;
        workers[size_t(thread)]->tile(column, row, map.near[size_t(tile)], map.misses(column, row));
        finished.fetch_add(1, std::memory_order_relaxed);
    });
    parallel_for(threads, threads, [&](int64_t job, int) { workers[size_t(job)]->flush(); });
    report.finished = finished;
    for (auto &worker : workers) {
        report.densities += worker->densities;
        report.colours += worker->colours;
    }
    return report;
}

std::vector<uint16_t> make_half(const Maps &m, int threads) {
    if (!kernels().half) return {};
    int64_t lanes = kernels().lanes, MH = int64_t(m.networks) * m.hidden, width = (MH + lanes - 1) / lanes * lanes;
    int64_t pairs = (m.features + 1) / 2, K = m.features + m.view;
    std::vector<uint16_t> half(size_t(3 * m.cells * pairs * width * 2), 0);
    parallel_for(threads, 3 * int64_t(m.cells), [&](int64_t cell, int) {
        const float *from = m.first + cell * K * MH;
        uint16_t *to = half.data() + cell * pairs * width * 2;
        for (int64_t k = 0; k < m.features; ++k)
            for (int64_t h = 0; h < MH; ++h) kernels().to_half(from + k * MH + h, 1, to + ((k / 2) * width + h) * 2 + k % 2);
    });
    return half;
}

}  // namespace dymap
