// Where training samples lie along rays (see march.cpp).
#pragma once
#include "kernels/vec.h"

namespace dymap {
namespace {

void ray_voxels(const float *origin, const float *direction, const int *size, float near, float width, int bins,
                int32_t *flat) {
    float middle[W];
    for (int k = 0; k < W; ++k) middle[k] = float(k) + 0.5f;
    vf number = load(middle);
    for (int i = 0; i < bins; i += W, number += splat<vf>(float(W))) {
        vf along = number * splat<vf>(width);
        DYMAP_ROUNDED(along);
        vf depth = splat<vf>(near) + along;
        vi voxel = to_int<vi>(splat<vf>(0));
        for (int a = 0; a < 3; ++a) {
            vf x = splat<vf>(direction[a]) * depth;
            DYMAP_ROUNDED(x);
            x = vmin(vmax(x + splat<vf>(origin[a]), splat<vf>(0)), splat<vf>(float(size[a] - 1)));
            voxel = voxel * size[a] + to_int<vi>(x);
        }
        std::memcpy(flat + i, &voxel, sizeof voxel);
    }
}

}  // namespace
}  // namespace dymap
