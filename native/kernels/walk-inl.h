// Densities that were sampled on bricks, along a ray: several samples at once in the lanes of a vector.
#pragma once
#include "kernels/kernels.h"
#include "kernels/vec.h"

namespace dymap {
namespace {

constexpr int WALK = W < 8 ? W : 8;  // more, and too many lie behind the surface
typedef Lanes<WALK>::F vw;
typedef Lanes<WALK>::I iw;

/// from[index] and from[index + 1] of every lane.
DYMAP_INLINE void gather_pairs(const float *from, const int32_t *index, vw &low, vw &high) {
#if defined(__AVX2__) && !defined(DYMAP_NO_VECTOR_EXTENSIONS)
    auto two = [&](int l) {  // faster than gathers of the processor
        double x[2];
        std::memcpy(x, from + index[l], sizeof(double));
        std::memcpy(x + 1, from + index[l + 1], sizeof(double));
        return (__m128)_mm_setr_pd(x[0], x[1]);
    };
    __m256 even = _mm256_insertf128_ps(_mm256_castps128_ps256(two(0)), two(4), 1);
    __m256 odd = _mm256_insertf128_ps(_mm256_castps128_ps256(two(2)), two(6), 1);
    low = (vw)_mm256_shuffle_ps(even, odd, 0x88);
    high = (vw)_mm256_shuffle_ps(even, odd, 0xdd);
#else
    float lanes[2][WALK];
    for (int l = 0; l < WALK; ++l) lanes[0][l] = from[index[l]], lanes[1][l] = from[index[l] + 1];
    low = load<vw>(lanes[0]);
    high = load<vw>(lanes[1]);
#endif
}

/// The whole part of x in [0, most], also of what does not fit an integer, or is no number.
DYMAP_INLINE int whole_part(float x, float most) { return x > 0 ? int(x < most ? x : most) : 0; }

int walk(const BrickField &b, RayWalk &ray, float *alpha) {
    typedef Lanes<4>::I vi4;
    const float last[4] = {float(b.size[0] * BRICK - 1), float(b.size[1] * BRICK - 1), float(b.size[2] * BRICK - 1), 0};
    const vf4 origin = load<vf4>(ray.origin), direction = load<vf4>(ray.direction), inverse = load<vf4>(ray.inverse);
    const float per_step = 1 / b.step;
    while (ray.next < ray.last) {
        float mid = ray.near + (float(ray.next) + 0.5f) * b.step;
        if (!(mid < ray.far)) return 0;
        vf4 p = vmin(vmax(origin + splat<vf4>(mid) * direction, splat<vf4>(0)), load<vf4>(last));
        vi4 in = to_int<vi4>(p * splat<vf4>(1.0f / BRICK));
        int32_t brick[4];
        std::memcpy(brick, &in, sizeof brick);
        int32_t index = b.index[(int64_t(brick[0]) * b.size[1] + brick[1]) * b.size[2] + brick[2]];
        if (index >= 0) break;
        // On to the first sample beyond the bricks around this one in which there is nothing.
        vf4 low = to_float<vf4>(in), far = splat<vf4>(float(-index));
        vf4 face = where_greater(direction, splat<vf4>(0), low + far, low + splat<vf4>(1) - far);
        vf4 at = (face * splat<vf4>(BRICK) - origin) * inverse;
        float leave = ray.far;
        for (int a = 0; a < 3; ++a) leave = lane(at, a) < leave ? lane(at, a) : leave;
        int beyond = whole_part((leave - ray.near) * per_step - 0.5f, float(ray.last));
        ray.next = (beyond > ray.next ? beyond : ray.next) + 1;
    }
    if (ray.next >= ray.last) return 0;
    float number[WALK];
    for (int l = 0; l < WALK; ++l) number[l] = float(ray.next + l) + 0.5f;
    vw zero = splat<vw>(0), mid = splat<vw>(ray.near) + load<vw>(number) * splat<vw>(b.step), f[3];
    iw brick{}, voxel{}, corner{};
    for (int a = 0; a < 3; ++a) {
        vw p = splat<vw>(ray.origin[a]) + mid * splat<vw>(ray.direction[a]);
        p = vmin(vmax(p, zero), splat<vw>(float(b.size[a] * BRICK)));
        iw cell = to_int<iw>(vmin(p, splat<vw>(last[a])));
        iw in = to_int<iw>(to_float<vw>(cell) * splat<vw>(1.0f / BRICK));
        iw at = to_int<iw>(vmin(p * splat<vw>(b.to_voxel[a]), splat<vw>(float(b.grid[a] - 1))));
        f[a] = p - to_float<vw>(cell);
        cell = cell - in * BRICK;
        brick = brick * b.size[a] + in;
        voxel = voxel * b.grid[a] + at;
        corner = corner * BRICK_POINTS + cell;
    }
    int32_t bricks[WALK], voxels[WALK], at[WALK];
    float counts[WALK];
    std::memcpy(bricks, &brick, sizeof bricks);
    std::memcpy(voxels, &voxel, sizeof voxels);
    std::memcpy(at, &corner, sizeof at);
    for (int l = 0; l < WALK; ++l) {
        int32_t index = b.index[bricks[l]];
        bool there = index >= 0 && b.occupied[voxels[l]];
        at[l] += there ? index * (BRICK_POINTS * BRICK_POINTS * BRICK_POINTS) : 0;
        counts[l] = there;
        ray.densities += there;
    }
    vw there = where_greater(splat<vw>(ray.far), mid, load<vw>(counts), zero);
    auto along_z = [&](int offset) {
        vw low, high;
        gather_pairs(b.sigma + offset, at, low, high);
        return low + f[2] * (high - low);
    };
    vw z00 = along_z(0), z01 = along_z(BRICK_POINTS), z10 = along_z(BRICK_POINTS * BRICK_POINTS),
       z11 = along_z(BRICK_POINTS * BRICK_POINTS + BRICK_POINTS);
    vw y0 = z00 + f[1] * (z01 - z00), y1 = z10 + f[1] * (z11 - z10);
    vw sigma = vmax(y0 + f[0] * (y1 - y0), zero) * there;
    store(alpha, splat<vw>(1) - exp_lanes<vw, iw>(sigma * splat<vw>(-b.step)));
    ray.next += WALK;
    return WALK;
}

}  // namespace
}  // namespace dymap
