"""A camera whose picture is turned by quarters: the same rays in another order of pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dymap.geometry.camera import Array, Camera

QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Axes of the camera after a quarter clockwise: what was down points left."""


def turned(camera: Camera, quarters: int) -> Camera:
    """The camera of pictures that were turned clockwise by so many quarters; negative: the other way.

    Pixel (i, j) goes to (H - 1 - j, i). Raises ValueError for skewed and tilted lenses, which have no such camera.
    """
    for _ in range(quarters % 4):
        camera = _quarter(camera)
    return camera


def _quarter(camera: Camera) -> Camera:
    K = camera.K
    if abs(K[0, 1]) > 1e-6 * K[0, 0] or np.any(camera.D[12:] != 0):
        raise ValueError("a lens with skew or tilt cannot be turned")
    cx = camera.height - 1 + 2 * camera.pixel_offset - K[1, 2]
    return replace(
        camera,
        K=np.array([[K[1, 1], 0, cx], [0, K[0, 0], K[0, 2]], [0, 0, 1]]),
        R=QUARTER @ camera.R,
        T=QUARTER @ camera.T,
        width=camera.height,
        height=camera.width,
        D=_turned_lens(camera.D) if camera.lens == "opencv" else camera.D,
    )


def _turned_lens(D: Array) -> Array:
    """Tangential terms (p2, p1) and thin prisms (s1, s3), (s2, s4) are vectors in the picture, which turn with it."""
    turned = D.copy()
    turned[2], turned[3] = D[3], -D[2]
    if len(D) >= 12:
        turned[8], turned[10] = -D[10], D[8]
        turned[9], turned[11] = -D[11], D[9]
    return turned
