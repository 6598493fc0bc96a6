"""Lenses: where an ideal pinhole's ray lands in the picture of a real lens, and pictures without distortion.

Notation: (x, y) = (X / Z, Y / Z) of a point in camera coordinates, OpenCV's axes; (x', y') what the lens makes of it;
pixel = K (x', y', 1). Coefficients are OpenCV's, in OpenCV's order:

    opencv    [5, 8, 12 or 14]   k1 k2 p1 p2 k3, then k4 k5 k6 of the denominator, thin prism s1..s4, tilt tx ty
    fisheye   [4]                k1 k2 k3 k4 of theta' = theta (1 + k1 theta^2 + ... + k4 theta^8)
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Lens = Literal["opencv", "fisheye"]

COEFFICIENTS: dict[Lens, tuple[int, ...]] = {"opencv": (4, 5, 8, 12, 14), "fisheye": (4,)}
"""How many coefficients a lens may have."""


def coefficients(D: Array, lens: Lens) -> Array:
    """The coefficients [n] of a lens; four of OpenCV's become five. Raises ValueError for another number of them."""
    flat = np.asarray(D, dtype=np.float64).reshape(-1)
    if flat.size not in COEFFICIENTS[lens]:
        known = ", ".join(map(str, COEFFICIENTS[lens]))
        raise ValueError(f"D has {flat.size} numbers; a lens of the model {lens!r} has {known}")
    return np.append(flat, 0.0) if lens == "opencv" and flat.size == 4 else flat


def distort(points: Array, K: Array, D: Array, lens: Lens = "opencv") -> Array:
    """Positions [N, 2] without a lens (x, y) -> pixels [N, 2] (column, row) in the distorted picture."""
    if lens == "fisheye":
        pixels = cv2.fisheye.distortPoints(points[:, None], K, D)
    else:
        rays = np.concatenate([points, np.ones((len(points), 1))], axis=1)
        pixels = cv2.projectPoints(rays[:, None], np.zeros(3), np.zeros(3), K, D)[0]
    return np.asarray(_skewed(np.asarray(pixels, dtype=np.float64).reshape(-1, 2), K), dtype=np.float64)


def undistort(
    image: NDArray[np.float32], K: Array, D: Array, lens: Lens = "opencv", ideal: Array | None = None
) -> NDArray[np.float32]:
    """The picture [H, W, 3] of an ideal lens; colours are interpolated, black where nothing was.

    ideal: [3, 3] its K; default: the same K.
    """
    if lens == "opencv" and ideal is None and K[0, 1] == 0:  # OpenCV knows no skew of a real lens
        return np.asarray(cv2.undistort(image, K, D), dtype=np.float32)
    maps = _maps(K, D, lens, (image.shape[1], image.shape[0]), ideal)
    return np.asarray(cv2.remap(image, *maps, cv2.INTER_LINEAR), dtype=np.float32)


def undistort_nearest(
    labels: NDArray[np.uint8],
    K: Array,
    D: Array,
    lens: Lens = "opencv",
    outside: int = 0,
    ideal: Array | None = None,
) -> NDArray[np.uint8]:
    """The labels [H, W] of an ideal lens's picture, taken from the nearest pixel and never mixed.

    outside: the label of what the real picture does not show. ideal: as in `undistort`.
    """
    maps = _maps(K, D, lens, (labels.shape[1], labels.shape[0]), ideal)
    return np.asarray(cv2.remap(labels, *maps, cv2.INTER_NEAREST, borderValue=outside), dtype=np.uint8)


def folds(K: Array, D: Array, lens: Lens, width: int, height: int, steps: int = 64) -> bool:
    """Whether undistortion shows a part of the picture twice: coefficients that were fitted to less than the picture.

    Beyond some radius such a lens turns round and maps positions inwards again. That is no harm outside the picture.
    """
    columns, rows = np.meshgrid(np.linspace(0, width - 1, steps), np.linspace(0, height - 1, steps))  # [s, s]
    down = (rows - K[1, 2]) / K[1, 1]
    ideal = np.stack([(columns - K[0, 2] - K[0, 1] * down) / K[0, 0], down], axis=-1)
    real = distort(ideal.reshape(-1, 2), K, D, lens).reshape(steps, steps, 2)
    right, down = real[:-1, 1:] - real[:-1, :-1], real[1:, :-1] - real[:-1, :-1]
    turned = right[..., 0] * down[..., 1] - right[..., 1] * down[..., 0] <= 0
    corner = real[:-1, :-1]
    inside = (corner >= 0).all(axis=-1) & (corner[..., 0] < width) & (corner[..., 1] < height)
    return bool((turned & inside).any()) or not bool(np.isfinite(real).all())


def _maps(
    K: Array, D: Array, lens: Lens, size: tuple[int, int], ideal: Array | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where each pixel of the ideal picture lies in the real one: columns and rows [H, W]."""
    of = cv2.fisheye.initUndistortRectifyMap if lens == "fisheye" else cv2.initUndistortRectifyMap
    columns, rows = of(K, D, np.eye(3), K if ideal is None else ideal, size, cv2.CV_32FC1)
    where = _skewed(np.stack([columns, rows], axis=-1), K)
    return np.asarray(where[..., 0], dtype=np.float32), np.asarray(where[..., 1], dtype=np.float32)


def _skewed(pixels: NDArray[np.floating], K: Array) -> NDArray[np.floating]:
    """Pixels [..., 2] of a lens with K's skew, from those that OpenCV finds: it leaves the skew of real lenses out."""
    if K[0, 1] == 0:
        return pixels
    return pixels + np.stack([K[0, 1] / K[1, 1] * (pixels[..., 1] - K[1, 2]), np.zeros_like(pixels[..., 1])], axis=-1)
