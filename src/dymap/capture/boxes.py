"""Boxes around what is filmed: from points of its surface, from the visual hull of the masks, or the layout's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dymap.capture.hull import carve
from dymap.capture.images import undistort_labels
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import box_of_points
from dymap.geometry.camera import Camera
from dymap.geometry.grid import grid_shape


def source_boxes(source: Source, config: CaptureConfig) -> NDArray[np.float32]:
    """[F, 2, 3] boxes; world, metres; from where `capture.boxes` says. Raises InputError if they cannot be had there.

    Boxes from points and from the hull are widened by the configured padding on every side; the layout's own are not.
    """
    if config.boxes == "hull":
        return hull_boxes(source, config.box_padding)
    if config.boxes == "own":
        return own_boxes(source)
    return point_boxes(source, config.box_padding)


def point_boxes(source: Source, padding: float) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the surface points of every frame. Raises InputError without any."""
    if not source.has_points:
        raise InputError(
            f"{source.root}: no vertices folder, from which the boxes are made; with masks, boxes can come from the "
            "visual hull instead: --boxes hull"
        )
    return np.stack([box_of_points(source.points(frame), padding) for frame in range(len(source.frames))])


def own_boxes(source: Source) -> NDArray[np.float32]:
    """[F, 2, 3] the boxes that the layout holds. Raises InputError if it holds none."""
    if (boxes := source.boxes) is None:
        raise InputError(
            f"{source.root}: layout {source.layout} holds no boxes of its own; they can come from the vertices or from "
            "the masks: --boxes vertices or --boxes hull"
        )
    return boxes


def hull_boxes(source: Source, padding: float, longest: int = 64) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the visual hull of every frame, carved with `longest` voxels along the longest side.

    Raises InputError without masks, or for a frame whose masks leave no volume.
    """
    if not source.has_masks:
        raise InputError(f"{source.root}: boxes from the visual hull need masks, and the capture has none")
    cameras = [camera.undistorted() for camera in source.cameras]
    start = rig_box(cameras)
    boxes = []
    for frame, number in enumerate(source.frames):
        masks = undistorted_masks(source, frame)
        box = start
        for _ in range(3):  # each pass carves the last one's box at a finer grid
            shape = grid_shape(box, longest)
            filled = np.argwhere(carve(cameras, masks, box, shape, min_views=(len(cameras) + 1) // 2))
            if len(filled) == 0:
                raise InputError(
                    f"{source.root}: the masks of frame {number} leave no common volume; one of them may be empty or "
                    "a camera may be wrong"
                )
            voxel = (box[1] - box[0]) / np.array(shape)
            box = np.stack([box[0] + voxel * filled.min(axis=0), box[0] + voxel * (filled.max(axis=0) + 1)])
            box = box.astype(np.float32)
        boxes.append(np.stack([box[0] - padding, box[1] + padding]))
    return np.stack(boxes).astype(np.float32)


def undistorted_masks(source: Source, frame: int) -> list[NDArray[np.uint8]]:
    """[H, W] each, the masks of all cameras at a frame position. Raises InputError for those that cannot be read."""
    masks = []
    for view, camera in enumerate(source.cameras):
        mask = source.mask(frame, view)
        assert mask is not None, "only a source with masks is carved"
        masks.append(undistort_labels(mask, camera))
    return masks


def rig_box(cameras: Sequence[Camera]) -> NDArray[np.float32]:
    """A cube around the point that the cameras look at, reaching most of the way to the nearest of them."""
    axes = np.stack([camera.R[2] for camera in cameras])
    positions = np.stack([camera.position for camera in cameras])
    # The point nearest to all optical axes: sum over cameras of (I - a a^T) (x - p) = 0.
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    right = (projectors @ positions[..., None]).sum(axis=0)[:, 0]
    centre = np.linalg.lstsq(projectors.sum(axis=0), right, rcond=None)[0]
    reach = 0.8 * float(np.linalg.norm(positions - centre, axis=1).min())
    return np.stack([centre - reach, centre + reach]).astype(np.float32)
