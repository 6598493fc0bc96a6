"""Volume rendering along a ray: opacities, transmittance, weights (method.md 5).

sigma: raw density, per metre      dist: length that a sample counts for, metres
alpha = 1 - exp(-relu(sigma) dist)             opacity
T_i = prod_{j < i} (1 - alpha_j)               transmittance
w_i = alpha_i T_i                              weight
"""

from __future__ import annotations

import torch
from torch import Tensor

MIN_TRANSMITTANCE = 1e-3
"""A marching ray ends when less light than this passes (method.md 8)."""
MIN_WEIGHT = 1e-3
"""Samples of a smaller weight enter neither colour nor opacity of a marching ray (method.md 8)."""


def opacity(sigma: Tensor, dist: Tensor | float) -> Tensor:
    """alpha = 1 - exp(-relu(sigma) * dist)."""
    return 1 - torch.exp(-torch.relu(sigma) * dist)


def ray_weights(alpha: Tensor) -> Tensor:
    """w_i = alpha_i * prod_{j < i} (1 - alpha_j + 1e-10) of samples [R, N] in order along each ray."""
    transmittance = torch.cumprod(1 - alpha + 1e-10, dim=1)
    return alpha * torch.cat([torch.ones_like(alpha[:, :1]), transmittance[:, :-1]], dim=1)
