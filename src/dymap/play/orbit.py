"""Where an orbit goes, and its lens: the person fills the height of the film (method.md 13)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dymap.geometry.box import box_corners
from dymap.geometry.camera import Array, Camera

FILL = 0.9
"""Share of the film's height that what is occupied fills at its tallest moment; in most it is some 8 % less."""
FILL_ALL = 0.95
"""Share of the height and of the width that what is occupied in the whole clip fills at most."""
ROUND = 48
"""Views of a whole round to which the lens is fitted: the same one for every film of an orbit."""
DIRECTIONS = 64
"""In which the farthest occupied voxels of a frame are looked for."""


@dataclass(frozen=True)
class Orbit:
    """How an orbit differs from the usual one: once round the scene, which fills the height of the film.

    zoom: focal length against that; height: metres by which the camera is above the ring of cameras; turns: how often
    it goes round in the film, negative the other way; start: degrees after the usual beginning.
    """

    zoom: float = 1.0
    height: float = 0.0
    turns: float = 1.0
    start: float = 0.0


def occupied_points(boxes: ArrayLike, occupancy: Iterable[Tensor]) -> list[Array]:
    """The outermost occupied places of each frame, in evenly spread directions: [n, 3] world, metres.

    boxes: [frames, 2, 3] world; occupancy: [gx, gy, gz] bool of each frame. Empty frames are left out; if
    all are empty, the corners of their boxes are taken.
    """
    bounds = np.asarray(boxes, dtype=np.float64)
    directions = spread_directions(DIRECTIONS)
    moments = []
    for box, grid in zip(bounds, occupancy, strict=True):
        voxels = grid.nonzero().cpu().numpy()  # [n, 3]
        if len(voxels):
            places = box[0] + (voxels + 0.5) / np.array(grid.shape) * (box[1] - box[0])
            moments.append(places[np.unique(np.argmax(places @ directions.T, axis=0))])
    return moments or [box_corners(box) for box in bounds]


def spread_directions(count: int) -> Array:
    """[count, 3] unit vectors, spread evenly over the sphere (a Fibonacci lattice)."""
    z = 1 - (2 * np.arange(count) + 1) / count
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    flat = np.sqrt(1 - z**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), z], axis=1)


def framed(lens: Camera, poses: Sequence[ArrayLike], moments: Sequence[Array], zoom: float = 1.0) -> Camera:
    """A lens through which the tallest moment fills 90 % of the height of what cameras at all poses see.

    poses: world to camera [4, 4] each; moments: [n, 3] each, in the same world. All moments together fill at most 95 %
    of height and width, so that nothing is cut off. The picture is moved up or down so that they lie in its middle, by
    the same in all; zoom: 2 is twice as close. The lens stays as it is if a camera stands among the points or nothing
    is seen.
    """
    if not moments:
        return lens
    matrices = np.array([np.asarray(pose, dtype=np.float64) for pose in poses])
    x, y, tallest = np.zeros(2), np.array([np.inf, -np.inf]), 0.0  # x, y: smallest and largest
    for points in moments:
        local = points @ matrices[:, :3, :3].transpose(0, 2, 1) + matrices[:, None, :3, 3]  # [P, n, 3]
        if local[..., 2].min() < 1e-3:
            return lens
        across, down = (local[..., axis] / local[..., 2] for axis in (0, 1))  # [P, n]
        x = np.array([min(x[0], across.min()), max(x[1], across.max())])
        y = np.array([min(y[0], down.min()), max(y[1], down.max())])
        tallest = max(tallest, float(np.ptp(down, axis=1).max()))
    fx, fy = lens.K[0, 0], lens.K[1, 1]
    shares = (
        (FILL * lens.height / fy, tallest),
        (FILL_ALL * lens.height / fy, float(np.ptp(y))),
        (FILL_ALL * lens.width / fx, 2 * float(np.abs(x).max())),
    )
    limits = [room / extent for room, extent in shares if extent > 0]
    if not limits:
        return lens
    scale = zoom * min(limits)
    middle = (np.array([lens.width, lens.height]) - 1) / 2 + lens.pixel_offset
    K = np.diag([fx * scale, fy * scale, 1.0])
    K[:2, 2] = middle - (0, fy * scale * y.mean())
    return replace(lens, K=K)
