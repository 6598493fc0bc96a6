"""Poses: rotations out of numbers that were rounded or are none."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

TOLERANCE = 1e-2
"""By how much R R^T may differ from the identity: files hold as few as three decimals."""


def rotation_fault(R: Array, tolerance: float = TOLERANCE) -> str | None:
    """Why finite R [3, 3] is no rotation; None: it is one, but for rounding."""
    if not (excess := float(np.abs(R @ R.T - np.eye(3)).max())) <= tolerance:
        return f"R R^T differs from the identity by {excess:.2g}; it is scaled or sheared, or not of this camera"
    return "a mirror: one axis has the wrong sign" if np.linalg.det(R) < 0 else None


def nearest_rotation(matrix: ArrayLike, tolerance: float = TOLERANCE) -> Array:
    """The rotation [3, 3] nearest to a matrix (Frobenius). Raises ValueError that says why it is far from all.

    Rounded decimals would move a camera, as its centre is -R^T T.
    """
    R = np.asarray(matrix, dtype=np.float64)
    if (error := float(np.abs(R @ R.T - np.eye(3)).max())) > tolerance:
        raise ValueError(
            f"holds no rotation: R R^T differs from the identity by {error:.2g}, {tolerance:g} is allowed; does the "
            "pose hold a scale?"
        )
    if np.linalg.det(R) < 0:
        raise ValueError("holds a reflection, expected a rotation; does one of the axes point the wrong way?")
    left, _, right = np.linalg.svd(R)
    return np.asarray(left @ right)
