// The kernels of one instruction set. Compiled once for each, with DYMAP_VARIANT naming the result; everything but that
// one table is in an anonymous namespace, so that no function of one instruction set can end up in another.
#include "kernels.h"

#include "vec.h"

#define DYMAP_STRING(x) #x
#define DYMAP_NAME(x) DYMAP_STRING(x)
#define DYMAP_JOIN(a, b) a##b
#define DYMAP_TABLE(x) DYMAP_JOIN(kernels_, x)

#if defined(__GNUC__) && defined(__x86_64__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
#define DYMAP_ROUNDED(v) __asm__("" : "+v"(v))  // rounded here, whatever follows: not fused into the next operation
#elif defined(__GNUC__) && defined(__aarch64__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
#define DYMAP_ROUNDED(v) __asm__("" : "+w"(v))
#else
#define DYMAP_ROUNDED(v) (void)(v)
#endif

namespace {
using namespace dymap;

#include "encode.inc"
#include "gemm.inc"
#include "convolve.inc"
#include "mlp_maps.inc"
#include "winograd.inc"
#include "walk.inc"
#include "elementwise.inc"
#include "lattice.inc"
#include "sampling.inc"

}  // namespace

namespace dymap {
extern const Kernels DYMAP_TABLE(DYMAP_VARIANT);
const Kernels DYMAP_TABLE(DYMAP_VARIANT) = {
    DYMAP_NAME(DYMAP_VARIANT), W, HALF, encode, encode_backward_plane, encode_backward_level, tile_features, pair_dot, pair_dot_backward,
    mlp_forward, mlp_scratch, locate_all, mlp_backward, mlp_backward_scratch, walk, WALK, brick,
    lattice_row, lattice_row_backward, opacity_sum, ray_voxels, to_half, opacity, sigmoid, convolve,
    winograd, winograd_scratch, adam,
};
}  // namespace dymap
