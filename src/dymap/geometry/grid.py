"""Grids over a box: their shape, a point in every voxel, and what a grid holds at points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def grid_shape(box: NDArray[np.float32], longest: int) -> tuple[int, int, int]:
    """Voxels along x, y, z of a box [2, 3]: nearly cubes, `longest` of them along the longest side."""
    size = box[1] - box[0]
    shape = np.maximum(np.ceil(size / size.max() * longest).astype(int), 1)
    return int(shape[0]), int(shape[1]), int(shape[2])


def scattered_lines(jitter: Sequence[Tensor]) -> list[Tensor]:
    """Box coordinates along x, y, z of one point in each of n equal intervals.

    jitter: [n] an axis, where in the intervals, uniform in [0, 1).
    """
    return [(torch.arange(len(u), device=u.device) + u) / len(u) for u in jitter]


def lookup(grid: Tensor, axes: Sequence[Tensor]) -> Tensor:
    """Values of a grid [gx, gy, gz] over the box at all combinations of box coordinates [A], [B], [D]."""
    for axis, line in enumerate(axes):
        n = grid.shape[axis]
        grid = grid.index_select(axis, (line * n).long().clamp(0, n - 1))
    return grid
