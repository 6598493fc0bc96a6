// Convolutions at chosen places, divided into blocks of rows and panels of outputs.
#include "ops/ops.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "ops/scratch.h"
#include "ops/threads.h"

namespace dymap {
void convolve(const Convolution &c, int64_t count, int threads) {
    int64_t row_jobs = (count + CONVOLVE_ROWS - 1) / CONVOLVE_ROWS;
    int panels = (c.outputs + PANEL - 1) / PANEL, panel_jobs = (panels + CONVOLVE_PANELS - 1) / CONVOLVE_PANELS;
    if (row_jobs < 2 * threads)
        panel_jobs = std::max(panel_jobs, std::min(panels / 4, 2 * threads));  // few rows: work for all
    Scratch scratch(threads, int64_t(sizeof(float)) * CONVOLVE_ROWS * CONVOLVE_PANELS * PANEL);
    // Rows change fastest: neighbouring jobs share weights, which may be far larger than what they are multiplied with.
    parallel_for(threads, row_jobs * panel_jobs, [&](int64_t job, int thread) {
        int64_t row = job % row_jobs, panel = job / row_jobs;
        kernels().convolve(c, count * row / row_jobs, count * (row + 1) / row_jobs, int(panels * panel / panel_jobs),
                           int(panels * (panel + 1) / panel_jobs), static_cast<float *>(scratch[thread]));
    });
}

}  // namespace dymap
