"""Silhouettes that agree: the hull of the other cameras' masks, as a camera sees it, against the camera's own mask.

Notation, for one frame: points p [N, 3] of a lattice; view v sees p if p lands in its picture; v misses p if it sees it
and its mask has no foreground there. The hull without v holds the points that all other views but a few (`tolerance`)
do not miss, and that two thirds of them see. A right camera's mask is the silhouette of the hull without it, or less:

    beyond = share of the mask outside the silhouette       (no true point lies there: the camera or its mask is wrong)
    missed = share of the silhouette that the mask lacks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.survey import UNSEEN, ideal_mask
from dymap.capture.source import Bytes
from dymap.geometry.camera import Camera

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

COARSEST = 16
"""Cells along an edge of the volume that is carved first; those that are kept are halved."""
LARGEST = 600_000
"""Points that are looked at at once, at most."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A cube [centre - reach, centre + reach], metres, carved to cells of about `spacing` metres."""

    centre: Array
    reach: float
    spacing: float

    def coarser(self) -> Volume:
        """The same with cells of twice the size."""
        return Volume(self.centre, self.reach, 2 * self.spacing)


@dataclass(frozen=True, eq=False)
class Hull:
    """Points [N, 3] that few views miss (metres, `spacing` apart); missed, seen: [V, N] by each view."""

    points: Floats
    spacing: float
    missed: Bools
    seen: Bools

    def without(self, views: Sequence[int], tolerance: int) -> Floats:
        """[n, 3] the hull of all views but these."""
        missed = self.missed.sum(axis=0) - self.missed[list(views)].sum(axis=0)
        seen = self.seen.sum(axis=0) - self.seen[list(views)].sum(axis=0)
        voters = int(self.seen.any(axis=1).sum()) - int(self.seen[list(views)].any(axis=1).sum())
        return self.points[(missed <= tolerance) & (3 * seen >= 2 * voters) & (seen >= 2)]


@dataclass(frozen=True)
class Fit:
    """How well a mask is the silhouette of the hull without its camera: see the head of the file."""

    missed: float
    beyond: float


def rig_volume(cameras: Sequence[Camera]) -> Volume:
    """The cube around the point that most cameras look at; its cells are some three pixels of a typical camera.

    The sum of distances (not of their squares) to the optical axes is least there: one wrong camera moves it little.
    """
    axes, positions = np.stack([camera.R[2] for camera in cameras]), np.stack([camera.position for camera in cameras])
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    weights, centre = np.ones(len(cameras)), positions.mean(axis=0)
    for _ in range(30):
        right = (weights[:, None, None] * projectors @ positions[..., None]).sum(axis=0)[:, 0]
        centre = np.linalg.lstsq((weights[:, None, None] * projectors).sum(axis=0), right, rcond=1e-6)[0]
        distances = np.linalg.norm(np.einsum("vij,vj->vi", projectors, positions - centre), axis=1)
        weights = 1 / np.maximum(distances, 1e-3 * np.median(np.linalg.norm(positions - centre, axis=1)) + 1e-12)
        weights /= weights.max()
    depths = np.linalg.norm(positions - centre, axis=1)
    pixel = float(np.median(depths / np.array([camera.K[0, 0] for camera in cameras])))
    reach = 0.75 * float(np.quantile(depths, 0.3))
    return Volume(centre, max(reach, 1e-12), max(2.5 * pixel, reach / 96))


def carve(cameras: Sequence[Camera], masks: Sequence[Bytes | None], volume: Volume, tolerance: int) -> Hull:
    """The points of a volume that at most `tolerance` views miss. masks: [h, w] as filmed, None: does not vote.

    A cell is tested by the distance from its centre to the foreground, in pixels, against its own radius.
    """
    lenses = [camera.undistorted() for camera in cameras]
    ideal = [None if mask is None else ideal_mask(mask, camera) for mask, camera in zip(masks, cameras, strict=True)]
    away = [None if mask is None else distance_to_foreground(mask) for mask in ideal]
    voters = [view for view, mask in enumerate(away) if mask is not None]
    size = 2 * volume.reach / COARSEST
    steps = (np.arange(COARSEST) + 0.5) * size - volume.reach
    points = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3) + volume.centre
    points = points.astype(np.float32)
    while True:
        last = size <= volume.spacing * 1.3
        radius = 0.45 * size if last else 0.87 * size
        missed, seen = np.zeros((len(cameras), len(points)), bool), np.zeros((len(cameras), len(points)), bool)
        for view in voters:
            missed[view], seen[view] = _vote(lenses[view], away[view], points, radius)  # type: ignore[arg-type]
            kept = missed.sum(axis=0) <= tolerance
            points, missed, seen = points[kept], missed[:, kept], seen[:, kept]
        kept = (2 * seen.sum(axis=0) >= len(voters) - tolerance) & (seen.sum(axis=0) >= 2)
        points, missed, seen = points[kept], missed[:, kept], seen[:, kept]
        if last or len(points) * 8 > LARGEST:
            return Hull(points, size, missed, seen)
        corner = np.stack(np.meshgrid(*[[-0.25, 0.25]] * 3, indexing="ij"), axis=-1).reshape(1, -1, 3) * size
        points = (points[:, None] + corner.astype(np.float32)).reshape(-1, 3)
        size /= 2


def distance_to_foreground(mask: Bytes) -> Floats:
    """[h, w] pixels to the nearest foreground pixel, 0 on it; -1 where nothing was seen."""
    if not (mask == 1).any():
        return np.where(mask == UNSEEN, np.float32(-1), np.float32(np.inf)).astype(np.float32)
    distance = cv2.distanceTransform((mask != 1).astype(np.uint8), cv2.DIST_L2, 3)
    return np.where(mask == UNSEEN, np.float32(-1), distance).astype(np.float32)


def _vote(camera: Camera, away: Floats, points: Floats, radius: float) -> tuple[Bools, Bools]:
    """Which points [N] with a ball of `radius` metres around each a view misses, and which it sees."""
    column, row, depth = pixels_of(camera, points)
    height, width = away.shape
    seen = (depth > radius) & (column >= 0) & (row >= 0) & (column < width) & (row < height)
    value = np.full(len(points), -1, np.float32)
    value[seen] = away[row[seen], column[seen]]
    seen &= value >= 0
    focal = np.float32(max(camera.K[0, 0], camera.K[1, 1]) * radius)
    missed = seen & (value > focal / np.maximum(depth, np.float32(1e-12)) + np.float32(0.3))
    return missed, seen


def pixels_of(camera: Camera, points: Floats) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats]:
    """Column, row [N] of the pixels that points [N, 3] land in, and their depths, metres; ideal lens."""
    K = camera.K.astype(np.float32)
    local = points @ camera.R.T.astype(np.float32) + camera.T.astype(np.float32)
    depth = local[:, 2]
    safe = np.where(depth > 1e-12, depth, np.float32(np.inf))
    x, y = local[:, 0] / safe, local[:, 1] / safe
    column, row = K[0, 0] * x + K[0, 1] * y + K[0, 2], K[1, 1] * y + K[1, 2]
    return *(np.rint(np.clip(a, -9, 1 << 20)).astype(np.int32) for a in (column, row)), depth


def silhouette(camera: Camera, points: Floats, spacing: float) -> Bools:
    """[h, w] where points [N, 3], `spacing` metres apart, appear in the picture of an ideal lens."""
    image = np.zeros((camera.height, camera.width), np.uint8)
    column, row, depth = pixels_of(camera, points)
    inside = (depth > 0) & (column >= 0) & (row >= 0) & (column < camera.width) & (row < camera.height)
    if not inside.any():
        return image.astype(bool)
    image[row[inside], column[inside]] = 1
    gap = float(camera.K[0, 0] * spacing / np.median(depth[inside]))
    side = 2 * int(np.clip(np.ceil(gap / 2), 1, 12)) + 1
    return cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)).astype(bool)


def fit(camera: Camera, mask: Bytes, points: Floats, spacing: float) -> Fit:
    """How well the mask [h, w] of a camera (as filmed, distorted) is the silhouette of points [N, 3]."""
    ideal = ideal_mask(mask, camera)
    shown, own = silhouette(camera.undistorted(), points, spacing), ideal == 1
    shown &= ideal != UNSEEN
    both = int((shown & own).sum())
    return Fit(1 - both / max(int(shown.sum()), 1), 1 - both / max(int(own.sum()), 1))
