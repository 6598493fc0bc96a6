"""Visual hull of the masks: where the scene can be, without any body model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import undistort_labels
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import scale_box
from dymap.geometry.camera import Camera

if TYPE_CHECKING:
    from dymap.capture.capture import Source


def hull_shape(box: NDArray[np.float32], longest: int) -> tuple[int, int, int]:
    """Voxels along x, y, z: nearly cubes, `longest` of them along the longest side."""
    size = box[1] - box[0]
    shape = np.maximum(np.ceil(size / size.max() * longest).astype(int), 1)
    return int(shape[0]), int(shape[1]), int(shape[2])


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
    axes = [low[k] + (high[k] - low[k]) * (np.arange(shape[k]) + 0.5) / shape[k] for k in range(3)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    radius = float(np.linalg.norm((high - low) / np.array(shape))) / 2
    kept = np.ones(len(centres), bool)
    seen = np.zeros(len(centres), np.int32)
    for camera, mask in zip(cameras, masks, strict=True):
        index = np.nonzero(kept)[0]
        pixels, depth = camera.project(centres[index])
        reach = np.maximum(camera.K[0, 0], camera.K[1, 1]) * radius / np.maximum(depth - radius, 1e-6) + 1
        limits = np.array([camera.width, camera.height])
        lower = np.ceil(np.clip(pixels - reach[:, None], 0, limits)).astype(np.int64)
        upper = np.floor(np.clip(pixels + reach[:, None] + 1, 0, limits)).astype(np.int64)
        # A voxel that reaches over the image's border may be foreground out there: the view says nothing about it.
        whole = (pixels - reach[:, None] >= 0).all(axis=1) & (pixels + reach[:, None] <= limits - 1).all(axis=1)
        visible = whole & (depth > radius)
        sums = cv2.integral((mask != 0).astype(np.uint8))
        (x0, y0), (x1, y1) = lower.T, upper.T
        count = sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0]
        seen[index[visible]] += 1
        kept[index[visible & (count == 0)]] = False
    return (kept & (seen >= min_views)).reshape(shape)


def hull_boxes(source: Source, config: CaptureConfig, longest: int = 64) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the visual hull of every frame, widened by the configured padding; world, metres.

    Raises InputError without masks, or where a frame's masks leave no volume.
    """
    if source.masks is None:
        raise InputError(f"{source.root}: boxes from the visual hull need masks, and the capture has none")
    cameras = [camera.undistorted() for camera in source.cameras]
    start = rig_box(cameras)
    boxes = []
    for frame, number in enumerate(source.frames):
        paths = source.masks[frame]
        masks = [undistort_labels(source.read_mask(p), c) for p, c in zip(paths, source.cameras, strict=True)]
        box = start
        for _ in range(3):  # each pass carves the last one's box at a finer grid
            shape = hull_shape(box, longest)
            filled = np.argwhere(carve(cameras, masks, box, shape, min_views=(len(cameras) + 1) // 2))
            if len(filled) == 0:
                raise InputError(
                    f"{source.root}: the masks of frame {number} leave no common volume; one of them may be empty or "
                    "a camera may be wrong"
                )
            voxel = (box[1] - box[0]) / np.array(shape)
            box = np.stack([box[0] + voxel * filled.min(axis=0), box[0] + voxel * (filled.max(axis=0) + 1)])
            box = box.astype(np.float32)
        boxes.append(np.stack([box[0] - config.box_padding, box[1] + config.box_padding]))
    return np.stack(boxes).astype(np.float32)


def rig_box(cameras: Sequence[Camera]) -> NDArray[np.float32]:
    """A cube around the point that the cameras look at, reaching most of the way to the nearest of them."""
    axes = np.stack([camera.R[2] for camera in cameras])
    positions = np.stack([camera.position for camera in cameras])
    # The point nearest to all optical axes: sum over cameras of (I - a a^T) (x - p) = 0.
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    centre = np.linalg.lstsq(projectors.sum(axis=0), (projectors @ positions[..., None]).sum(axis=0)[:, 0], rcond=None)[
        0
    ]
    reach = 0.8 * float(np.linalg.norm(positions - centre, axis=1).min())
    return scale_box(np.stack([centre - reach, centre + reach]))
