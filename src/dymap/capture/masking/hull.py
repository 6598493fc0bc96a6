"""Masks cleaned by the other cameras: foreground can only be where they see foreground too.

masks of one frame -> voxels, and which cameras show them -> for each camera the hull of the others in its picture
-> what its mask has outside is removed, holes inside are filled
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.boxes import CROSSING, rig_box
from dymap.capture.hull import carve, crossing
from dymap.capture.images import undistort_labels
from dymap.capture.masking.tidy import Bytes, enclosed, large_parts
from dymap.geometry.camera import Camera
from dymap.geometry.grid import grid_shape
from dymap.geometry.lens import distort

LONGEST = 96
"""Voxels along the longest side of the box."""
COARSE, MARGIN = 32, 0.03
"""Voxels of the first look for the box, and by what share of its longest side it is widened."""
SPARE_FROM = 5
"""Cameras from which on one of the others may miss what the rest see."""
FEWEST = 3
"""Cameras with masks below which nothing is cleaned: two others say little about a third."""
CRUMB = 0.003
"""Parts that are left of what was removed, as a share of the largest part, are removed too."""
FILLED, LARGEST_HOLE = 0.9, 0.02
"""Share of a hole that the others must show for it to be filled, and its size against the foreground at most: the hull
of few cameras has no gap between an arm and the hip."""


def clean(cameras: Sequence[Camera], masks: Mapping[int, Bytes]) -> dict[int, Bytes]:
    """view -> [H, W] the masks at one time, cleaned. cameras: as filmed. masks: view -> [H, W] as filmed, of those that
    have one; labels are kept.

    With SPARE_FROM cameras or more, what one of the others misses is kept if the rest see it. What only some of them
    have in their pictures is kept if their lines of sight cross. Masks that have nothing in common stay as they are.
    """
    views = sorted(masks)
    box = (
        scene_box([cameras[view] for view in views], [masks[view] for view in views]) if len(views) >= FEWEST else None
    )
    if box is None:
        return dict(masks)
    shape = grid_shape(box, LONGEST)
    voxel = (box[1] - box[0]).astype(np.float64) / np.array(shape)
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)
    points = box[0] + (index + 0.5) * voxel
    radius = float(np.linalg.norm(voxel)) / 2
    seeing = [cameras[view] for view in views]
    points, shown, missed = _seen(seeing, [masks[view] for view in views], points, radius)
    cleaned = {}
    for place, view in enumerate(views):
        others = _others(seeing, points, shown, missed, place)
        cleaned[view] = _cleaned(masks[view], cameras[view], points, radius, others)
    return cleaned


def scene_box(cameras: Sequence[Camera], masks: Sequence[Bytes]) -> NDArray[np.float32] | None:
    """[2, 3] around all that most cameras show, though a quarter of them may miss it; None: there is nothing."""
    ideal = [camera.undistorted() for camera in cameras]
    straight = [undistort_labels(mask, camera) for mask, camera in zip(masks, cameras, strict=True)]
    count = len(cameras)
    box = rig_box(ideal)
    for longest in (COARSE, 2 * COARSE):
        shape = grid_shape(box, longest)
        against = count // 4 if count >= SPARE_FROM else 0
        filled = np.argwhere(carve(ideal, straight, box, shape, count // 2 + 1, CROSSING, against))
        if len(filled) == 0:
            return None
        voxel = (box[1] - box[0]) / np.array(shape)
        box = np.stack([box[0] + voxel * (filled.min(axis=0) - 1), box[0] + voxel * (filled.max(axis=0) + 2)])
        box = box.astype(np.float32)
    size = float((box[1] - box[0]).max())
    return np.stack([box[0] - MARGIN * size, box[1] + MARGIN * size]).astype(np.float32)


def _others(
    cameras: Sequence[Camera],
    points: NDArray[np.float64],
    shown: NDArray[np.bool_],
    missed: NDArray[np.bool_],
    place: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[N] whether a point can be foreground as all cameras but one see it, and [N] whether most of them show it.
    shown, missed: [cameras, N]."""
    rest = [i for i in range(len(cameras)) if i != place]
    count, against = shown[rest].sum(axis=0), missed[rest].sum(axis=0)
    spare = int(len(cameras) >= SPARE_FROM)
    possible = (against <= spare) & (count >= 2)
    some = np.flatnonzero(possible & (count < len(rest) - spare))
    possible[some] = crossing([cameras[i] for i in rest], points[some], shown[rest][:, some]) >= CROSSING / 2
    return possible, possible & (count > len(rest) // 2)


def _seen(
    cameras: Sequence[Camera], masks: Sequence[Bytes], points: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Those points [N, 3] that can be foreground for any camera, and [cameras, N]: whether a picture shows foreground
    there, and whether it shows the place and none."""
    most = 1 + int(len(cameras) >= SPARE_FROM)  # of those that miss it, one may be the camera that is cleaned
    shown, missed = np.zeros((2, len(cameras), len(points)), bool)
    for i, (camera, mask) in enumerate(zip(cameras, masks, strict=True)):
        pixels, reach, inside = _project(camera, points, radius)
        # A point is foreground if any of its voxel is: the mask is widened by as much as a voxel reaches there.
        size = 2 * max(1, round(float(np.median(reach[inside])) if inside.any() else 1)) + 1
        wide = cv2.dilate((mask != 0).astype(np.uint8), np.ones((size, size), np.uint8))
        covered = wide[pixels[:, 1], pixels[:, 0]] > 0
        shown[i], missed[i] = inside & covered, inside & ~covered
        left = missed.sum(axis=0) <= most
        points, shown, missed = points[left], shown[:, left], missed[:, left]
    return points, shown, missed


def _project(
    camera: Camera, points: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.bool_]]:
    """Pixels [N, 2] of points in the picture as filmed, how far a ball of `radius` reaches [N], and whether the point
    is inside [N]."""
    seen = points @ camera.R.T + camera.T
    depth = seen[:, 2]
    ahead = depth > radius
    rays = seen[:, :2] / np.maximum(depth, radius)[:, None]
    ideal = rays @ camera.K[:2, :2].T + camera.K[:2, 2]
    where = distort(rays, camera.K, camera.D, camera.lens) if camera.distorted else ideal
    reach = max(camera.K[0, 0], camera.K[1, 1]) * radius / np.maximum(depth, radius)
    # A lens's polynomial may lead points far outside back in: the ideal place must be near the picture too.
    size = np.array([camera.width, camera.height])
    near = (np.abs(ideal - size / 2) < 0.75 * size).all(axis=1) | (camera.lens == "fisheye")
    inside = ahead & near & (where >= 0).all(axis=1) & (where <= size - 1).all(axis=1) & (reach < min(size))
    pixels = np.zeros(where.shape, np.intp)
    pixels[inside] = np.rint(where[inside]).astype(np.intp)
    return pixels, reach, inside


def _cleaned(
    mask: Bytes,
    camera: Camera,
    points: NDArray[np.float64],
    radius: float,
    others: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> Bytes:
    """[H, W] a mask without what lies outside the hull of the others, with the holes filled that they all show."""
    pixels, reach, inside = _project(camera, points, radius)
    size = 2 * int(np.ceil(np.percentile(reach[inside], 90)) + 1) + 1 if inside.any() else 1
    possible, sure = (_silhouette(camera, pixels[inside & chosen], size) for chosen in others)
    kept = np.where(possible > 0, mask, 0).astype(np.uint8)
    kept = np.where(large_parts((kept != 0).astype(np.uint8), CRUMB) != 0, kept, 0).astype(np.uint8)
    holes, labels, area = enclosed((kept != 0).astype(np.uint8))
    agreed = np.bincount(labels.ravel(), weights=sure.ravel(), minlength=len(area)) >= FILLED * area
    filled = holes & agreed & (area <= LARGEST_HOLE * float((kept != 0).sum()))
    return np.where(filled[labels], 1, kept).astype(np.uint8)


def _silhouette(camera: Camera, pixels: NDArray[np.intp], size: int) -> Bytes:
    """[H, W] 1 within a disc of `size` pixels around pixels [n, 2]."""
    picture = np.zeros((camera.height, camera.width), np.uint8)
    picture[pixels[:, 1], pixels[:, 0]] = 1
    return np.asarray(cv2.dilate(picture, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))), np.uint8)
