"""Occupancy grids (method.md 7)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dymap.config import BakeConfig
from dymap.field.frame import Frame


def bake_lattice(box: Tensor, grid: tuple[int, int, int], subsamples: tuple[int, int, int]) -> list[Tensor]:
    """World coordinates of the sub-samples along x, y and z, metres: [G * (n - 1) + 1] each.

    The n sub-samples of a voxel include both its faces, so neighbours share theirs: sub-sample j of voxel i is
    element i * (n - 1) + j.
    """
    if min(subsamples) < 2:
        raise ValueError(f"subsamples {subsamples}: at least 2 an axis are needed, both faces of a voxel")
    axes = []
    for axis in range(3):
        low, high = box[0, axis], box[1, axis]
        count = grid[axis] * (subsamples[axis] - 1)
        axes.append(low + (high - low) * torch.arange(count + 1, device=box.device) / count)
    return axes


def bake_coordinates(box: Tensor, config: BakeConfig) -> list[Tensor]:
    """Box coordinates of `bake_lattice` along x, y and z."""
    lattice = bake_lattice(box, config.grid, config.subsamples)
    return [((line - box[0, axis]) / (box[1, axis] - box[0, axis])).clamp(0, 1) for axis, line in enumerate(lattice)]


@torch.no_grad()
def bake_occupancy(frame: Frame, lines: Sequence[Tensor], config: BakeConfig) -> Tensor:
    """[gx, gy, gz] bool over the frame's box: a voxel is occupied if any raw density in it exceeds the threshold.

    lines: `bake_coordinates` of the box.
    """
    sigma = frame.density_lattice(lines)
    stride = tuple(n - 1 for n in config.subsamples)
    return F.max_pool3d(sigma[None, None], config.subsamples, stride)[0, 0] > config.threshold


def within_hull(occupancy: Tensor, hull: Tensor) -> Tensor:
    """Occupied voxels [gx, gy, gz] that touch the visual hull [a, b, d], both over the same box.

    A field that was trained inside the hull has learned nothing about the space outside it.
    """
    touched = F.adaptive_max_pool3d(hull[None, None].float(), tuple(occupancy.shape))[0, 0] > 0
    return occupancy & touched
