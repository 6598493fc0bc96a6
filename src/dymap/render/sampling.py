"""Depths along rays that fill the box (method.md 5). Those inside the visual hull are an operation
(`dymap.kernels.hull_depths`)."""

from __future__ import annotations

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
