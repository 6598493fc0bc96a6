// Every shape is checked here, or with what is here; behind the module nothing is. What is written to and may come from
// elsewhere is `noconvert`: a tensor that is not contiguous would be copied, and the copy written to.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "ops/ops.h"

namespace dymap {

namespace nb = nanobind;
using namespace nb::literals;

template <class T> using Array = nb::ndarray<T, nb::c_contig, nb::device::cpu>;
using In = Array<const float>;
using Out = Array<float>;
using Index = Array<const int32_t>;
template <class T> using Maybe = std::optional<T>;

inline void require(bool fine, const char *what) {
    if (!fine) throw nb::value_error(what);
}

template <class A> bool shaped(const A &a, std::initializer_list<int64_t> shape) {
    if (a.ndim() != shape.size()) return false;
    size_t i = 0;
    for (int64_t n : shape) {
        if (n >= 0 && int64_t(a.shape(i)) != n) return false;
        ++i;
    }
    return true;
}

inline const uint8_t *bytes(const Array<const bool> &a) { return reinterpret_cast<const uint8_t *>(a.data()); }

inline int64_t points(const In &position) {
    require(shaped(position, {-1, 3}), "position must be [N, 3]");
    return int64_t(position.shape(0));
}

inline int threads_of(int threads) {
    require(threads >= 1 && threads <= 1024, "threads must be 1 to 1024");
    return threads;
}

/// What `encode` reads, or, with gradients in their place, what its backward pass writes.
template <class A>
Encoding make_encoding(const Maybe<A> &planes, const Maybe<A> &grids, const Levels *levels, unsigned which) {
    Encoding e;
    e.which = which;
    require(planes || grids, "neither planes nor grids");
    if (planes) {
        require(shaped(*planes, {3, -1, -1, -1}) && planes->shape(1) == planes->shape(2),
                "planes must be [3, P, P, C]");
        require(planes->shape(1) >= 2 && planes->shape(1) <= 32768, "planes of 2 to 32768 vertices a side");
        e.planes = planes->data();
        e.size = int(planes->shape(1));
        e.channels = int(planes->shape(3));
    }
    if (grids) {
        require(levels, "grids without levels");
        e.levels = *levels;
        require(shaped(*grids, {3, levels->plane_offset[levels->levels], levels->features}),
                "grids must be [3, rows, F]");
        require(!planes || e.channels >= levels->levels * levels->features, "more hash features than channels");
        e.grids = grids->data();
    }
    return e;
}

inline int64_t encoding_channels(const Encoding &e) {
    return e.planes ? e.channels : int64_t(e.levels.levels) * e.levels.features;
}

inline Maps make_maps(const In &first, const In &second, int size, bool overlap, int view) {
    Maps m;
    require(size >= (overlap ? 2 : 1) && size <= 4096, "maps of 2 to 4096 networks a side");
    m.size = size;
    m.cells = overlap ? (size - 1) * (size - 1) : size * size;
    m.networks = overlap ? 4 : 1;
    require(shaped(first, {3, m.cells, -1, -1}), "first must be [3, cells, K, M * H]");
    int64_t MH = int64_t(first.shape(3)), K = int64_t(first.shape(2));
    require(shaped(second, {3, m.cells, MH, 3}), "second must be [3, cells, M * H, 3]");
    require(MH % m.networks == 0 && MH <= 65536 && K <= 65536 && view >= 0 && view < K,
            "networks of an impossible size");
    m.first = first.data();
    m.second = second.data();
    m.hidden = int(MH / m.networks);
    m.view = view;
    m.features = int(K - view);
    return m;
}

/// ray: rows of views; its values are checked, as they are read as addresses.
inline Samples make_samples(const In &features, const In &views, const Maybe<Index> &ray, const In &position) {
    Samples s;
    s.count = points(position);
    require(shaped(features, {s.count, -1}), "features must be [N, C]");
    require(views.ndim() == 2, "views must be [R, V]");
    s.features = features.data();
    s.views = views.data();
    s.position = position.data();
    int64_t rays = int64_t(views.shape(0));
    if (ray) {
        require(shaped(*ray, {s.count}), "ray must be [N]");
        s.ray = ray->data();
        for (int64_t i = 0; i < s.count; ++i) require(s.ray[i] >= 0 && s.ray[i] < rays, "a ray that has no view");
    } else {
        require(rays == s.count, "a view for every sample, or rays");
    }
    return s;
}

/// Encodings of the three planes of a lattice.
inline Lattice make_lattice(const In &ab, const In &ac, const In &bc) {
    Lattice l;
    require(ab.ndim() == 3 && ac.ndim() == 3 && ab.shape(2) % 2 == 0 && ab.shape(2) <= 65536,
            "planes must be [A, B, 2 C], [A, D, 2 C], [B, D, 2 C]");
    l.size[0] = int64_t(ab.shape(0)), l.size[1] = int64_t(ab.shape(1)), l.size[2] = int64_t(ac.shape(1));
    int64_t k = int64_t(ab.shape(2));
    require(shaped(ac, {l.size[0], l.size[2], k}) && shaped(bc, {l.size[1], l.size[2], k}),
            "planes of one lattice share its sizes");
    l.channels = int(k / 2);
    l.plane[0] = ab.data(), l.plane[1] = ac.data(), l.plane[2] = bc.data();
    return l;
}

template <class A>
std::vector<decltype(std::declval<A>().data())> make_tables(const std::vector<A> &tables, const Levels &l) {
    std::vector<decltype(std::declval<A>().data())> list;
    for (const A &table : tables) {
        require(shaped(table, {l.offset[l.levels], l.features}), "tables must be [entries, F]");
        list.push_back(table.data());
    }
    return list;
}

/// The sizes of a tensor [a, b, d] of fewer than 2^31 values, none of them 0.
template <class A> void sizes_of(const A &values, int (&size)[3]) {
    require(values.ndim() == 3 && values.size() > 0 && values.size() < (size_t(1) << 31),
            "a tensor must be [a, b, d], not empty");
    for (size_t a = 0; a < 3; ++a) size[a] = int(values.shape(a));
}

/// A grid over a box, of `most` voxels a side at most.
inline Grid make_grid(const In &box, const Array<const bool> &occupied, int64_t most = 2048) {
    require(shaped(box, {2, 3}) && occupied.ndim() == 3, "box must be [2, 3] and occupied [gx, gy, gz]");
    Grid g;
    g.occupied = bytes(occupied);
    for (int a = 0; a < 3; ++a) {
        int64_t side = int64_t(occupied.shape(size_t(a)));
        require(side >= 1 && side <= most, "a grid that is empty, or of too many voxels a side");
        g.size[a] = int(side);
    }
    std::copy_n(box.data(), 6, g.box);
    return g;
}

inline void require_box(const Grid &g) {
    for (int a = 0; a < 3; ++a) require(g.box[3 + a] > g.box[a] && g.box[3 + a] - g.box[a] < 1e6f, "an empty box");
}

}  // namespace dymap
