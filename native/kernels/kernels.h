// What every instruction set implements: the arithmetic of the field, over ranges and jobs that threads share out.
// Arrays are float32, contiguous, rows first. Nothing here allocates, throws or starts threads.
#pragma once
#include <cstdint>

namespace dymap {

constexpr int MAX_LEVELS = 32;
/// Axes of the planes xy, xz, yz: (first axis = column, second axis = row).
constexpr int PLANE_AXES[3][2] = {{0, 1}, {0, 2}, {1, 2}};

/// Sizes of the levels of three hash tables over (a, b, t).
struct Levels {
    int levels = 0, features = 0;
    float scale[MAX_LEVELS];
    int32_t resolution[MAX_LEVELS];
    int64_t length[MAX_LEVELS];            // entries of a level in 3D
    int64_t offset[MAX_LEVELS + 1];        // where a level starts in a 3D table
    int64_t plane_offset[MAX_LEVELS + 1];  // where it starts in a table collapsed to one time
};

/// Three planes [3, size, size, channels] and three collapsed hash tables [3, rows, features]; either may be null.
/// Their sum is the encoding: channels in the planes' order, the hash features added to the first of them.
struct Encoding {
    const float *planes = nullptr;
    int size = 0, channels = 0;
    const float *grids = nullptr;
    Levels levels;
    unsigned which = 7;  // bit p: plane p takes part
};

/// Gradients of an encoding: the same shapes, zero at first.
struct EncodingGradient {
    float *planes = nullptr;
    float *grids = nullptr;
};

/// Two vertices in t and their weights: where three tables [entries, features] are read at one time.
struct TimeSlice {
    int32_t cell[MAX_LEVELS];
    float upper[MAX_LEVELS];  // weight of cell + 1
};

/// MLP maps: networks that meet in a cell side by side. first: [3, cells, K, M * H]; second: [3, cells, M * H, 3].
struct Maps {
    const float *first = nullptr, *second = nullptr;
    const uint16_t *half_first =
        nullptr;  // bfloat16, pairs of rows interleaved: [3, cells, ceil(C / 2), M * H rounded up to lanes, 2]
    int size = 0, cells = 0, networks = 1, hidden = 0, features = 0, view = 0;
};

/// Samples whose colours are wanted. features: [n, C]; views: [rays, V]; ray: [n] row of `views`, null: the sample's
/// own number; position: [n, 3] in box coordinates. With `offset` [n, 3] the view is linear in the direction: views [4,
/// V] is its value and its slopes along x, y, z where the offset is 0 (mlp_forward only).
struct Samples {
    int64_t count = 0;
    const float *features = nullptr, *views = nullptr, *position = nullptr, *offset = nullptr;
    const int32_t *ray = nullptr;
};

/// A brick of a lattice: cells a side, and points, which neighbours share at their borders.
constexpr int BRICK = 8, BRICK_POINTS = BRICK + 1;

/// Features [C] of three planes resampled on a lattice, in bfloat16: tiles of BRICK_POINTS^2 points, first axis first,
/// one under every column of bricks. number: [size of the first axis, of the second] of each plane, -1: no tile there.
struct FeatureTiles {
    const uint16_t *data[3] = {nullptr, nullptr, nullptr};
    const int32_t *number[3] = {nullptr, nullptr, nullptr};
    int size[3] = {0, 0, 0};     // tiles along each axis
    float scale[3] = {0, 0, 0};  // lattice cells in the box
    int channels = 0;
};

/// A convolution at chosen places. x: [rows, inputs]; place i reads the rows at[i] + offset[0 .. taps - 1] and is
/// written to row to[i] of out [., outputs]: activation(bias + sum), the activation being x where positive, slope * x
/// elsewhere. weight: panels of PANEL columns, [ceil(outputs / PANEL), taps * inputs, PANEL], padded with zeros.
constexpr int PANEL = 16;
struct Convolution {
    const float *x = nullptr, *weight = nullptr, *bias = nullptr;
    const int32_t *at = nullptr, *to = nullptr;
    const int32_t *offset = nullptr;
    int taps = 0, inputs = 0, outputs = 0;
    bool bias_rows = false;  // a row of biases for each row of out; otherwise one for all
    float slope = 1;
    float *out = nullptr;
};

/// A convolution over squares of pixels at chosen places of an image, by tiles of tile x tile places: tile 2 for
/// squares of 3x3 pixels, 3 for squares of 2x2. x: [side * side, inputs]; place (r, c) reads the square that begins at
/// pixel (r + first_row, c + first_column), and is written to row to + (r * out_side + c) * step of out [., outputs].
/// What lies beyond the image is taken from its edge, for places that are not wanted. Activation and bias: see
/// Convolution. weight: [16 points, ceil(outputs / PANEL), inputs, PANEL], transformed, padded with zeros.
struct WinogradTile {
    int32_t row, column;  // first place
    uint32_t mask;        // bit i * tile + j: place (row + i, column + j)
};
struct WinogradConv {
    const float *x = nullptr, *weight = nullptr, *bias = nullptr;
    int side = 0, inputs = 0, outputs = 0, tile = 2, first_row = 0, first_column = 0;
    bool bias_rows = false;
    float slope = 1;
    float *out = nullptr;
    int64_t to = 0;
    int out_side = 0, step = 1;
    const WinogradTile *tiles = nullptr;
};

/// Densities on bricks of BRICK_POINTS^3 points of the same lattice. index: [size] number of a brick; -n: all bricks
/// less than n away from this one along every axis are empty.
struct BrickField {
    const int32_t *index = nullptr;
    const float *sigma = nullptr;
    const uint8_t *occupied = nullptr;  // [grid]
    int size[3] = {0, 0, 0}, grid[3] = {0, 0, 0};
    float to_voxel[3] = {0, 0, 0};  // voxels in a lattice cell
    float step = 0;
};
/// A ray in lattice cells; its sample k lies at near + (k + 1/2) step, if that is before far and k < last.
struct RayWalk {
    float origin[4] = {0}, direction[4] = {0}, inverse[4] = {0}, near, far;
    int next, last;
    int64_t densities;
};

struct AdamStep {
    float rate, beta1, beta2, epsilon, correction1, correction2, clip;  // corrections: 1 - beta^t
    bool lazy;
};

struct Kernels {
    const char *name;
    int lanes;
    bool half;  // uses Maps::half_first
    /// out[n, channels] (channels = L * F where there are no planes) of positions [n, 3].
    void (*encode)(const Encoding &, const float *position, int64_t n, float *out);
    /// Adds to gradient.planes: plane p, channels c .. c + SPREAD_VECTORS * lanes only.
    void (*encode_backward_plane)(const Encoding &, const EncodingGradient &, const float *position,
                                  const float *gradient, int64_t n, int plane, int channel);
    /// Adds to gradient.grids: plane p, one level only. gradient: [n, stride].
    void (*encode_backward_level)(const Encoding &, const EncodingGradient &, const float *position,
                                  const float *gradient, int64_t stride, int64_t n, int plane, int level);
    /// out[n, C] features of positions [n, 3] from tiles; nothing where there is no tile.
    void (*tile_features)(const FeatureTiles &, const float *position, int64_t n, float *out);
    /// sigma[n] = first half . second half of encodings [n, 2 C].
    void (*pair_dot)(const float *encoded, int64_t n, int channels, float *sigma);
    /// Gradient [n, 2 C] of the encoding from those of sigma [n] and of its first half [n, C] (may be null).
    void (*pair_dot_backward)(const float *encoded, const float *d_sigma, const float *d_feature, int64_t n,
                              int channels, float *out);
    /// out[n, 3] += blended outputs of the networks, before the sigmoid, of at most `MLP_TILE` samples.
    void (*mlp_forward)(const Maps &, const Samples &, float *out, void *scratch);
    int64_t (*mlp_scratch)(const Maps &);
    /// Cells of points [n, 3] on the map of one plane.
    void (*locate)(const Maps &, const float *position, int plane, int64_t n, int32_t *cell);
    /// One cell of one plane. order: its `count` samples. Adds to d_features [N, C]; writes d_first [K, M * H] and
    /// d_second [M * H, 3] of the cell.
    void (*mlp_backward)(const Maps &, const Samples &, int plane, int cell, const int32_t *order, int64_t count,
                         const float *d_out, float *d_features, float *d_first, float *d_second, void *scratch);
    int64_t (*mlp_backward_scratch)(const Maps &);
    /// Opacities of the next `walk_lanes` samples of a ray that are not all in empty bricks; they end at sample
    /// ray.next. 0: there are none; `walk_lanes` otherwise.
    int (*walk)(const BrickField &, RayWalk &ray, float *alpha);
    int walk_lanes;
    /// Density sigma[side^3] on the lattice of a brick from its three planes xy, xz, yz [side, side, 2 C], first axis
    /// first, at points first .. last - 1 of every line along z [side * side], zero elsewhere; whether any is above
    /// zero.
    bool (*brick)(const float *const *planes, int side, int channels, const uint8_t *first, const uint8_t *last,
                  float *sigma);
    /// Density sigma[n] of a row of a lattice. ab: [2 C] features and density coefficients of one plane, the same all
    /// along the row; ac, bc: [2 C, stride] of the other two, n a multiple of `lanes`.
    void (*lattice_row)(const float *ab, const float *ac, const float *bc, int64_t stride, int64_t n, int channels,
                        float *sigma);
    /// Adds the gradient of ac, and of ab unless it is null, from that of sigma.
    void (*lattice_row_backward)(const float *ab, const float *ac, const float *bc, int64_t stride, int64_t n,
                                 int channels, const float *d_sigma, float *d_ab, float *d_ac);
    /// Sum of the opacities over a length of those densities where mask is set; slope[n]: their derivatives.
    double (*opacity_sum)(const float *sigma, const uint8_t *mask, int64_t n, float length, float *slope);
    /// Flat voxels of a grid [size], of less than 2^31, in the middles of `bins` bins of a ray, each `width` long;
    /// origin and direction in voxels. Writes up to a multiple of `lanes`.
    void (*ray_voxels)(const float *origin, const float *direction, const int *size, float near, float width, int bins,
                       int32_t *flat);
    /// The nearest bfloat16.
    void (*to_half)(const float *values, int64_t n, uint16_t *out);
    /// out[i] = 1 - exp(-relu(sigma[i]) * length).
    void (*opacity)(const float *sigma, float length, int64_t n, float *out);
    void (*sigmoid)(float *values, int64_t n);
    /// Places begin .. end - 1, panels first .. last - 1; at most CONVOLVE_ROWS and CONVOLVE_PANELS. sums: scratch of
    /// CONVOLVE_ROWS * CONVOLVE_PANELS * PANEL.
    void (*convolve)(const Convolution &, int64_t begin, int64_t end, int first_panel, int last_panel, float *sums);
    /// Tiles begin .. end - 1, panels first .. last - 1. scratch: `winograd_scratch` floats, on a cache line.
    void (*winograd)(const WinogradConv &, int64_t begin, int64_t end, int first_panel, int last_panel, float *scratch);
    int64_t (*winograd_scratch)(const WinogradConv &, int64_t tiles, int panels);
    /// One Adam step over n values, gradients clipped to +-clip. lazy: blocks whose gradients are all zero keep
    /// their values, and the gradients of the others are set to zero.
    void (*adam)(float *parameter, float *gradient, float *mean, float *square, int64_t n, const AdamStep &);
};

constexpr int MLP_TILE = 2048, SPREAD_VECTORS = 4;
constexpr int CONVOLVE_ROWS = 48, CONVOLVE_PANELS = 16, CONVOLVE_TERMS = 192;
// Of a job, at most. Few outputs: all of it and the weights fit a core's own cache; many: their weights pass by once.
constexpr int WINOGRAD_TILES = 24, WINOGRAD_TILES_WIDE = 48, WINOGRAD_PANELS = 8;

}  // namespace dymap
