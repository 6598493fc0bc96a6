"""Marching along rays through an occupancy grid (method.md 8)."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation


@operation
def march_intervals(
    origins: Tensor, directions: Tensor, t: Tensor, t_max: Tensor, box: Tensor, grid: Tensor, step: float, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Advance every ray until it has found `limit` samples in occupied voxels, or has left its range.

    origins, directions: [R, 3] world, metres; t, t_max: [R] where the rays are and end, metres along the ray;
    box: [2, 3]; grid: [gx, gy, gz] bool; step: metres.
    Returns intervals [R, limit, 2] (start, end; zeros beyond a ray's count), counts [R] and where the rays are
    afterwards [R] (a ray with count < limit is finished).
    """
    intervals = t.new_zeros(len(t), limit, 2)
    counts = torch.zeros(len(t), dtype=torch.int64, device=t.device)
    reached = t.clone()
    size = torch.tensor(grid.shape, device=t.device)
    flat = grid.reshape(-1)
    extent = box[1] - box[0]
    # Rays in box coordinates scaled to voxels: face distances become differences of integers.
    o = (origins - box[0]) / extent * size
    d = directions / extent * size
    d = torch.where(d.abs() < 1e-12, 1e-12, d)
    forward = (d > 0).to(t.dtype)

    live = torch.nonzero(reached + step / 2 < t_max)[:, 0]
    start, end = reached[live], reached[live] + step
    while len(live):
        mid = (start + end) / 2
        position = o[live] + mid[:, None] * d[live]
        voxel = torch.minimum(position.long().clamp_(min=0), size - 1)
        inside = ((position >= 0) & (position <= size)).all(dim=1)
        occupied = flat[(voxel[:, 0] * size[1] + voxel[:, 1]) * size[2] + voxel[:, 2]] & inside

        hit = live[occupied]
        intervals[hit, counts[hit]] = torch.stack([start[occupied], end[occupied]], dim=1)
        counts[hit] += 1

        # Empty: on by whole steps, at least one, until the next voxel face is reached.
        target = mid + (((position.floor() + forward[live]) - position) / d[live]).amin(dim=1)
        ahead = mid + step
        while bool((short := ~occupied & (ahead < target)).any()):
            ahead = torch.where(short, ahead + step, ahead)
        start, end = torch.where(occupied, end, ahead - step / 2), torch.where(occupied, end + step, ahead + step / 2)
        reached[live] = start
        on = ((start + end) / 2 < t_max[live]) & (counts[live] < limit)
        live, start, end = live[on], start[on], end[on]
    return intervals, counts, reached
