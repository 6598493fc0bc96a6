"""Depths where a ray can see something (our presets; method.md 6 samples the whole box).

    bins    equal pieces of a ray between near and far
    inside  1 in bins inside the visual hull, else 0
    pdf     share of a ray's samples in each bin; cdf: its running sum

Bins outside the hull get no samples. Within it a density lattice of the frame (cheap and free of gradients) tells which
bins are likely visible, and those get more: their weights, as volume rendering has them, are a part of the pdf.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.compositing import opacity, ray_weights
from dymap.kernels.reference.lattice import max_pool

BINS = 128
UNIFORM_SHARE = 0.4
"""Share of the samples that ignore the density, so that nothing in the hull is ever given up."""


class Depths(NamedTuple):
    """z: [R, N] metres along the rays; dist: [R, N] length that each sample counts for; hit: [R] meets the hull."""

    z: Tensor
    dist: Tensor
    hit: Tensor


@operation
@torch.no_grad()
def hull_depths(
    origins: Tensor,
    directions: Tensor,
    near: Tensor,
    far: Tensor,
    box: Tensor,
    hull: Tensor,
    jitter: Tensor,
    sigma: Tensor | None = None,
    bins: int = BINS,
    uniform_share: float = UNIFORM_SHARE,
) -> Depths:
    """Stratified samples over the parts of each ray inside the hull.

    origins, directions: [R, 3]; near, far: [R] metres along the rays; hull: [gx, gy, gz] bool over box [2, 3];
    jitter: [R, N] uniform in [0, 1) (0.5: the middle of each stratum); sigma: [a, b, d] density at one point of each of
    a x b x d voxels that draws samples to visible parts, the largest of a voxel and its 26 neighbours counting, so that
    what is thinner than a voxel still draws some; None: equal lengths get equal samples.
    Rays that meet no voxel of the hull get hit = False and intervals of length zero.
    """
    width = (far - near) / bins
    middle = near[:, None] + width[:, None] * (torch.arange(bins, device=near.device) + 0.5)
    inside = _at_voxels(hull, origins, directions, middle, box).to(near.dtype)  # [R, bins]
    total = inside.sum(dim=1, keepdim=True)
    pdf = inside / total.clamp(min=1)
    if sigma is not None:
        density = _at_voxels(max_pool(sigma), origins, directions, middle, box)
        weights = ray_weights(opacity(density, width[:, None] * inside))
        passing = 1 - weights.sum(dim=1, keepdim=True)
        pdf = pdf * (uniform_share + (1 - uniform_share) * passing) + (1 - uniform_share) * weights
    cdf = torch.cumsum(pdf, dim=1)
    cdf = cdf / cdf[:, -1:].clamp(min=1e-10)
    length = torch.cumsum(inside, dim=1) * width[:, None]  # inside the hull, up to the end of each bin
    count = jitter.shape[1]
    strata = torch.arange(count + 1, device=near.device, dtype=near.dtype).expand(len(near), -1) / count
    z, _ = invert_cdf(strata[:, :-1] + jitter / count, cdf, length, near, width)
    _, covered = invert_cdf(strata, cdf, length, near, width)
    return Depths(z, covered[:, 1:] - covered[:, :-1], total[:, 0] > 0)


def _at_voxels(grid: Tensor, origins: Tensor, directions: Tensor, depth: Tensor, box: Tensor) -> Tensor:
    """Values [R, bins] of a grid over the box in the voxels at depths [R, bins] of rays."""
    flat = torch.zeros(depth.shape, dtype=torch.int32, device=depth.device)
    for axis, n in enumerate(grid.shape):
        scale = n / (box[1, axis] - box[0, axis])
        o, d = (origins[:, axis] - box[0, axis]) * scale, directions[:, axis] * scale
        flat = flat.mul_(n).add_(torch.addcmul(o[:, None], d[:, None], depth).int().clamp_(0, n - 1))
    return grid.reshape(-1)[flat]


def invert_cdf(u: Tensor, cdf: Tensor, length: Tensor, near: Tensor, width: Tensor) -> tuple[Tensor, Tensor]:
    """Where the cdf [R, bins] reaches u [R, N]: depth, and length inside the hull up to there."""
    chosen = torch.searchsorted(cdf, u.contiguous(), right=True).clamp_(max=cdf.shape[1] - 1)
    earlier = (chosen - 1).clamp(min=0)
    first = chosen == 0
    below = torch.where(first, 0, cdf.gather(1, earlier))
    inner = torch.where(first, 0, length.gather(1, earlier))
    share = ((u - below) / (cdf.gather(1, chosen) - below).clamp(min=1e-10)).clamp(0, 1)
    return near[:, None] + (chosen + share) * width[:, None], inner + share * (length.gather(1, chosen) - inner)
