"""The layer occupancy: which voxels the march looks into, as solid blocks with shaded faces."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.geometry.camera import Camera
from dymap.geometry.rays import Rays
from dymap.kernels import Cancel, Rows
from dymap.pictures import to_bytes
from dymap.render.image import Rendered, image_of_rays

COLOUR = (0.93, 0.62, 0.24)
FACES = (0.8, 0.62, 1.0)
"""Brightness of faces across x, y and z."""
STEPS = 2
"""Samples along a voxel's shortest side."""
ROUND = 24
"""Samples of a ray that are looked at together."""


def occupancy_layer(
    grid: Tensor, box: Tensor, camera: Camera, cancel: Cancel | None = None, rows: Rows | None = None
) -> NDArray[np.uint8]:
    """[H, W, 3] the first occupied voxel along each ray, over black. Raises Cancelled.

    grid: [gx, gy, gz] bool over the box [2, 3]; rows: only these of the picture, see `Renderer`.
    """
    shape = torch.tensor(grid.shape, device=box.device)
    voxel = (box[1] - box[0]) / shape
    step = float(voxel.min()) / STEPS
    strides = torch.tensor([grid.shape[1] * grid.shape[2], grid.shape[2], 1], device=box.device)
    colour, faces = (torch.tensor(values, device=box.device) for values in (COLOUR, FACES))
    flat, last = grid.reshape(-1), shape - 1
    most = int(float((box[1] - box[0]).norm()) / step) + 1

    def follow(rays: Rays) -> Rendered:
        """Samples from near to far; the first in an occupied voxel counts."""
        near, depth = rays.near.clamp(min=0), rays.far.clone()
        origin, slope = (rays.origins - box[0]) / voxel, rays.directions / voxel  # in voxels
        found = torch.full_like(depth, -1, dtype=torch.int64)
        alive = torch.arange(len(depth), device=box.device)
        for first in range(0, most, ROUND):
            alive = alive[near[alive] + first * step < rays.far[alive]]
            if not len(alive):
                break
            t = near[alive][:, None] + step * torch.arange(first, first + ROUND, device=box.device)  # [R, S]
            place = origin[alive][:, None] + t[..., None] * slope[alive][:, None]
            cell = torch.minimum(place.long().clamp(min=0), last)
            index = (cell * strides).sum(-1)
            hit = flat[index] & (t < rays.far[alive][:, None])
            some, which = hit.max(dim=1)
            rows = torch.nonzero(some).squeeze(1)
            found[alive[rows]] = index[rows, which[rows]]
            depth[alive[rows]] = t[rows, which[rows]]
            alive = alive[~some]
        seen = found >= 0
        # Which face it is: the last of the three planes that the ray crossed on its way into the voxel.
        cell = torch.stack([found // strides[0], found // strides[1] % shape[1], found % shape[2]], dim=-1)
        entry = (cell + (slope < 0).long() - origin) / torch.where(slope == 0, 1e-9, slope)
        brightness = faces[entry.argmax(dim=-1)]
        tint = 0.9 + 0.1 * ((found * 2654435761 >> 8) % 256).float() / 255  # so that single voxels show
        rgb = colour * (brightness * tint * seen)[:, None]
        return Rendered(rgb, seen.float(), depth)

    return to_bytes(image_of_rays(camera, box, follow, cancel, rows).rgb)
