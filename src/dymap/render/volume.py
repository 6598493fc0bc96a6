"""The volume renderer: training and exact evaluation (method.md 5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.geometry.rays import Rays

CHUNK_SAMPLES = 2**18
"""Samples in memory at once when images are rendered."""


class Rendered(NamedTuple):
    """What rays see: rgb [R, 3] over black, acc [R] opacity, depth [R] metres along the ray."""

    rgb: Tensor
    acc: Tensor
    depth: Tensor

    @staticmethod
    def cat(parts: list[Rendered]) -> Rendered:
        return Rendered(*(torch.cat(column) for column in zip(*parts, strict=True)))

    def among(self, rays: Rays, which: Tensor) -> Rendered:
        """What all rays see, if these are of the chosen ones, and the others see nothing. which: [n] int64."""
        rgb, acc, depth = torch.zeros_like(rays.origins), torch.zeros_like(rays.far), rays.far
        return Rendered(*(a.index_copy(0, which, b) for a, b in zip((rgb, acc, depth), self, strict=True)))


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


def opacity(sigma: Tensor, dist: Tensor) -> Tensor:
    """alpha = 1 - exp(-relu(sigma) * dist)."""
    return 1 - torch.exp(-torch.relu(sigma) * dist)


def ray_weights(alpha: Tensor) -> Tensor:
    """w_i = alpha_i * prod_{j < i} (1 - alpha_j + 1e-10) of samples [R, N] in order along each ray."""
    transmittance = torch.cumprod(1 - alpha + 1e-10, dim=1)
    return alpha * torch.cat([torch.ones_like(alpha[:, :1]), transmittance[:, :-1]], dim=1)


def integrate(
    frame: Frame,
    rays: Rays,
    z: Tensor,
    dist: Tensor,
    colour_threshold: float = 0.0,
    views: Tensor | None = None,
) -> Rendered:
    """Radiance along rays sampled at depths z [R, N] with interval lengths dist [R, N]; differentiable.

    colour_threshold: colours are evaluated only where the weight exceeds this. At 0 that is exact, forward and
    backward: such samples have sigma <= 0, and relu stops their gradients. views: [R, 3] unit directions that the
    colours are seen from, None: those of the rays.
    """
    points = rays.origins[:, None] + rays.directions[:, None] * z[..., None]  # [R, N, 3]
    position = frame.normalise(points.reshape(-1, 3))
    sigma, feature = frame.density(position)
    weights = ray_weights(opacity(sigma.reshape(z.shape), dist))
    visible = torch.nonzero(weights.detach().reshape(-1) > colour_threshold)[:, 0]
    ray = torch.div(visible, z.shape[1], rounding_mode="floor")
    views = rays.directions if views is None else views
    colour = frame.colour(position.index_select(0, visible), feature.index_select(0, visible), views, ray)
    contribution = weights.reshape(-1).index_select(0, visible)[:, None] * colour
    rgb = torch.zeros_like(rays.origins).index_add(0, ray, contribution)
    acc = weights.sum(dim=1)
    depth = (weights * z).sum(dim=1) + (1 - acc) * z[:, -1]
    return Rendered(rgb, acc, depth)


@torch.no_grad()
def render_rays(frame: Frame, rays: Rays, samples: int = 64) -> Rendered:
    """Deterministic samples over the whole range of each ray, in chunks of bounded memory."""
    size = max(1, CHUNK_SAMPLES // samples)
    parts = []
    for start in range(0, max(len(rays), 1), size):
        part = rays[start : start + size]
        z = ray_depths(part.near, part.far, samples)
        parts.append(integrate(frame, part, z, intervals(z)))
    return Rendered.cat(parts)
