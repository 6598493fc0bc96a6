"""Depths of training samples inside the hull."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import cpu, plain
from dymap.kernels.reference import depths as reference
from dymap.kernels.reference.depths import BINS, UNIFORM_SHARE, Depths
from dymap.kernels.reference.lattice import max_pool


@cpu.implements(reference.hull_depths)
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
    z, dist = torch.empty(jitter.shape), torch.empty(jitter.shape)  # contiguous, unlike jitter perhaps
    hit = torch.empty(len(near), dtype=torch.bool)
    origins, directions, near, far = (plain(t) for t in (origins, directions, near, far))
    _core.hull_depths(
        origins,
        directions,
        near,
        far,
        plain(box),
        plain(hull),
        plain(jitter),
        None if sigma is None else plain(max_pool(sigma)),
        bins,
        uniform_share,
        z,
        dist,
        hit,
        torch.get_num_threads(),
    )
    return Depths(z, dist, hit)
