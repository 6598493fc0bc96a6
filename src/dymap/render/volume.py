"""The volume renderer: training and exact evaluation (method.md 5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.geometry.rays import Rays
from dymap.kernels import Cancel, Rows, opacity, ray_weights
from dymap.render.image import Background, Image, Rendered, image_of_rays
from dymap.render.sampling import intervals, ray_depths

CHUNK_SAMPLES = 2**18
"""Samples in memory at once when images are rendered."""


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


@dataclass(frozen=True, eq=False)
class VolumeRenderer:
    """Samples of the whole box, so many a ray, both ends included."""

    frame: Frame
    samples: int = 64

    @property
    def nbytes(self) -> int:
        return self.frame.nbytes

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        def ahead(rays: Rays) -> Rendered:
            """What lies behind the camera is not seen: near may be negative (method.md 9)."""
            ahead = replace(rays, near=rays.near.clamp(min=0), far=rays.far.clamp(min=0))
            return render_rays(self.frame, ahead, self.samples)

        return image_of_rays(camera, self.frame.box, ahead, cancel, rows).over(background)


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
