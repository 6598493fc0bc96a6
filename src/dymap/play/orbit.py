"""Where an orbit goes, and its lens: what is occupied in the whole clip fills the height of the film (method.md 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dymap.geometry.box import box_corners
from dymap.geometry.camera import Array, Camera

FILL = 0.85
"""Share of the film's height that what is occupied in the clip fills."""
FILL_WIDTH = 0.95
"""Share of its width that it fills at most."""
ROUND = 48
"""Views of a whole round to which the lens is fitted: the same one for every film of an orbit."""
DIRECTIONS = 64
"""In which the farthest occupied voxels of a frame are looked for."""


@dataclass(frozen=True)
class Orbit:
    """How an orbit differs from the usual one: once round the scene, which fills 85 % of the height.

    zoom: focal length against that; height: metres by which the camera is above the ring of cameras; turns: how often
    it goes round in the film, negative the other way; start: degrees after the usual beginning.
    """

    zoom: float = 1.0
    height: float = 0.0
    turns: float = 1.0
    start: float = 0.0


def occupied_points(boxes: ArrayLike, occupancy: Tensor) -> Array:
    """[N, 3] world, metres: the outermost occupied places of a clip, frame by frame, in evenly spread directions.

    boxes: [frames, 2, 3] world; occupancy: [frames, gx, gy, gz] bool. Of frames that are empty the box's corners, if
    all are.
    """
    bounds = np.asarray(boxes, dtype=np.float64)
    directions = spread_directions(DIRECTIONS)
    points = []
    for box, grid in zip(bounds, occupancy, strict=True):
        voxels = grid.nonzero().cpu().numpy()  # [n, 3]
        if len(voxels):
            places = box[0] + (voxels + 0.5) / np.array(grid.shape) * (box[1] - box[0])
            points.append(places[np.unique(np.argmax(places @ directions.T, axis=0))])
    if not points:
        points = [box_corners(box) for box in bounds]
    return np.concatenate(points)


def spread_directions(count: int) -> Array:
    """[count, 3] unit vectors, spread evenly over the sphere (a Fibonacci lattice)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


def framed(lens: Camera, poses: Sequence[ArrayLike], points: Array, zoom: float = 1.0) -> Camera:
    """A lens through which points fill 85 % of the height, or 95 % of the width, of what cameras at all poses see.

    poses: world to camera [4, 4] each; points: [N, 3] in the same world. The picture is moved up or down so that they
    lie in its middle, by the same in all; zoom: 2 is twice as close. The lens stays as it is if a camera stands among
    the points or nothing is seen.
    """
    matrices = np.array([np.asarray(pose, dtype=np.float64) for pose in poses])
    local = points @ matrices[:, :3, :3].transpose(0, 2, 1) + matrices[:, None, :3, 3]  # [P, N, 3]
    if len(points) == 0 or local[..., 2].min() < 1e-3:
        return lens
    x, y = (local[..., axis] / local[..., 2] for axis in (0, 1))
    high, wide = float(np.ptp(y)), 2 * float(np.abs(x).max())
    fx, fy = lens.K[0, 0], lens.K[1, 1]
    limits = [FILL * lens.height / (fy * high)] if high > 0 else []
    limits += [FILL_WIDTH * lens.width / (fx * wide)] if wide > 0 else []
    if not limits:
        return lens
    scale = zoom * min(limits)
    middle = (np.array([lens.width, lens.height]) - 1) / 2 + lens.pixel_offset
    K = np.diag([fx * scale, fy * scale, 1.0])
    K[:2, 2] = middle - (0, fy * scale * (y.max() + y.min()) / 2)
    return replace(lens, K=K)
