// The kernels of one instruction set. Compiled once for each, with DYMAP_VARIANT naming the result; everything but that
// one table is in an anonymous namespace, so that no function of one instruction set can end up in another.
#include "kernels/kernels.h"

#include "kernels/adam-inl.h"
#include "kernels/brick-inl.h"
#include "kernels/convolve-inl.h"
#include "kernels/elementwise-inl.h"
#include "kernels/encode-inl.h"
#include "kernels/encode_backward-inl.h"
#include "kernels/lattice-inl.h"
#include "kernels/mlp_backward-inl.h"
#include "kernels/mlp_forward-inl.h"
#include "kernels/pair_dot-inl.h"
#include "kernels/sampling-inl.h"
#include "kernels/tile_features-inl.h"
#include "kernels/walk-inl.h"
#include "kernels/winograd-inl.h"

#define DYMAP_STRING(x) #x
#define DYMAP_NAME(x) DYMAP_STRING(x)
#define DYMAP_JOIN(a, b) a##b
#define DYMAP_TABLE(x) DYMAP_JOIN(kernels_, x)

namespace dymap {
namespace {

constexpr Kernels make_table() {
    Kernels k{};
    k.name = DYMAP_NAME(DYMAP_VARIANT);
    k.lanes = W;
    k.half = HALF;
    k.walk_lanes = WALK;
    k.encode = encode;
    k.encode_backward_plane = encode_backward_plane;
    k.encode_backward_level = encode_backward_level;
    k.tile_features = tile_features;
    k.pair_dot = pair_dot;
    k.pair_dot_backward = pair_dot_backward;
    k.mlp_forward = mlp_forward;
    k.mlp_scratch = mlp_scratch;
    k.locate = locate_all;
    k.mlp_backward = mlp_backward;
    k.mlp_backward_scratch = mlp_backward_scratch;
    k.walk = walk;
    k.brick = brick;
    k.lattice_row = lattice_row;
    k.lattice_row_backward = lattice_row_backward;
    k.opacity_sum = opacity_sum;
    k.ray_voxels = ray_voxels;
    k.to_half = to_half;
    k.opacity = opacity;
    k.sigmoid = sigmoid;
    k.convolve = convolve;
    k.winograd = winograd;
    k.winograd_scratch = winograd_scratch;
    k.adam = adam;
    return k;
}

}  // namespace

extern const Kernels DYMAP_TABLE(DYMAP_VARIANT);
const Kernels DYMAP_TABLE(DYMAP_VARIANT) = make_table();

}  // namespace dymap
