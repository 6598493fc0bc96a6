// Marching through an occupancy grid (method.md 8). Compiled without fused operations: a sample lies in the voxel that
// the plain implementation puts it in.
#include <algorithm>
#include <cmath>

#include "scalar/rays.h"

namespace dymap {
int march_ray(const Grid &g, const float *origin, const float *direction, float &t, float t_max, float step, int limit,
              float *starts, float *ends) {
    // The ray in box coordinates scaled to voxels: distances to faces become differences of integers.
    float o[3], d[3];
    for (int a = 0; a < 3; ++a) {
        float extent = g.box[3 + a] - g.box[a];
        o[a] = (origin[a] - g.box[a]) / extent * float(g.size[a]);
        d[a] = direction[a] / extent * float(g.size[a]);
        if (std::fabs(d[a]) < 1e-12f) d[a] = 1e-12f;
    }
    int count = 0;
    float start = t, end = t + step;
    if (!(t + step / 2 < t_max)) return 0;
    while (true) {
        if (!(end > start)) return count;  // no number, or so far away that a step is lost in rounding: no way ahead
        float mid = (start + end) / 2, p[3], target = INFINITY;
        bool inside = true;
        int64_t voxel = 0;
        for (int a = 0; a < 3; ++a) {
            p[a] = o[a] + mid * d[a];
            inside &= p[a] >= 0 && p[a] <= float(g.size[a]);
            float clamped = p[a] > 0 ? (p[a] < float(g.size[a]) ? p[a] : float(g.size[a] - 1)) : 0;
            voxel = voxel * g.size[a] + int64_t(clamped);
        }
        if (inside && g.occupied[voxel]) {
            starts[count] = start;
            ends[count] = end;
            ++count;
            start = end;
            end = end + step;
        } else {
            for (int a = 0; a < 3; ++a)
                target = std::min(target, ((std::floor(p[a]) + (d[a] > 0 ? 1.0f : 0.0f)) - p[a]) / d[a]);
            target = mid + target;
            float ahead = mid + step;
            while (ahead < target && ahead < t_max && ahead + step > ahead) ahead = ahead + step;
            start = ahead - step / 2;
            end = ahead + step / 2;
        }
        t = start;
        if (count == limit || !((start + end) / 2 < t_max)) return count;
    }
}

}  // namespace dymap
