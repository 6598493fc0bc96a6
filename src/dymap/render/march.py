"""The marching renderer: occupied voxels only, opaque rays end early (method.md 8)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.geometry.rays import Rays
from dymap.kernels import MIN_TRANSMITTANCE, MIN_WEIGHT, Cancel, Rows, march_intervals, opacity
from dymap.render.image import Background, Image, Rendered, image_of_rays

ROUND = 32
"""Samples of a live ray between two looks at its transmittance."""
CHUNK_RAYS = 2**16


@dataclass(frozen=True, eq=False)
class MarchRenderer:
    """Samples in occupied voxels only. grid: [gx, gy, gz] bool over frame.box; step: metres between samples."""

    frame: Frame
    grid: Tensor
    step: float

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
        def march(rays: Rays) -> Rendered:
            return march_rays(self.frame, rays, self.grid, self.step)

        return image_of_rays(camera, self.frame.box, march, cancel, rows).over(background)


def march_step(box: Tensor, max_samples: int) -> float:
    """Distance between samples, metres: the box's diagonal / max_samples."""
    return float((box[1] - box[0]).norm()) / max_samples


@torch.no_grad()
def march_rays(frame: Frame, rays: Rays, grid: Tensor, step: float, round_samples: int = ROUND) -> Rendered:
    """March rays through the occupied voxels of a frame.

    grid: [gx, gy, gz] bool over frame.box; step: metres. Depth is the weighted mean along the ray, with the ray's end
    standing for what passes. Rays need not start outside the box; what lies behind their origin is not seen.
    """
    parts = [
        _march(frame, rays[start : start + CHUNK_RAYS], grid, step, round_samples)
        for start in range(0, max(len(rays), 1), CHUNK_RAYS)
    ]
    return Rendered.cat(parts)


def _march(frame: Frame, rays: Rays, grid: Tensor, step: float, round_samples: int) -> Rendered:
    rgb = torch.zeros_like(rays.origins)
    acc = torch.zeros_like(rays.near)
    depth = torch.zeros_like(rays.near)
    transmittance = torch.ones_like(rays.near)
    live = torch.arange(len(rays), device=rays.near.device)
    t = rays.near.clamp(min=0)
    while len(live):
        o, d = rays.origins[live], rays.directions[live]
        found, counts, t = march_intervals(o, d, t, rays.far[live], frame.box, grid, step, round_samples)
        ray, slot = torch.nonzero(
            torch.arange(round_samples, device=live.device) < counts[:, None], as_tuple=True
        )  # [M] samples in order along each ray
        mid = found[ray, slot].mean(dim=-1)
        position = frame.normalise(o[ray] + mid[:, None] * d[ray], clamp=False)
        sigma, feature = frame.density(position)
        alpha = torch.zeros_like(found[..., 0])
        alpha[ray, slot] = opacity(sigma, step)
        after = transmittance[live, None] * torch.cumprod(1 - alpha, dim=1)
        before = torch.cat([transmittance[live, None], after[:, :-1]], dim=1)
        weight = (alpha * before)[ray, slot]
        # A weight above the threshold implies that the ray was still alive there.
        seen = torch.nonzero(weight > MIN_WEIGHT)[:, 0]
        colour = frame.colour(position[seen], feature[seen], d, ray[seen])
        target, weight = live[ray[seen]], weight[seen]
        rgb.index_add_(0, target, weight[:, None] * colour)
        acc.index_add_(0, target, weight)
        depth.index_add_(0, target, weight * mid[seen])
        transmittance[live] = after[:, -1]
        on = (counts == round_samples) & (after[:, -1] >= MIN_TRANSMITTANCE)
        live, t = live[on], t[on]
    return Rendered(rgb, acc, depth + (1 - acc) * rays.far)
