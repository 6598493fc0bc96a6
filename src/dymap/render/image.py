"""Images of a camera: rays that miss the box are background; the result is rgb, acc and depth (method.md 5, 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.geometry.rays import camera_rays, pixel_grid
from dymap.kernels import Cancel, Scene
from dymap.pictures import to_bytes
from dymap.render.fused import exact_scene, see
from dymap.render.march import march_rays, march_step
from dymap.render.volume import Rendered, render_rays

BAND_PIXELS = 2**18
"""Pixels whose rays are in memory at once."""

Background = Literal["black", "white", "transparent"] | Tensor
"""A colour's name, `transparent`, or an image [H, W, 3] in [0, 1]."""


@dataclass(frozen=True, eq=False)
class Image:
    """A rendered image.

    rgb: [H, W, 3] in [0, 1] over the background (over black, premultiplied, if it is transparent); acc: [H, W]
    opacity; depth: [H, W] metres along the ray, infinity where the ray misses the box; hit: [H, W] the box mask.
    """

    rgb: Tensor
    acc: Tensor
    depth: Tensor
    hit: Tensor

    def numpy(self) -> NDArray[np.uint8]:
        """[H, W, 3] rounded to bytes."""
        return to_bytes(self.rgb)

    def rgba(self) -> NDArray[np.uint8]:
        """[H, W, 4] straight (not premultiplied) alpha, for compositing; meaningful with a transparent background."""
        colour = self.rgb / self.acc.clamp(min=1e-6)[..., None]
        return to_bytes(torch.cat([colour, self.acc[..., None]], dim=-1))


def render_image(
    frame: Frame | Scene,
    camera: Camera,
    grid: Tensor | None = None,
    *,
    samples: int = 64,
    max_samples: int = 256,
    background: Background = "black",
    cancel: Cancel | None = None,
) -> Image:
    """The Frame seen by a camera.

    frame: or a scene that was made from one (see fused.py), which says itself how it is rendered. grid: [gx, gy, gz]
    occupancy for the marching renderer; None: the volume renderer with `samples` a ray.
    cancel: may end it from another thread, where the native core renders; then Cancelled is raised.
    Memory is bounded beyond the image itself. The camera must be undistorted.
    """
    if isinstance(frame, Scene):
        return _over(*see(frame, camera, cancel), background)
    scene = None if grid is None else exact_scene(frame, grid, max_samples)
    if scene is not None:
        return _over(*see(scene, camera, cancel), background)
    rows = max(1, BAND_PIXELS // camera.width)
    seen, hits = [], []
    for first in range(0, camera.height, rows):
        band = pixel_grid(camera, first, min(first + rows, camera.height))
        rays, hit = camera_rays(camera, frame.box, band, frame.device)
        hits.append(hit)
        if grid is None:
            # What lies behind the camera is not seen: near may be negative (method.md 9).
            ahead = replace(rays, near=rays.near.clamp(min=0), far=rays.far.clamp(min=0))
            seen.append(render_rays(frame, ahead, samples))
        else:
            seen.append(march_rays(frame, rays, grid, march_step(frame.box, max_samples)))
    return assemble(Rendered.cat(seen), torch.cat(hits), camera, background)


def assemble(seen: Rendered, hit: Tensor, camera: Camera, background: Background = "black") -> Image:
    """Put the rays that hit [M of H * W] back into their image, over the background."""
    pixels = camera.height * camera.width
    rgb = seen.rgb.new_zeros(pixels, 3)
    acc = seen.acc.new_zeros(pixels)
    depth = seen.depth.new_full((pixels,), float("inf"))
    rgb[hit], acc[hit], depth[hit] = seen.rgb, seen.acc, seen.depth
    shape = (camera.height, camera.width)
    return _over(rgb.reshape(*shape, 3), acc.reshape(shape), depth.reshape(shape), hit.reshape(shape), background)


def _over(rgb: Tensor, acc: Tensor, depth: Tensor, hit: Tensor, background: Background) -> Image:
    """An image over black [H, W, 3] over another background."""
    if isinstance(background, Tensor):
        if background.shape != rgb.shape:
            raise ValueError(f"background image has shape {tuple(background.shape)}, expected {tuple(rgb.shape)}")
        rgb = rgb + (1 - acc)[..., None] * background.to(rgb)
    elif background == "white":
        rgb = rgb + (1 - acc)[..., None]
    elif background not in ("black", "transparent"):
        raise ValueError(f"unknown background {background!r}; known are black, white, transparent or an image")
    return Image(rgb, acc, depth, hit)
