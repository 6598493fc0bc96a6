"""Whole images in one call of the native core: `march`, exactly, and `fast`, which takes shortcuts.

`fast` interpolates densities that are worked out once a frame at half a step, gives up to three consecutive samples of
a ray one colour, and multiplies in bfloat16 where the processor can. What it costs is measured in docs/performance.md.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from dymap.field.frame import Frame
from dymap.field.hashgrid import CollapsedHash
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel, Scene, open_scene
from dymap.render.march import march_step


class Cancelled(Exception):
    """An image was cancelled while it was rendered."""


def exact_scene(frame: Frame, grid: Tensor, max_samples: int) -> Scene | None:
    """The marching renderer of a Frame in one call an image (method.md 8); None where the core does not run.

    grid: [gx, gy, gz] bool over frame.box.
    """
    if type(frame) is not Frame or not isinstance(frame.hash, CollapsedHash):
        return None  # densities or features from somewhere else
    return open_scene(
        frame.planes,
        frame.hash.grids,
        frame.hash.levels,
        frame.networks,
        (frame.config.directions, frame.config.direction_degree),
        frame.box,
        grid,
        march_step(frame.box, max_samples),
    )


def fast_scene(frame: Frame, grid: Tensor, max_samples: int) -> Scene | None:
    """The fast renderer of a Frame, which it does not keep; None where the core does not run."""
    scene = exact_scene(frame, grid, max_samples)
    if scene is not None:
        scene.prepare_fast()
    return scene


def see(scene: Scene, camera: Camera, cancel: Cancel | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """rgb [H, W, 3] over black, acc [H, W], depth [H, W] and hit [H, W] of an undistorted camera's image.

    Raises Cancelled if `cancel` ended it before all of it was done.
    """
    ray = camera.R.T @ np.linalg.inv(camera.K)
    size = (camera.width, camera.height)
    rgb, acc, depth, hit, done = scene.render(ray, camera.position, camera.pixel_offset, size, cancel)
    if done < 1:
        raise Cancelled
    return rgb, acc, depth, hit
