"""Rigid frames: where the bones of the figure are, and the small rotations that pose them.

World axes: z up, metres. The figure faces -y, so that +x is its left; a frame's columns are its axes in the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def about_x(angle: float) -> Array:
    """[3, 3] rotation by `angle` radians about x: bowing (positive leans back)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle: float) -> Array:
    """[3, 3] rotation by `angle` radians about y: leaning sideways (positive leans to the figure's left)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_z(angle: float) -> Array:
    """[3, 3] rotation by `angle` radians about z: turning (positive turns to the figure's left)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def unit(vector: ArrayLike) -> Array:
    """The vector [3] at length one."""
    value = np.asarray(vector, dtype=np.float64)
    return value / np.linalg.norm(value)


@dataclass(frozen=True, eq=False)
class Frame:
    """A rigid frame. origin: [3] metres, axes: [3, 3] columns x, y, z; both in the world."""

    origin: Array
    axes: Array

    def point(self, local: ArrayLike) -> Array:
        """Frame coordinates [3] -> world [3]."""
        return self.origin + self.axes @ np.asarray(local, dtype=np.float64)

    def child(self, offset: ArrayLike, turn: Array | None = None) -> Frame:
        """The frame at `offset` [3] (in this frame's coordinates), turned by `turn` [3, 3]."""
        return Frame(self.point(offset), self.axes if turn is None else self.axes @ turn)

    def affine(self, scale: ArrayLike = (1.0, 1.0, 1.0)) -> Array:
        """[3, 4] frame to world, after a scale [3] along the frame's axes."""
        return np.column_stack([self.axes * np.asarray(scale, dtype=np.float64), self.origin])


def along(start: Array, end: Array, front: Array) -> Frame:
    """The frame at `start` with z towards `end` and -y as near to `front` as that allows (all [3], world)."""
    z = unit(end - start)
    x = unit(np.cross(z, front))
    return Frame(start, np.column_stack([x, np.cross(z, x), z]))


def inverse_affine(affine: Array) -> Array:
    """[3, 4] inverse of an affine map [3, 4]."""
    inverse = np.linalg.inv(affine[:, :3])
    return np.column_stack([inverse, -inverse @ affine[:, 3]])


def two_bone_joint(root: Array, target: Array, lengths: tuple[float, float], pole: Array) -> tuple[Array, Array]:
    """Elbow or knee [3] and end [3] of two bones from `root` that reach for `target`, bent towards `pole`.

    A target out of reach is pulled in to 99.5 % of the limb's length: a straight joint has no defined bend.
    """
    first, second = lengths
    reach = target - root
    distance = float(np.clip(np.linalg.norm(reach), abs(first - second) + 1e-3, 0.995 * (first + second)))
    axis = unit(reach)
    side = unit(pole - (pole @ axis) * axis)
    cosine = (first**2 + distance**2 - second**2) / (2 * first * distance)
    joint = root + first * (cosine * axis + np.sqrt(max(1 - cosine**2, 0.0)) * side)
    return joint, root + distance * axis
