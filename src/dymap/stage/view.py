"""A browser's view becomes a Camera of so many pixels."""

from __future__ import annotations

import numpy as np

from dymap.geometry.camera import Camera
from dymap.stage.message import View

MIN_SIDE = 16
"""Pixels: no picture is smaller."""


def camera_of(view: View, width: int, height: int) -> Camera:
    """The Camera of a view whose picture has `width` x `height` pixels and fills the canvas.

    A lens given by its field of view has its principal point in the middle, and pixel centres at + 0.5: browsers
    measure from the window's corner. A lens given by K shows all of its image, widened to the canvas's shape.
    """
    T = np.asarray(view.T, dtype=np.float64)
    if view.K is not None:
        return Camera(view.K, view.R, T, *view.image, name="stage").fitted(width, height)
    assert view.fov is not None
    focal = height / 2 / np.tan(view.fov / 2)
    K = np.array([[focal * (width / height) / (view.canvas[0] / view.canvas[1]), 0, width / 2],
                  [0, focal, height / 2], [0, 0, 1]])  # fmt: skip
    return Camera(K, view.R, T, width, height, name="stage", pixel_offset=0.5)


def full_size(canvas: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height of a full picture: the canvas's, or less, so that its longer side has at most `side` pixels."""
    return scaled(canvas, min(1.0, side / max(canvas)))


def scaled(size: tuple[int, int], share: float) -> tuple[int, int]:
    """A smaller size of the same shape. share: of the side, 0 to 1."""
    least = min(MIN_SIDE, *size)
    return max(least, round(size[0] * share)), max(least, round(size[1] * share))
