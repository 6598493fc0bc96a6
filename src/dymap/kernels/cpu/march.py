"""Marching through an occupancy grid."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu, plain
from dymap.kernels.reference import march as reference


@cpu.implements(reference.march_intervals)
def march_intervals(
    origins: Tensor, directions: Tensor, t: Tensor, t_max: Tensor, box: Tensor, grid: Tensor, step: float, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    intervals = t.new_empty(len(t), limit, 2)
    counts, reached = torch.empty(len(t), dtype=torch.int64), torch.empty_like(t)
    origins, directions, t, t_max, box, grid = (plain(a) for a in (origins, directions, t, t_max, box, grid))
    _core.march_intervals(
        origins, directions, t, t_max, box, grid, step, limit, intervals, counts, reached, torch.get_num_threads()
    )
    return intervals, counts, reached
