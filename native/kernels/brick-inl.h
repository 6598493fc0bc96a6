// Densities on the lattice of a brick, from its three planes.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

/// Densities of a line along z, of which the first plane's encoding stays where it is. NV: vectors of channels, 0: any
/// number.
template <int NV>
DYMAP_INLINE bool brick_line(const float *xy, const float *xz, const float *yz, int C, int first, int last,
                             float *sigma) {
    constexpr int ALL = NV ? NV : 1;
    vf f[ALL], d[ALL];
    if (NV)
        for (int k = 0; k < NV; ++k) f[k] = load(xy + k * W), d[k] = load(xy + C + k * W);
    float most = 0;
    auto at = [&](int z) {
        const float *a = xz + int64_t(z) * 2 * C, *b = yz + int64_t(z) * 2 * C;
        vf total = splat<vf>(0);
        if (NV) {
            DYMAP_UNROLLED (k, ALL)
                total +=
                    (f[k] + (load(a + k * W) + load(b + k * W))) * (d[k] + (load(a + C + k * W) + load(b + C + k * W)));
            return total;
        }
        int c = 0;
        for (; c + W <= C; c += W)
            total +=
                (load(xy + c) + (load(a + c) + load(b + c))) * (load(xy + C + c) + (load(a + C + c) + load(b + C + c)));
        float rest[W] = {0};
        for (; c < C; ++c) rest[0] += (xy[c] + (a[c] + b[c])) * (xy[C + c] + (a[C + c] + b[C + c]));
        return total + load(rest);
    };
    int z = first;
    for (; z + 3 <= last; z += 3) {
        float sums[4];
        store(sums, sum_each(at(z), at(z + 1), at(z + 2)));
        for (int k = 0; k < 3; ++k) {
            sigma[z + k] = sums[k];
            most = sums[k] > most ? sums[k] : most;
        }
    }
    for (; z < last; ++z) {
        sigma[z] = sum(at(z));
        most = sigma[z] > most ? sigma[z] : most;
    }
    return most > 0;
}

bool brick(const float *const *planes, int side, int C, const uint8_t *first, const uint8_t *last, float *sigma) {
    constexpr int USUAL = 32 / W;  // vectors: of 32 channels
    bool any = false;
    for (int x = 0; x < side; ++x)
        for (int y = 0; y < side; ++y, ++first, ++last, sigma += side) {
            const float *xy = planes[0] + int64_t(x * side + y) * 2 * C;
            const float *xz = planes[1] + int64_t(x * side) * 2 * C, *yz = planes[2] + int64_t(y * side) * 2 * C;
            for (int z = 0; z < *first; ++z) sigma[z] = 0;
            for (int z = *last; z < side; ++z) sigma[z] = 0;
            if (*first < *last)
                any |= C == USUAL * W ? brick_line<USUAL>(xy, xz, yz, USUAL * W, *first, *last, sigma)
                                      : brick_line<0>(xy, xz, yz, C, *first, *last, sigma);
        }
    return any;
}

}  // namespace
}  // namespace dymap
