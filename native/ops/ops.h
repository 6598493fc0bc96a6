// The operations on whole tensors. An operation has one name and three places: `module` checks what Python gives it,
// here it is divided into ranges and jobs that are shared out to threads, and `kernels` (once for each instruction set)
// or `scalar` (alike in all of them) computes one of those.
#pragma once
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"
#include "scalar/rays.h"

namespace dymap {

/// See Kernels::encode.
void encode(const Encoding &, const float *position, int64_t n, float *out, int threads);

/// Adds the gradients of planes and grids (those of `into` that are not null). gradient: [n, channels]. Every job owns
/// a part of the tables, so nothing is added atomically and the result does not depend on the threads.
void encode_backward(const Encoding &, const EncodingGradient &into, const float *position, const float *gradient,
                     int64_t n, int threads);

/// See Kernels::pair_dot and Kernels::pair_dot_backward.
void pair_dot(const float *encoded, int64_t n, int channels, float *sigma, int threads);
void pair_dot_backward(const float *encoded, const float *d_sigma, const float *d_feature, int64_t n, int channels,
                       float *out, int threads);

/// Where a time lies on each level (method.md 2).
TimeSlice time_slice(const Levels &, float t);

/// K tables [entries, F] at one time: out [K, plane rows, F]. pixels: [K, size, size] (row = second axis), where on the
/// planes it is needed, nothing else is written; null: everywhere. before: what it was needed for when `out` was
/// written last, and is cleared; null: `out` is zero.
void collapse_time(const Levels &, const TimeSlice &, const float *const *tables, int count, const uint8_t *pixels,
                   const uint8_t *before, int size, float *out, int threads);
/// Adds to gradients [entries, F] of each table what comes back from out.
void collapse_time_backward(const Levels &, const TimeSlice &, const float *gradient, float *const *tables, int count,
                            int threads);

/// Three tables looked up point by point in 3D at one time: out [n, L * F], summed over `which`.
void hash_encode(const Levels &, const TimeSlice &, const float *const *tables, unsigned which, const float *position,
                 int64_t n, float *out, int threads);
void hash_encode_backward(const Levels &, const TimeSlice &, float *const *tables, unsigned which,
                          const float *position, const float *gradient, int64_t n, int threads);

/// out [n, 3], see Kernels::mlp_forward; written, not added to.
void mlp_maps(const Maps &, const Samples &, float *out, int threads);
/// Gradients of features [n, C], first and second (shapes of Maps; written).
void mlp_maps_backward(const Maps &, const Samples &, const float *d_out, float *d_features, float *d_first,
                       float *d_second, int threads);

/// The first layers of all networks in bfloat16, in the form of Maps::half_first; empty if that is of no use.
std::vector<uint16_t> make_half(const Maps &, int threads);

/// Density on a lattice of size[0] x size[1] x size[2] points from encodings [rows, columns, 2 C] (features and density
/// coefficients) of its planes ab, ac, bc.
struct Lattice {
    const float *plane[3] = {nullptr, nullptr, nullptr};
    int64_t size[3] = {0, 0, 0};
    int channels = 0;
};
void density_lattice(const Lattice &, float *sigma, int threads);
/// Gradients of the three planes; written, not added to.
void density_lattice_backward(const Lattice &, const float *d_sigma, float *const *d_planes, int threads);
/// See Kernels::opacity_sum.
double opacity_sum(const float *sigma, const uint8_t *mask, int64_t n, float length, float *slope, int threads);
/// Sum of |differences| of the opacities over `length` between neighbours of a grid of densities along its three axes;
/// slope: what the sum changes by with each density.
double total_variation(const float *sigma, const int *size, float length, float *slope, int threads);
/// The largest of each value of a grid [size] and its 26 neighbours.
void max_pool(const float *grid, const int *size, float *out, int threads);

/// `count` places, see Convolution.
void convolve(const Convolution &, int64_t count, int threads);
/// Where mask [size, size] is set, see WinogradConv, of which `tiles` is found here.
void winograd_convolve(const WinogradConv &, const uint8_t *mask, int size, int threads);

/// Rays in the world and the ranges of them that count. origins, directions: [n, 3]; near, far: [n].
struct Rays {
    const float *origins = nullptr, *directions = nullptr, *near = nullptr, *far = nullptr;
    int64_t count = 0;
};
/// Of every ray the next intervals, `limit` at most, of MAX_INTERVALS: intervals [n, limit, 2], padded with zeros,
/// their counts [n], and where they end, `reached` [n]. See march_ray.
constexpr int MAX_INTERVALS = 4096;
void march_intervals(const Grid &, const Rays &, float step, int limit, float *intervals, int64_t *counts,
                     float *reached, int threads);
/// Depths z and lengths dist [n, count] of the samples of every ray; hit [n]. See sample_ray.
void hull_depths(const HullSampling &, const Rays &, const float *jitter, int count, float *z, float *dist, bool *hit,
                 int threads);

/// Entropy coding, see kernels/reference/rans.py: tables [tables, symbols] of frequencies that sum up to
/// 2^RANS_BITS each. Symbol i of a call belongs to lane i modulo RANS_LANES.
constexpr int RANS_LANES = 32, RANS_BITS = 12;
struct RansTables {
    const int32_t *frequency = nullptr;
    int64_t tables = 0, symbols = 0;
};
/// What is wrong with tables or the choice among them, null if nothing is: to be asked before anything else.
const char *rans_fault(const RansTables &, const int16_t *which, int64_t n);
/// The next n symbols, from byte `at` on, which goes on; states: of all lanes. False: the data end too early.
bool rans_decode(const uint8_t *data, int64_t bytes, const RansTables &, const int16_t *which, int64_t n,
                 uint32_t *states, int64_t &at, uint8_t *out);
/// A stream, written from its end at byte `at` of out to the front, so that `at` becomes its beginning: at most 4 bytes
/// a lane and 2 a symbol. False: a symbol has no frequency.
bool rans_encode(const RansTables &, const int16_t *const *which, const uint8_t *const *symbols, const int64_t *counts,
                 int64_t calls, uint8_t *out, int64_t &at);

/// See Kernels::adam.
void adam(float *parameter, float *gradient, float *mean, float *square, int64_t n, const AdamStep &, int threads);

}  // namespace dymap
