"""Camera paths (method.md 13)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dymap.geometry.camera import Array


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def orbit_path(
    extrinsics: ArrayLike,
    n: int,
    start: float = 0.0,
    length: float = 2 * np.pi,
    target: ArrayLike | None = None,
    raised: float = 0.0,
) -> Array:
    """World-to-camera matrices [n, 4, 4] of an ellipse fitted to the capture's cameras.

    extrinsics: [V, 4, 4] world to camera of all cameras, before any transform of the world. start, length: radians.
    target: [3] what all views look at, metres; None: the published point, 1.3 m below the mean camera.
    raised: metres by which the ellipse is moved upwards.
    Raises ValueError for fewer than three cameras, which span no ellipse.
    """
    matrices = np.asarray(extrinsics, dtype=np.float64)
    if len(matrices) < 3:
        raise ValueError(f"an orbit needs at least 3 cameras, got {len(matrices)}")
    c2w = np.linalg.inv(matrices)
    down, forward, position = (c2w[:, :3, k] for k in (1, 2, 3))
    up = _unit(down.sum(axis=0))  # the mean down axis: the published path calls it up
    z = _unit(-forward[0])
    e1 = _unit(np.cross(z, up))
    e2 = _unit(np.cross(up, e1))
    centre = position.mean(axis=0)
    local = (position - centre) @ np.stack([up, e1, e2], axis=1)  # [V, 3] in the frame of the ellipse
    radii = 1.3 * np.percentile(np.abs(local), 80, axis=0)

    target = centre + 1.3 * up if target is None else np.asarray(target, dtype=np.float64)
    path = []
    for theta in start + np.arange(n) * length / n:
        eye = centre - raised * up + radii[1] * np.sin(theta) * e1 + radii[2] * np.cos(theta) * e2
        z = _unit(eye - target)
        x = _unit(np.cross(z, up))
        y = _unit(np.cross(x, z))
        pose = np.eye(4)
        pose[:3] = np.stack([x, y, -z, eye], axis=1)
        path.append(np.linalg.inv(pose))
    return np.array(path)
