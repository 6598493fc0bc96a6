"""Splats: points of a surface as flat Gaussians, in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023).

A splat is a Gaussian with the covariance R diag(s)^2 R^T, R of a unit quaternion; a pixel sees it with the opacity
o exp(-d^2 / 2), d the distance in standard deviations. The file has the logarithm of s, the logit of o, and in place of
the colour c the coefficient (c - 1/2) / Y_0 of the constant spherical harmonic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.play.mesh import MAX_SAMPLES, Mesh, Points, area_of, sample_points

PROPERTIES = (
    "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity",
    "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3",
)  # fmt: skip
"""Of a vertex, float32 each, in the order of the published files. There is no f_rest: a splat has one colour."""
Y_0 = 0.5 / np.sqrt(np.pi)
"""The constant spherical harmonic."""
OPACITY = 0.95
WIDTH = 0.75
"""Standard deviation along the surface, in distances between splats: neighbours hide what is behind them."""
THICKNESS = 0.1
"""Standard deviation along the normal, likewise."""


def spread_splats(mesh: Mesh, spacing: float, count: int | None = None, seed: int = 0) -> tuple[Points, float]:
    """Points spread evenly over a mesh, one for `spacing`^2 of its area or `count` in all; and the distance between
    them, metres.

    Raises InputError for a number of points that cannot be, and for a mesh without area.
    """
    area = area_of(mesh)
    if count is None:
        count = max(1, round(area / spacing**2))
        if count > MAX_SAMPLES:
            raise InputError(f"{count} splats are too many, {MAX_SAMPLES} at most are possible; take a larger --voxel")
    return sample_points(mesh, count, seed), (area / count) ** 0.5


def splats_bytes(points: Points, spacing: float) -> bytes:
    """The file: a disc at each point, across its normal; world coordinates, metres. spacing: metres between them."""
    count = len(points.positions)
    opacity = np.full((count, 1), np.log(OPACITY / (1 - OPACITY)))
    scale = np.tile(np.log(spacing * np.array([WIDTH, WIDTH, THICKNESS])), (count, 1))
    colour = (points.colours / 255 - 0.5) / Y_0
    columns = [points.positions, points.normals, colour, opacity, scale, turned_to(points.normals)]
    head = ["ply", "format binary_little_endian 1.0", f"element vertex {count}"]
    head += [f"property float {name}" for name in PROPERTIES]
    return "\n".join([*head, "end_header\n"]).encode() + np.concatenate(columns, axis=1).astype("<f4").tobytes()


def turned_to(normals: NDArray[np.float32]) -> NDArray[np.float64]:
    """[N, 4] unit quaternions w, x, y, z of the shortest turns of z to the normals [N, 3]."""
    x, y, z = normals.astype(np.float64).T
    quaternion = np.stack([1 + z, -y, x, np.zeros_like(z)], axis=1)  # (1 + z . n, z x n)
    quaternion[z < -1 + 1e-9] = (0, 1, 0, 0)  # opposite: half a turn about x
    return quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)
