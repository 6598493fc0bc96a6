"""Axis-aligned boxes [2, 3] (minimum, maximum) around what is filmed, world frame, metres (method.md 9)."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.geometry.camera import Array, Camera

# The faces of the box as indices into `box_corners`, whose order is (x, y, z) bits, z fastest.
FACES = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))


def box_of_points(points: ArrayLike, padding: float = 0.1) -> NDArray[np.float32]:
    """Box of points [n, 3]: their extent, widened by `padding` metres on every side. Raises ValueError without any."""
    cloud = np.asarray(points, dtype=np.float32)
    if cloud.ndim != 2 or cloud.shape[1] != 3 or len(cloud) == 0:
        raise ValueError(f"points of a box have shape {cloud.shape}, expected [n, 3] with n > 0")
    return np.stack([cloud.min(axis=0) - padding, cloud.max(axis=0) + padding]).astype(np.float32)


def scale_box(box: ArrayLike, scale: float = 1.0, shift: ArrayLike = (0.0, 0.0, 0.0)) -> NDArray[np.float32]:
    """[2, 3] the box [2, 3] scaled about its centre, then shifted by [3] metres."""
    corners = np.asarray(box, dtype=np.float32)
    if scale != 1.0:
        centre = corners.mean(axis=0)
        corners = (corners - centre) * np.float32(scale) + centre
    return (corners + np.asarray(shift)).astype(np.float32)


def box_corners(box: ArrayLike) -> Array:
    """[8, 3] corners, x slowest and z fastest."""
    bounds = np.asarray(box, dtype=np.float64)
    return np.array(list(itertools.product(*bounds.T)))


def projected_box_mask(box: ArrayLike, camera: Camera) -> NDArray[np.uint8]:
    """[H, W] 1 inside the box's projection: 8 corners projected and rounded, 6 faces filled (method.md 9).

    Raises ValueError if a corner lies at or behind the camera, where the projection has no meaning.
    """
    pixels, depth = camera.project(box_corners(box))
    if (depth <= 0).any():
        raise ValueError(f"camera {camera.name!r} stands inside the box or looks away from it (corner depths {depth})")
    # fillPoly takes int32; far corners of a close camera may lie beyond it.
    polygon = np.clip(np.round(pixels), -(2**24), 2**24).astype(np.int32)
    mask = np.zeros((camera.height, camera.width), dtype=np.uint8)
    import cv2  # not at the top: who only plays does not wait for it

    for face in FACES:
        cv2.fillPoly(mask, [polygon[list(face)]], [1])
    return mask


def bounding_rectangle(mask: NDArray[np.uint8] | NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """(x, y, width, height) of the non-zero pixels of a mask [H, W]; all zero if there are none."""
    import cv2

    x, y, width, height = cv2.boundingRect(np.asarray(mask, dtype=np.uint8))
    return int(x), int(y), int(width), int(height)


def size_in_metres(boxes: NDArray[np.float32]) -> str:
    """`1.21 x 1.15 x 2.02 m`: the sides of a box [2, 3], or the median sides of boxes [F, 2, 3]."""
    sides = np.median(np.reshape(boxes[..., 1, :] - boxes[..., 0, :], (-1, 3)), axis=0)
    return " x ".join(f"{side:.2f}" for side in sides) + " m"
