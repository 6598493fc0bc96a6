"""Visual hull of masks: where the scene can be, without any body model. Arrays and cameras only."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Camera

LARGEST = 8
"""Voxels an axis of the largest blocks: blocks that the silhouettes cut are halved until they are voxels."""
NEXT_TO_NOTHING = 0.01
"""Of the median share of pictures that is foreground: a tenth of the size, as from ten times as far."""
SCRAP = 0.05
"""Of what is left if one more camera is outvoted."""
SLIGHT_CROSSING = 0.1
"""Of lines of sight whose agreement accuses a camera: two that face each other agree along their axis."""


def carve(
    cameras: Sequence[Camera],
    masks: Sequence[NDArray[np.uint8]],
    box: NDArray[np.float32],
    shape: tuple[int, int, int],
    min_views: int = 1,
    min_crossing: float = 0.0,
    against: int = 0,
) -> NDArray[np.bool_]:
    """[gx, gy, gz]: voxels of the box whose projection meets the foreground of every mask that sees them.

    masks: [H, W] each, of undistorted images. Conservative: a voxel is tested by the square of pixels that holds its
    whole bounding sphere, so that nothing inside the true hull is lost. Cameras in whose picture it does not lie whole
    say nothing. against: how many that see it may show none. Empty are voxels that fewer than `min_views` show, and
    those that not all show and whose lines of sight cross by less than `min_crossing` (see `crossing`).
    """
    low, high = box.astype(np.float64)
    voxel = (high - low) / np.array(shape)
    sums = [cv2.integral((mask != 0).astype(np.uint8)) for mask in masks]
    grid = np.zeros(shape, bool)

    def divided(blocks: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
        return (blocks[:, None] * parts + _combinations((parts, parts, parts))).reshape(-1, 3)

    def fill(voxels: NDArray[np.int64]) -> None:
        grid[tuple(voxels[(voxels < shape).all(axis=1)].T)] = True

    size, blocks = LARGEST, _combinations(-(-np.array(shape) // LARGEST))
    while True:
        shown, missed, whole = _meet_foreground(cameras, sums, low, voxel * size, blocks, against)
        kept = missed <= against
        if size == 1:
            kept &= shown.sum(axis=0) >= min_views
            if min_crossing:
                some = np.flatnonzero(kept & ~shown.all(axis=0))
                centres = low + (blocks[some] + 0.5) * voxel
                kept[some] = crossing(cameras, centres, shown[:, some]) >= min_crossing
            fill(blocks[kept])
            return grid
        fill(divided(blocks[whole], size))
        size, blocks = size // 2, divided(blocks[kept & ~whole], 2)


def crossing(cameras: Sequence[Camera], points: NDArray[np.float64], shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[N] how much the lines of sight of the cameras that show a point [N, 3] cross there. shown: [cameras, N].

    The number of lines less the largest eigenvalue of the sum of d d^T over their directions d: 0 for parallel ones, of
    cameras that face each other too; 1 - |cos| of their angle for two.
    """
    total = np.zeros((len(points), 3, 3))
    for camera, shows in zip(cameras, shown, strict=True):
        d = points[shows] - camera.position
        d /= np.linalg.norm(d, axis=1, keepdims=True)
        total[shows] += d[:, :, None] * d[:, None, :]
    return np.asarray(shown.sum(axis=0) - np.linalg.eigvalsh(total)[:, -1])


def blank(masks: Sequence[NDArray[np.uint8]]) -> list[int]:
    """Which masks [H, W] show next to nothing although others show somebody.

    They may be failures, and rule out all that their cameras see. If they are right, what others see lies beyond their
    pictures, and without them a hull is hardly larger.
    """
    shares = np.array([np.count_nonzero(mask) / mask.size for mask in masks])
    if not shares.any():
        return []
    return [int(i) for i in np.flatnonzero(shares <= NEXT_TO_NOTHING * np.median(shares[shares > 0]))]


def in_view(camera: Camera, point: NDArray[np.floating]) -> bool:
    """Whether a point [3] lies in a camera's picture."""
    pixel, depth = camera.project(np.asarray(point, np.float64)[None])
    x, y = pixel[0]
    return bool(depth[0] > 0 and -0.5 <= x <= camera.width - 0.5 and -0.5 <= y <= camera.height - 0.5)


def dissent(
    cameras: Sequence[Camera],
    masks: Sequence[NDArray[np.uint8]],
    box: NDArray[np.float32],
    shape: tuple[int, int, int],
) -> list[int]:
    """Of masks that leave no volume, the fewest cameras that contradict the others; empty if no two cameras agree.

    One more camera is outvoted each time, until outvoting another one leaves not much more: what is left then is a
    body, and no scrap. Those are named that rule out most of it. Arguments as of `carve`.
    """
    views = len(cameras)
    outvoted, left = 0, np.zeros((0, 3), np.int64)
    for against in range(1, views - 1):
        needed = max(2, min(views // 2 + 1, views - against))
        filled = np.argwhere(carve(cameras, masks, box, shape, needed, SLIGHT_CROSSING, against))
        if len(left) > SCRAP * len(filled):
            break
        outvoted, left = against, filled
    if not len(left):
        return []
    low, high = box.astype(np.float64)
    sums = [cv2.integral((mask != 0).astype(np.uint8)) for mask in masks]
    missed = [
        int(_meet_foreground([camera], [total], low, (high - low) / np.array(shape), left, 1)[1].sum())
        for camera, total in zip(cameras, sums, strict=True)
    ]
    return sorted(np.argsort(missed)[::-1][:outvoted].tolist())


def _combinations(shape: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """[n, 3] all indices of a grid."""
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)


def _meet_foreground(
    cameras: Sequence[Camera],
    sums: Sequence[NDArray[np.int32]],
    low: NDArray[np.float64],
    voxel: NDArray[np.float64],
    index: NDArray[np.int64],
    against: int,
) -> tuple[NDArray[np.bool_], NDArray[np.int32], NDArray[np.bool_]]:
    """Of voxels [N, 3] of size `voxel` from `low` on: does each view show foreground there [views, N], how many see the
    place and show none [N], and do all views see it and nothing but foreground there [N].

    sums: [H + 1, W + 1] integral images of the masks. Voxels that more than `against` views rule out are not looked at
    again.
    """
    centres = low + (index + 0.5) * voxel
    radius = float(np.linalg.norm(voxel)) / 2
    shown, missed = np.zeros((len(cameras), len(centres)), bool), np.zeros(len(centres), np.int32)
    whole = np.ones(len(centres), bool)
    for view, (camera, total) in enumerate(zip(cameras, sums, strict=True)):
        left = np.flatnonzero(missed <= against)
        pixels, depth = camera.project(centres[left])
        reach = np.maximum(camera.K[0, 0], camera.K[1, 1]) * radius / np.maximum(depth - radius, 1e-6) + 1
        x0, y0 = pixels.T - reach
        x1, y1 = pixels.T + reach
        # A voxel that reaches over the image's border may be foreground out there: the view says nothing about it.
        inside = (x0 >= 0) & (y0 >= 0) & (x1 <= camera.width - 1) & (y1 <= camera.height - 1)
        sees = np.flatnonzero(inside & (depth > radius))
        x0, y0 = (np.ceil(a[sees]).astype(np.intp) for a in (x0, y0))
        x1, y1 = (np.floor(a[sees]).astype(np.intp) + 1 for a in (x1, y1))
        count = total[y1, x1] - total[y0, x1] - total[y1, x0] + total[y0, x0]
        filled = np.zeros(len(left), bool)
        filled[sees] = count == (x1 - x0) * (y1 - y0)
        whole[left] &= filled
        shown[view, left[sees[count > 0]]] = True
        missed[left[sees[count == 0]]] += 1
    return shown, missed, whole & (missed == 0)
