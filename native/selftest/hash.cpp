// The self-test of hash tables at one time: collapsed, whole and in a footprint, and looked up point by point.
#include "selftest/selftest.h"

namespace selftest {
namespace {

/// Entry of a vertex (method.md 2), with unsigned numbers of 64 bits.
int64_t entry_of(const Levels &l, int level, uint64_t x, uint64_t y, uint64_t z) {
    uint64_t r = uint64_t(l.resolution[level]), length = uint64_t(l.length[level]), wrap = uint64_t(1) << 32;
    uint64_t index =
        r * r * r <= length ? x + y * r + z * r * r : x ^ (y * 2654435761u % wrap) ^ (z * 805459861u % wrap);
    return l.offset[level] + int64_t(index % length);
}

Side time_side(const Levels &l, int level, float t) { return level_side(l, level, std::min(std::max(t, 0.0f), 1.0f)); }

/// f(collapsed row, entry, weight) for all vertices of all levels.
template <class F> void each_vertex(const Levels &l, float t, F &&f) {
    for (int level = 0; level < l.levels; ++level) {
        Side at = time_side(l, level, t);
        for (int64_t y = 0; y < l.resolution[level]; ++y)
            for (int64_t x = 0; x < l.resolution[level]; ++x)
                for (int k = 0; k < 2; ++k)
                    f(l.plane_offset[level] + y * l.resolution[level] + x,
                      entry_of(l, level, uint64_t(x), uint64_t(y), uint64_t(at.vertex + k)), at.weight[k]);
    }
}

std::vector<const float *> pointers(const std::vector<Floats> &tables) {
    std::vector<const float *> list;
    for (auto &table : tables) list.push_back(table.data());
    return list;
}
std::vector<float *> pointers(std::vector<Floats> &tables) {
    std::vector<float *> list;
    for (auto &table : tables) list.push_back(table.data());
    return list;
}

void check_collapse(const Levels &l, const std::vector<Floats> &tables, float t, int threads) {
    int F = l.features;
    int64_t rows = l.plane_offset[l.levels], count = int64_t(tables.size());
    TimeSlice slice = time_slice(l, t);
    Doubles expected(size_t(count * rows * F), 0.0);
    Floats gradient = random(count * rows * F);
    for (size_t i = 0; i < gradient.size(); i += 3) gradient[i] = 0;
    std::vector<Doubles> back(tables.size(), Doubles(tables[0].size(), 0.25));  // added to what is there
    each_vertex(l, t, [&](int64_t row, int64_t entry, double w) {
        for (int64_t k = 0; k < count; ++k)
            for (int f = 0; f < F; ++f) {
                expected[size_t((k * rows + row) * F + f)] += w * tables[size_t(k)][size_t(entry * F + f)];
                back[size_t(k)][size_t(entry * F + f)] += w * gradient[size_t((k * rows + row) * F + f)];
            }
    });
    Floats out(expected.size(), NAN);
    collapse_time(l, slice, pointers(tables).data(), int(count), nullptr, nullptr, 2, out.data(), threads);
    expect_close(out, expected, "collapsed");
    std::vector<Floats> into(tables.size(), Floats(tables[0].size(), 0.25f));
    collapse_time_backward(l, slice, gradient.data(), pointers(into).data(), int(count), threads);
    for (size_t k = 0; k < into.size(); ++k) expect_close(into[k], back[k], "gradient of a table");

    // In a footprint: within half a pixel of one of its pixels all four vertices are right.
    for (int size : {2, 9, 16, 40}) {
        std::vector<uint8_t> footprint(size_t(count) * size_t(size * size), 0);
        for (uint8_t &pixel : footprint) pixel = uniform(0, 1) < 0.05f;
        footprint[0] = footprint[footprint.size() - 1] = 1;
        std::vector<uint8_t> before(footprint.size(), 0);
        for (uint8_t &pixel : before) pixel = uniform(0, 1) < 0.05f;
        Floats used(out.size(), 0), fresh(out.size(), 0);
        collapse_time(l, slice, pointers(tables).data(), int(count), before.data(), nullptr, size, used.data(),
                      threads);
        collapse_time(l, slice, pointers(tables).data(), int(count), footprint.data(), before.data(), size, used.data(),
                      threads);
        collapse_time(l, slice, pointers(tables).data(), int(count), footprint.data(), nullptr, size, fresh.data(),
                      threads);
        expect(used == fresh, "vertices left from before");
        Floats part(out.size(), NAN);
        collapse_time(l, slice, pointers(tables).data(), int(count), footprint.data(), nullptr, size, part.data(),
                      threads);
        for (size_t i = 0; i < footprint.size(); ++i) {
            if (!footprint[i]) continue;
            int table = int(int64_t(i) / (size * size)), pixel = int(int64_t(i) % (size * size));
            float at[2] = {(float(pixel % size) + uniform(-0.49f, 0.49f)) / float(size - 1),
                           (float(pixel / size) + uniform(-0.49f, 0.49f)) / float(size - 1)};
            for (int level = 0; level < l.levels; ++level) {
                Side a = level_side(l, level, std::min(std::max(at[0], 0.0f), 1.0f)),
                     b = level_side(l, level, std::min(std::max(at[1], 0.0f), 1.0f));
                for (int c = 0; c < 4; ++c) {
                    if (a.weight[c & 1] == 0 || b.weight[c >> 1] == 0) continue;
                    int64_t row = table * rows + l.plane_offset[level] + (b.vertex + (c >> 1)) * l.resolution[level] +
                                  a.vertex + (c & 1);
                    for (int f = 0; f < F; ++f)
                        expect(part[size_t(row * F + f)] == out[size_t(row * F + f)],
                               "a vertex of the footprint is missing");
                }
            }
        }
    }
}

void check_points(const Levels &l, const std::vector<Floats> &tables, float t, unsigned which, int64_t n, int threads) {
    int F = l.features;
    int64_t stride = int64_t(l.levels) * F;
    Floats p = positions(n, true), out(size_t(n * stride), NAN), gradient = random(n * stride);
    Doubles expected(out.size(), 0.0);
    std::vector<Doubles> back(3, Doubles(tables[0].size(), 0.0));
    for (int64_t i = 0; i < n; ++i)
        for (int plane = 0; plane < 3; ++plane)
            for (int level = 0; level < l.levels; ++level) {
                Side a = level_side(l, level, p[size_t(3 * i + PLANE_AXES[plane][0])]),
                     b = level_side(l, level, p[size_t(3 * i + PLANE_AXES[plane][1])]);
                Side c = time_side(l, level, t);
                if (!(which >> plane & 1) || !a.inside || !b.inside) continue;
                for (int k = 0; k < 8; ++k) {
                    double w = a.weight[k >> 2] * b.weight[k >> 1 & 1] * c.weight[k & 1];
                    int64_t entry = entry_of(l, level, uint64_t(a.vertex + (k >> 2)), uint64_t(b.vertex + (k >> 1 & 1)),
                                             uint64_t(c.vertex + (k & 1)));
                    for (int f = 0; f < F; ++f) {
                        expected[size_t(i * stride + level * F + f)] +=
                            w * tables[size_t(plane)][size_t(entry * F + f)];
                        back[size_t(plane)][size_t(entry * F + f)] += w * gradient[size_t(i * stride + level * F + f)];
                    }
                }
            }
    TimeSlice slice = time_slice(l, t);
    hash_encode(l, slice, pointers(tables).data(), which, p.data(), n, out.data(), threads);
    expect_close(out, expected, "looked up");
    std::vector<Floats> into(3, Floats(tables[0].size(), 0));
    hash_encode_backward(l, slice, pointers(into).data(), which, p.data(), gradient.data(), n, threads);
    for (size_t k = 0; k < 3; ++k) expect_close(into[k], back[k], "gradient of a table");
}

}  // namespace

void check_hash(int threads) {
    for (int features : {1, 2, 3, 4})
        for (int levels : {1, 4})
            for (bool odd : {false, true}) {  // lengths that are no power of two
                Levels l = make_levels(levels, features, 4, 70, 10);
                for (int i = 0; odd && i < levels; ++i) l.length[i] = std::min<int64_t>(l.length[i], 777);
                for (int i = 0; i < levels; ++i) l.offset[i + 1] = l.offset[i] + l.length[i];
                std::vector<Floats> tables;
                for (int k = 0; k < 3; ++k) tables.push_back(random(l.offset[levels] * features));
                for (float t : {0.0f, 0.37f, 0.999f, 1.0f}) {
                    context = "hash: features " + std::to_string(features) + ", levels " + std::to_string(levels) +
                              ", t " + std::to_string(t);
                    check_collapse(l, tables, t, threads);
                    check_points(l, tables, t, 7, 60, threads);
                }
                check_collapse(l, {tables[1]}, 0.5f, threads);
                for (int64_t n : {0, 1, 1100}) check_points(l, tables, 0.6f, 5, n, threads);
            }
}

}  // namespace selftest
