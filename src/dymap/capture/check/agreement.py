"""Agreement: for each camera and frame, how well its mask is the silhouette of what the other cameras agree on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.silhouettes import Floats, Hull, Volume, carve, fit, rig_volume
from dymap.capture.source import Bytes
from dymap.geometry.camera import Camera

Array = NDArray[np.float64]
MaskOf = Callable[[int, int], Bytes | None]
"""(frame, view) -> the small mask, as filmed."""

EMPTY, FULL = 0.0005, 0.97
"""Shares of a picture: a mask of less says that nobody is there, one of more that nothing was cut out."""
RIM = 0.9
"""The share of the border that is foreground in an inverted mask, at least."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """missed, beyond: [S, V] as in silhouettes.py, nan without a mask. trusted: the views whose masks carve.

    tolerance: how many of them may miss a point of the hull. What is missed by all cameras alike says only how coarse
    the hull is: what counts is by how much a camera exceeds the typical one, see `excess`.
    """

    cameras: tuple[Camera, ...]
    mask: MaskOf
    frames: tuple[int, ...]
    volume: Volume
    hulls: tuple[Hull, ...]
    trusted: tuple[int, ...]
    tolerance: int
    missed: Array
    beyond: Array

    @property
    def known(self) -> bool:
        """Whether any camera could be compared."""
        return bool(np.isfinite(self.missed).any())

    @property
    def typical(self) -> tuple[float, float]:
        """What the median trusted camera misses, and how much of its masks lies beyond."""
        return self._middle(self.missed), self._middle(self.beyond)

    @property
    def spread(self) -> tuple[float, float]:
        """By how much trusted cameras differ in both: the median deviation, as a standard deviation."""
        found = []
        for values, middle in zip((self.missed, self.beyond), self.typical, strict=True):
            own = by_camera(values)[list(self.trusted)]
            found.append(1.4826 * float(np.nanmedian(np.abs(own - middle))) if np.isfinite(own).any() else 0.0)
        return found[0], found[1]

    def excess(self, missed: float, beyond: float) -> float:
        """By how much a fit is worse than the typical camera's."""
        usual = self.typical
        return max(missed - usual[0], 0.0) + max(beyond - usual[1], 0.0)

    def _middle(self, values: Array) -> float:
        own = by_camera(values)[list(self.trusted)]
        return float(np.nanmedian(own)) if np.isfinite(own).any() else 1.0

    def hull_without(self, place: int, views: Collection[int]) -> Floats:
        """[n, 3] the hull at the frame of a place in `frames`, of the trusted cameras but these."""
        return self.hulls[place].without(sorted(set(views) & set(self.trusted)), self.tolerance)


def agree(
    cameras: Sequence[Camera],
    mask: MaskOf,
    frames: Sequence[int],
    trusted: Sequence[int] | None = None,
    tolerance: int | None = None,
    volume: Volume | None = None,
) -> Agreement:
    """Carve what the trusted cameras agree on at some frames, and compare every camera's masks with it."""
    views = range(len(cameras))
    voters = tuple(views) if trusted is None else tuple(trusted)
    volume = volume or rig_volume([cameras[view] for view in voters])
    few = patience(len(voters)) if tolerance is None else tolerance
    scores = np.full((2, len(frames), len(cameras)), np.nan)
    hulls = []
    for place, frame in enumerate(frames):
        masks = [mask(frame, view) for view in views]
        telling = [m if m is not None and is_telling(m) else None for m in masks]
        votes = [m if view in voters else None for view, m in enumerate(telling)]
        hull = carve(cameras, votes, volume, few + 1)
        hulls.append(hull)
        for view, own in enumerate(telling):
            if own is not None:
                points = hull.without([view] if view in voters else [], few)
                found = fit(cameras[view], own, points, hull.spacing)
                scores[:, place, view] = found.missed, found.beyond
    return Agreement(tuple(cameras), mask, tuple(frames), volume, tuple(hulls), voters, few, *scores)


def patience(voters: int) -> int:
    """How many of so many cameras may be wrong before any is known to be."""
    return 0 if voters <= 4 else 1 if voters <= 7 else 2 if voters <= 11 else 3


def is_telling(mask: Bytes) -> bool:
    """Whether a mask [h, w] says where somebody is: neither empty nor full nor inverted."""
    return EMPTY < float((mask == 1).mean()) < FULL and not is_inverted(mask)


def is_inverted(mask: Bytes) -> bool:
    """Whether foreground is most of a mask [h, w] and nearly all of its border."""
    rim = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return float((mask == 1).mean()) > 0.5 and float((rim == 1).mean()) > RIM


def by_camera(values: Array) -> Array:
    """[V] the median of the numbers [S, V] of each column that are there; nan without any."""
    known = np.isfinite(values).any(axis=0)
    median = np.full(values.shape[1], np.nan)
    if known.any():
        median[known] = np.nanmedian(values[:, known], axis=0)
    return median
