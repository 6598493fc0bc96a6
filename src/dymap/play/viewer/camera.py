"""The mathematics of the viewer's cameras: what a browser reports <-> a dymap Camera; where orbit controls begin.

Browsers and dymap agree on axes (OpenCV: x right, y down, z forward) and on the world (metres). A browser's camera has
its principal point in the middle of the window, and what it reports is the camera's pose in the world, where a Camera
has the world's pose in the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dymap.geometry.camera import Array, Camera

MIN_SIDE = 16
"""Pixels: no picture is smaller."""


@dataclass(frozen=True, eq=False)
class View:
    """What a browser reports of its camera.

    position: [3] world, metres; wxyz: [4] unit quaternion of the rotation camera -> world; fov: the vertical field of
    view, radians; aspect: width / height of the window.
    """

    position: Array
    wxyz: Array
    fov: float
    aspect: float


@dataclass(frozen=True, eq=False)
class OrbitPose:
    """A camera as orbit controls hold it. position, look_at (the point that it turns around): [3] world, metres; up:
    [3] what is upwards in the picture; fov: the vertical field of view, radians."""

    position: Array
    look_at: Array
    up: Array
    fov: float


def is_valid(view: View) -> bool:
    """Whether a picture can be rendered from there: a browser may send anything."""
    numbers = np.concatenate([view.position, view.wxyz, [view.fov, view.aspect]])
    return bool(
        np.isfinite(numbers).all() and np.abs(view.wxyz).max() > 1e-6 and 0.01 < view.fov < 3.1
        and 0.01 < view.aspect < 100
    )  # fmt: skip


def camera_of(view: View, side: int) -> Camera:
    """The Camera of a browser's view, whose picture has `side` pixels along its longer side and fills the window.

    Pixel centres are at + 0.5: browsers measure from the window's corner.
    """
    width, height = picture_size(view.aspect, side)
    middle, focal = np.array([width / 2, height / 2]), 1 / np.tan(view.fov / 2)
    K = np.diag([middle[0] * focal / view.aspect, middle[1] * focal, 1.0])
    K[:2, 2] = middle
    R = quaternion_to_matrix(view.wxyz).T
    return Camera(K, R, -R @ view.position, width, height, name="viewer", pixel_offset=0.5)


def draft_side(side: int, seconds: float | None, budget: float) -> int:
    """The longer side of a picture that is done within `budget` seconds, at least a quarter of `side`.

    seconds: what a picture of `side` takes; None if that is not known yet.
    """
    share = 0.5 if seconds is None else float(np.clip(np.sqrt(budget / max(seconds, 1e-9)), 0.25, 1))
    return max(MIN_SIDE, side if share == 1 else int(side * share) // 16 * 16)  # steps, so that it does not flicker


def picture_size(aspect: float, side: int) -> tuple[int, int]:
    """Width and height of a picture whose longer side has `side` pixels, in a window of width / height = aspect."""
    width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
    return max(MIN_SIDE, round(width)), max(MIN_SIDE, round(height))


def view_of(camera: Camera) -> View:
    """The view of a browser from where a Camera is, in a window that shows what its image shows.

    A principal point outside the middle is left out: browsers know none.
    """
    focal_x, focal_y = camera.K[0, 0], camera.K[1, 1]
    fov = 2 * np.arctan(camera.height / 2 / focal_y)
    aspect = (camera.width / focal_x) / (camera.height / focal_y)
    return View(camera.position, matrix_to_quaternion(camera.R.T), float(fov), float(aspect))


def first_pose(cameras: Sequence[Camera], box: NDArray[np.floating], up: ArrayLike) -> OrbitPose:
    """The pose at first: at camera 0, looking at the middle of a box [2, 3] (world, metres).

    Without cameras it is outside the box, towards -y if z is up.
    """
    middle, upward = np.asarray(box, dtype=np.float64).mean(axis=0), np.asarray(up, dtype=np.float64)
    if cameras:
        return OrbitPose(cameras[0].position, middle, upward, view_of(cameras[0]).fov)
    away = np.cross([1.0, 0, 0] if abs(upward[0]) < 0.9 else [0, 1.0, 0], upward)
    distance = 1.5 * float(np.linalg.norm(box[1] - box[0]))
    return OrbitPose(middle + distance * away / np.linalg.norm(away), middle, upward, float(np.radians(50)))


def pose_at(camera: Camera, up: ArrayLike, middle: ArrayLike) -> OrbitPose:
    """The pose in which orbit controls show exactly what a Camera sees and turn around a point as far away as `middle`.

    up: [3] of the world; middle: [3] world, metres. The controls' own up stays as close to the world's as it can.
    """
    right, down, forward = camera.R
    distance = float((np.asarray(middle) - camera.position) @ forward)
    if distance < 0.1:  # it looks past the scene
        distance = max(float(np.linalg.norm(np.asarray(middle) - camera.position)), 0.1)
    level = np.asarray(up) - (np.asarray(up) @ right) * right
    own = level if level @ -down > 0.05 else -down
    return OrbitPose(camera.position, camera.position + distance * forward, own, view_of(camera).fov)


def quaternion_to_matrix(wxyz: ArrayLike) -> Array:
    """The rotation matrix [3, 3] of a quaternion [4] of any length but 0."""
    q = np.asarray(wxyz, dtype=np.float64)
    w, (x, y, z) = q[0], q[1:]
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix = (w * w - q[1:] @ q[1:]) * np.eye(3) + 2 * np.outer(q[1:], q[1:]) + 2 * w * cross
    return matrix / (q @ q)


def matrix_to_quaternion(matrix: ArrayLike) -> Array:
    """The quaternion wxyz [4], unit, w >= 0, of a rotation matrix [3, 3].

    The eigenvector of the largest eigenvalue of Bar-Itzhack's matrix (J. Guidance 23(6), 2000): exact at all angles.
    """
    (a, b, c), (d, e, f), (g, h, i) = np.asarray(matrix, dtype=np.float64)
    x, y, z, w = np.linalg.eigh(
        [[a - e - i, b + d, c + g, h - f], [b + d, e - a - i, f + h, c - g],
         [c + g, f + h, i - a - e, d - b], [h - f, c - g, d - b, a + e + i]]
    )[1][:, -1]  # fmt: skip
    return np.array([w, x, y, z]) * (1 if w >= 0 else -1)
