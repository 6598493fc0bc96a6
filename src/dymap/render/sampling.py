"""Depths where a ray can see something (our presets; method.md 6 samples the whole box).

A ray is cut into equal pieces. Pieces outside the visual hull get no samples. Within it, a density lattice of the
frame (cheap and free of gradients, see field/lattice.py) tells which pieces are likely visible, and those get more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dymap import kernels
from dymap.geometry.rays import Rays
from dymap.render.volume import opacity, ray_weights

PIECES = 128
EXPLORE = 0.4
"""Share of the samples that ignore the density, so that nothing in the hull is ever given up."""


class Depths(NamedTuple):
    """z: [R, N] metres along the rays; dist: [R, N] length that each sample stands for; hit: [R] meets the grid."""

    z: Tensor
    dist: Tensor
    hit: Tensor


def scattered_lattice(jitter: Sequence[Tensor]) -> list[Tensor]:
    """Box coordinates along x, y, z of one point in each of n equal intervals.

    jitter: [n] an axis, where in the intervals, uniform in [0, 1).
    """
    return [(torch.arange(len(u), device=u.device) + u) / len(u) for u in jitter]


def look_up(grid: Tensor, axes: Sequence[Tensor]) -> Tensor:
    """Values of a grid [gx, gy, gz] over the box at all combinations of box coordinates [A], [B], [D]."""
    for axis, line in enumerate(axes):
        n = grid.shape[axis]
        grid = grid.index_select(axis, (line * n).long().clamp(0, n - 1))
    return grid


@torch.no_grad()
def hull_depths(rays: Rays, box: Tensor, hull: Tensor, jitter: Tensor, sigma: Tensor | None = None) -> Depths:
    """Stratified samples over the parts of each ray inside the hull.

    hull: [gx, gy, gz] bool over box [2, 3]; jitter: [R, N] uniform in [0, 1) (0.5: the middle of each stratum);
    sigma: [a, b, d] density at one point of each of a x b x d voxels that draws samples to visible parts, the largest
    of a voxel and its 26 neighbours counting, so that what is thinner than a voxel still draws some; None: equal
    lengths get equal samples.
    Rays that meet no occupied voxel get hit = False and intervals of length zero.
    """
    around = None if sigma is None else kernels.largest_around(sigma)
    held = (rays.origins, rays.directions, rays.near, rays.far)
    if (native := kernels.hull_depths(held, box, hull, jitter, around, PIECES, EXPLORE)) is not None:
        return Depths(*native)
    near, width = rays.near, (rays.far - rays.near) / PIECES
    voxel = _voxels(rays, box, tuple(hull.shape), near, width)
    inside = hull.reshape(-1)[voxel].to(near.dtype)  # [R, PIECES]
    total = inside.sum(dim=1, keepdim=True)
    mass = inside / total.clamp(min=1)
    if around is not None:
        voxel = _voxels(rays, box, tuple(around.shape), near, width)
        seen = ray_weights(opacity(around.reshape(-1)[voxel], width[:, None] * inside))
        mass = mass * (EXPLORE + (1 - EXPLORE) * (1 - seen.sum(dim=1, keepdim=True))) + (1 - EXPLORE) * seen
    upto = torch.cumsum(mass, dim=1)
    upto = upto / upto[:, -1:].clamp(min=1e-10)
    length = torch.cumsum(inside, dim=1) * width[:, None]  # inside the hull, up to the end of each piece
    count = jitter.shape[1]
    strata = torch.arange(count + 1, device=near.device, dtype=near.dtype).expand(len(near), -1) / count
    z, _ = _invert(strata[:, :-1] + jitter / count, upto, length, near, width)
    _, covered = _invert(strata, upto, length, near, width)
    return Depths(z, covered[:, 1:] - covered[:, :-1], total[:, 0] > 0)


def _voxels(rays: Rays, box: Tensor, shape: tuple[int, ...], near: Tensor, width: Tensor) -> Tensor:
    """[R, PIECES] flat index of the voxel at the middle of each piece."""
    middle = near[:, None] + width[:, None] * (torch.arange(PIECES, device=near.device) + 0.5)
    flat = torch.zeros(middle.shape, dtype=torch.int32, device=near.device)
    for axis, n in enumerate(shape):
        scale = n / (box[1, axis] - box[0, axis])
        o, d = (rays.origins[:, axis] - box[0, axis]) * scale, rays.directions[:, axis] * scale
        flat = flat.mul_(n).add_(torch.addcmul(o[:, None], d[:, None], middle).int().clamp_(0, n - 1))
    return flat


def _invert(u: Tensor, upto: Tensor, length: Tensor, near: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
    """Where the cumulative mass `upto` [R, PIECES] reaches u [R, N]: depth, and length inside the hull up to there."""
    piece = torch.searchsorted(upto, u.contiguous(), right=True).clamp_(max=PIECES - 1)
    earlier = (piece - 1).clamp(min=0)
    first = piece == 0
    below = torch.where(first, 0, upto.gather(1, earlier))
    inner = torch.where(first, 0, length.gather(1, earlier))
    share = ((u - below) / (upto.gather(1, piece) - below).clamp(min=1e-10)).clamp(0, 1)
    return near[:, None] + (piece + share) * width[:, None], inner + share * (length.gather(1, piece) - inner)
