// Work on encodings, divided: points forward, parts of the tables backward.
#include "ops/ops.h"

#include "kernels/dispatch.h"
#include "ops/threads.h"

namespace dymap {
namespace {

constexpr int64_t PIECE = 1024;  // points of a job

/// How many channels a job of `encode_backward_plane` covers, and how many jobs that makes.
int spread_channels() { return SPREAD_VECTORS * kernels().lanes; }
int64_t blocks(const Encoding &e) { return (e.channels + spread_channels() - 1) / spread_channels(); }

}  // namespace

void encode(const Encoding &e, const float *position, int64_t n, float *out, int threads) {
    int64_t channels = e.planes ? e.channels : e.levels.levels * e.levels.features;
    parallel_ranges(threads, n, PIECE, [&](int64_t begin, int64_t end, int) {
        kernels().encode(e, position + 3 * begin, end - begin, out + channels * begin);
    });
}

void encode_backward(const Encoding &e, const EncodingGradient &into, const float *position, const float *gradient,
                     int64_t n, int threads) {
    int64_t stride = e.planes ? e.channels : e.levels.levels * e.levels.features;
    int64_t plane_jobs = into.planes ? 3 * blocks(e) : 0, level_jobs = into.grids ? 3 * e.levels.levels : 0;
    parallel_for(threads, plane_jobs + level_jobs, [&](int64_t job, int) {
        if (job < plane_jobs) {
            int plane = int(job % 3);
            if (e.which >> plane & 1)
                kernels().encode_backward_plane(e, into, position, gradient, n, plane,
                                                int(job / 3) * spread_channels());
        } else {
            int plane = int((job - plane_jobs) % 3);
            if (e.which >> plane & 1)
                kernels().encode_backward_level(e, into, position, gradient, stride, n, plane,
                                                int((job - plane_jobs) / 3));
        }
    });
}

void pair_dot(const float *encoded, int64_t n, int channels, float *sigma, int threads) {
    parallel_ranges(threads, n, 4 * PIECE, [&](int64_t begin, int64_t end, int) {
        kernels().pair_dot(encoded + begin * 2 * channels, end - begin, channels, sigma + begin);
    });
}

void pair_dot_backward(const float *encoded, const float *d_sigma, const float *d_feature, int64_t n, int channels,
                       float *out, int threads) {
    parallel_ranges(threads, n, 4 * PIECE, [&](int64_t begin, int64_t end, int) {
        const int64_t at = begin * 2 * channels;
        kernels().pair_dot_backward(encoded + at, d_sigma + begin, d_feature ? d_feature + begin * channels : nullptr,
                                    end - begin, channels, out + at);
    });
}

}  // namespace dymap
