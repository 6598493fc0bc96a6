// The self-test of rays through grids: marching, and the depths of training samples. What is checked are properties.
#include "selftest/selftest.h"

namespace selftest {
namespace {

struct RandomGrid {
    std::vector<uint8_t> occupied;
    Grid grid;
    RandomGrid(int a, int b, int c, float share) : occupied(size_t(a * b * c)) {
        for (uint8_t &v : occupied) v = uniform(0, 1) < share;
        grid.occupied = occupied.data();
        const float box[6] = {-0.5f, -0.4f, -0.1f, 0.6f, 0.5f, 1.5f};
        const int size[3] = {a, b, c};
        for (int i = 0; i < 6; ++i) grid.box[i] = box[i];
        for (int i = 0; i < 3; ++i) grid.size[i] = size[i];
    }
    /// Whether a point lies in an occupied voxel, or on a face, where rounding decides.
    bool holds(const float *origin, const float *direction, double depth) const {
        size_t flat = 0;
        for (int a = 0; a < 3; ++a) {
            double x =
                (origin[a] + depth * direction[a] - grid.box[a]) / (grid.box[3 + a] - grid.box[a]) * grid.size[a];
            if (std::fabs(x - std::round(x)) < 1e-4) return true;
            if (x < 0 || x > grid.size[a]) return false;
            flat = flat * size_t(grid.size[a]) + size_t(x);
        }
        return occupied[flat];
    }
};

struct RandomRay {
    float origin[3], direction[3], near, far;
    explicit RandomRay(const Grid &g) {
        double length = 0, target[3];
        for (int a = 0; a < 3; ++a) {
            origin[a] = uniform(-3, 3);
            target[a] = g.box[a] + (g.box[3 + a] - g.box[a]) * uniform(0.1f, 0.9f) - origin[a];
            length += target[a] * target[a];
        }
        near = 0, far = INFINITY;
        for (int a = 0; a < 3; ++a) {
            direction[a] = float(target[a] / std::sqrt(length));
            float low = (g.box[a] - origin[a]) / direction[a], high = (g.box[3 + a] - origin[a]) / direction[a];
            near = std::max(near, std::min(low, high));
            far = std::min(far, std::max(low, high));
        }
    }
};

void check_intervals(float share) {
    context = "march_ray";
    RandomGrid random_grid(4, 5, 7, share);
    const Grid &g = random_grid.grid;
    const float step = 0.03f;
    for (int i = 0; i < 200; ++i) {
        RandomRay ray(g);
        Floats start(500), end(500);
        float t = ray.near;
        int count = march_ray(g, ray.origin, ray.direction, t, ray.far, step, 500, start.data(), end.data());
        expect(t + step / 2 >= ray.far - 1e-5f, "a ray ended before its range did");
        for (int k = 0; k < count; ++k) {
            float mid = (start[size_t(k)] + end[size_t(k)]) / 2;
            expect(std::fabs(end[size_t(k)] - start[size_t(k)] - step) < 1e-5f, "an interval is not a step long");
            expect(mid < ray.far && random_grid.holds(ray.origin, ray.direction, mid),
                   "a sample lies outside what is occupied");
            expect(k == 0 || start[size_t(k)] >= end[size_t(k - 1)] - 1e-5f, "intervals overlap");
        }
        if (share == 1)
            expect(std::abs(count - int((ray.far - ray.near) / step + 0.5f)) <= 1, "a full grid is not sampled evenly");
        if (share == 0) expect(count == 0, "samples in an empty grid");
        // In rounds of three the same is found.
        Floats some(3), ends(3);
        int total = 0, found = 3;
        for (t = ray.near; found == 3; total += found) {
            found = march_ray(g, ray.origin, ray.direction, t, ray.far, step, 3, some.data(), ends.data());
            for (int k = 0; k < found && total + k < count; ++k)
                expect(some[size_t(k)] == start[size_t(total + k)], "rounds find another sample");
        }
        expect(total == count, "rounds find another number");
    }
}

/// Rays that are no rays must come to an end, whatever they find.
void check_bad_rays() {
    context = "march_ray: bad rays";
    RandomGrid random_grid(4, 5, 7, 0.5f);
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, 0};
    Floats start(4), end(4);
    for (float o : bad)
        for (float d : bad)
            for (float far : {1.0f, INFINITY, NAN, 1e30f})
                for (float near : {0.0f, 1e9f, NAN}) {
                    const float origin[3] = {o, 0.1f, 0.2f}, direction[3] = {d, 0, d};
                    float t = near;
                    for (int round = 0; round < 3; ++round)
                        expect(march_ray(random_grid.grid, origin, direction, t, far, 0.03f, 4, start.data(),
                                         end.data()) <= 4,
                               "too many samples");
                    HullSampling s;
                    s.hull = random_grid.grid;
                    s.bins = 128;
                    const float jitter[4] = {0.5f, 0, 0.9f, 0.2f};
                    sample_ray(s, origin, direction, near, far, jitter, 4, start.data(), end.data());
                }
}

void check_hull_depths(bool drawn) {
    context = "hull_depths";
    RandomGrid random_grid(6, 5, 9, 0.3f);
    Floats sigma = random(3 * 4 * 5, -2, 8);
    HullSampling s;
    s.hull = random_grid.grid;
    s.bins = 128;
    s.uniform_share = 0.4f;
    if (drawn) {
        const int size[3] = {3, 4, 5};
        for (int a = 0; a < 3; ++a) s.size[a] = size[a];
        s.sigma = sigma.data();
    }
    for (int i = 0; i < 200; ++i) {
        RandomRay ray(s.hull);
        int count = 1 + i % 40;
        Floats jitter = random(count, 0, 1), z(jitter.size()), dist(jitter.size());
        bool hit =
            sample_ray(s, ray.origin, ray.direction, ray.near, ray.far, jitter.data(), count, z.data(), dist.data());
        double total = 0, inside = 0, width = (double(ray.far) - ray.near) / s.bins;
        int on_faces = 0;
        for (int k = 0; k < s.bins; ++k) {
            double mid = ray.near + width * (k + 0.5);
            bool in = random_grid.holds(ray.origin, ray.direction, mid);
            RandomGrid opposite = random_grid;
            for (uint8_t &v : opposite.occupied) v = !v;
            on_faces += in && opposite.holds(ray.origin, ray.direction, mid);
            inside += in ? width : 0;
        }
        for (int k = 0; k < count; ++k) {
            total += dist[size_t(k)];
            expect(dist[size_t(k)] >= -1e-6f, "a negative length");
            expect(z[size_t(k)] >= ray.near - 1e-5f && z[size_t(k)] <= ray.far + 1e-5f, "a depth outside the range");
            expect(k == 0 || z[size_t(k)] >= z[size_t(k - 1)] - 1e-5f, "depths that fall");
            // Pieces are kept or dropped as a whole, by their middles; at an end of a piece either may be meant.
            double piece = (z[size_t(k)] - ray.near) / width;
            bool held = false;
            for (double p : {piece - 1e-3, piece + 1e-3})
                held |= random_grid.holds(ray.origin, ray.direction, ray.near + width * (std::floor(p) + 0.5));
            expect(!hit || held, "a sample outside the hull");
        }
        expect(std::fabs(total - inside) < 1e-4 + on_faces * width, "lengths do not sum to the length inside");
        expect(hit == (inside > 0) || on_faces > 0, "hit");
    }
}

}  // namespace

void check_rays() {
    for (float share : {0.3f, 1.0f, 0.0f}) check_intervals(share);
    check_bad_rays();
    check_hull_depths(false);
    check_hull_depths(true);
}

}  // namespace selftest
