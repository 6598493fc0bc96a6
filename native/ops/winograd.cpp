// Convolutions by Winograd: the tiles that hold a wanted place, divided like rows.
#include "ops/ops.h"

#include <algorithm>
#include <vector>

#include "kernels/dispatch.h"
#include "ops/scratch.h"
#include "ops/threads.h"

namespace dymap {
void winograd_convolve(const WinogradConv &conv, const uint8_t *mask, int size, int threads) {
    std::vector<WinogradTile> tiles;
    const int side = conv.tile;
    for (int row = 0; row < size; row += side)
        for (int column = 0; column < size; column += side) {
            uint32_t bits = 0;
            for (int i = 0; i < std::min(side, size - row); ++i)
                for (int j = 0; j < std::min(side, size - column); ++j)
                    bits |= uint32_t(mask[int64_t(row + i) * size + column + j] != 0) << (i * side + j);
            if (bits) tiles.push_back({row, column, bits});
        }
    WinogradConv s = conv;
    s.tiles = tiles.data();
    int64_t count = int64_t(tiles.size()), panels = (s.outputs + PANEL - 1) / PANEL;
    int64_t panel_jobs = (panels + WINOGRAD_PANELS - 1) / WINOGRAD_PANELS;
    int64_t most = WINOGRAD_TILES_WIDE;
    if (panel_jobs == 1) most = std::min<int64_t>(WINOGRAD_TILES, std::max<int64_t>(12, count / (2 * threads)));
    int64_t row_jobs = (count + most - 1) / most;
    Scratch scratch(threads, int64_t(sizeof(float)) *
                                 kernels().winograd_scratch(s, most, int(std::min<int64_t>(panels, WINOGRAD_PANELS))));
    parallel_for(threads, row_jobs * panel_jobs, [&](int64_t job, int thread) {
        int64_t row = job % row_jobs, panel = job / row_jobs;
        kernels().winograd(s, count * row / row_jobs, count * (row + 1) / row_jobs, int(panels * panel / panel_jobs),
                           int(panels * (panel + 1) / panel_jobs), static_cast<float *>(scratch[thread]));
    });
}

}  // namespace dymap
