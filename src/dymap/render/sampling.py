"""Where a frame is sampled: depths along rays that fill the box (method.md 5), and a point in every voxel of a lattice.

Depths inside the visual hull are an operation of its own (`dymap.kernels.hull_depths`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def ray_depths(near: Tensor, far: Tensor, samples: int, jitter: Tensor | None = None) -> Tensor:
    """Depths [R, N] of samples between near [R] and far [R], both ends included.

    jitter: [R, N] uniform in [0, 1): stratified between the mid-points of neighbours; None: deterministic.
    """
    s = torch.linspace(0, 1, samples, device=near.device, dtype=near.dtype)
    z = near[:, None] * (1 - s) + far[:, None] * s
    if jitter is None:
        return z
    middle = (z[:, 1:] + z[:, :-1]) / 2
    lower = torch.cat([z[:, :1], middle], dim=1)
    upper = torch.cat([middle, z[:, -1:]], dim=1)
    return lower + (upper - lower) * jitter


def intervals(z: Tensor) -> Tensor:
    """Length [R, N] of each sample's interval: the distance to the next sample, the last repeats its predecessor."""
    dist = z[:, 1:] - z[:, :-1]
    return torch.cat([dist, dist[:, -1:]], dim=1)


def scattered_lattice(jitter: Sequence[Tensor]) -> list[Tensor]:
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
