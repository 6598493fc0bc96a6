"""Visual hull of masks: where the scene can be, without any body model. Arrays and cameras only."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.geometry.camera import Camera

LARGEST = 8
"""Voxels an axis of the largest blocks: blocks that the silhouettes cut are halved until they are voxels."""


def carve(
    cameras: Sequence[Camera],
    masks: Sequence[NDArray[np.uint8]],
    box: NDArray[np.float32],
    shape: tuple[int, int, int],
    min_views: int = 1,
) -> NDArray[np.bool_]:
    """[gx, gy, gz]: voxels of the box whose projection meets the foreground of every mask that sees them.

    masks: [H, W] each, of undistorted images. Conservative: a voxel is tested by the square of pixels that holds its
    whole bounding sphere, so that nothing inside the true hull is lost. Voxels that fewer than `min_views` cameras see
    are empty.
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
        kept, whole, seen = _meet_foreground(cameras, sums, low, voxel * size, blocks)
        if size == 1:
            fill(blocks[kept & (seen >= min_views)])
            return grid
        fill(divided(blocks[whole], size))
        size, blocks = size // 2, divided(blocks[kept & ~whole], 2)


def _combinations(shape: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """[n, 3] all indices of a grid."""
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 3)


def _meet_foreground(
    cameras: Sequence[Camera],
    sums: Sequence[NDArray[np.int32]],
    low: NDArray[np.float64],
    voxel: NDArray[np.float64],
    index: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int32]]:
    """Of voxels [N, 3] of size `voxel` from `low` on: do all views that see one show foreground there [N], do all views
    see it and nothing but foreground there [N], and how many views see it [N].

    sums: [H + 1, W + 1] integral images of the masks.
    """
    centres = low + (index + 0.5) * voxel
    radius = float(np.linalg.norm(voxel)) / 2
    kept, whole, seen = np.ones(len(centres), bool), np.ones(len(centres), bool), np.zeros(len(centres), np.int32)
    for camera, total in zip(cameras, sums, strict=True):
        left = np.flatnonzero(kept)
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
        seen[left[sees]] += 1
        filled = np.zeros(len(left), bool)
        filled[sees] = count == (x1 - x0) * (y1 - y0)
        whole[left] &= filled
        kept[left[sees[count == 0]]] = False
    return kept, whole & kept, seen
