"""Depths inside an occupancy grid: samples only where the scene can be (our presets; method.md 6 samples the box)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dymap.geometry.rays import Rays

BINS = 128
"""Equal pieces of a ray that are kept or dropped as a whole."""


class Depths(NamedTuple):
    """z [R, N] metres along the rays; dist [R, N] the length each sample stands for; hit [R]: the ray meets the grid."""

    z: Tensor
    dist: Tensor
    hit: Tensor


def occupied_depths(rays: Rays, box: Tensor, grid: Tensor, jitter: Tensor, bins: int = BINS) -> Depths:
    """Stratified samples over the occupied parts of each ray, by length.

    grid: [gx, gy, gz] bool over box [2, 3]; jitter: [R, N] uniform in [0, 1) (0.5: the middle of each stratum).
    Rays that meet no occupied voxel get hit = False and intervals of length zero.
    """
    size = torch.tensor(grid.shape, device=grid.device)
    scale = size / (box[1] - box[0])
    near, width = rays.near, (rays.far - rays.near) / bins
    middle = near[:, None] + width[:, None] * (torch.arange(bins, device=near.device) + 0.5)  # [R, bins]
    flat = torch.zeros(middle.shape, dtype=torch.int64, device=near.device)
    for axis in range(3):
        o, d = (rays.origins[:, axis] - box[0, axis]) * scale[axis], rays.directions[:, axis] * scale[axis]
        voxel = torch.addcmul(o[:, None], d[:, None], middle).long().clamp_(0, grid.shape[axis] - 1)
        flat = flat.mul_(grid.shape[axis]).add_(voxel)
    kept = torch.cumsum(grid.reshape(-1)[flat], dim=1, dtype=torch.float32)  # occupied pieces up to each
    total = kept[:, -1:]
    count = jitter.shape[1]
    wanted = (torch.arange(count, device=near.device) + jitter) / count * total
    piece = torch.searchsorted(kept, wanted, right=True).clamp_(max=bins - 1)
    before = torch.where(piece > 0, kept.gather(1, (piece - 1).clamp(min=0)), 0.0)
    z = near[:, None] + (piece + (wanted - before).clamp(0, 1)) * width[:, None]
    dist = (total * width[:, None] / count).expand_as(z)
    return Depths(z, dist, total[:, 0] > 0)
