"""Boxes around what is filmed: from points of its surface, from the visual hull of the masks, or the layout's own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.cache import Progress, cache_folder, fingerprint
from dymap.capture.hull import carve
from dymap.capture.images import undistort_labels
from dymap.capture.kept import keep, read_kept
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import box_of_points
from dymap.geometry.camera import Camera
from dymap.geometry.grid import grid_shape

Votes = Literal["all", "half"]
VERSION = 1
"""Raised whenever the boxes of the same masks come out otherwise."""
LONGEST = 64
"""Voxels along the longest side of the hull that boxes are made from."""
CROSSING, SPARE_FROM = 0.8, 8
"""Measured with 3 to 12 cameras in rings, half rings and at random angles, far and close: crossings from 0.8 on leave
no more than points that all cameras see, and lose nothing that some pictures cut off. With one camera outvoted, boxes
of a person grow by 0.1 to 0.7 m if there are four to seven, and by 0.05 m from eight on."""


def source_boxes(source: Source, config: CaptureConfig, progress: Progress | None = None) -> NDArray[np.float32]:
    """[F, 2, 3] boxes; world, metres; from where `capture.boxes` says. Raises InputError if they cannot be had there.

    Boxes from points and from the hull are widened by the configured padding on every side; the layout's own are not.
    Those from the hull are carved unless `keep_boxes` has kept them; progress is told the frames that are done.
    """
    if config.boxes == "hull":
        if (kept := read_kept(*_place(source, config))) is not None:
            return np.frombuffer(kept, np.float32).reshape(-1, 2, 3).copy()
        return hull_boxes(source, config.box_padding, config.hull_votes, progress=progress)
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


def keep_boxes(source: Source, config: CaptureConfig, boxes: NDArray[np.float32]) -> None:
    """Keep boxes that were carved beside the prepared images, for the next command."""
    place, mark = _place(source, config)
    if config.boxes == "hull" and read_kept(place, mark) is None:
        keep(place, mark, boxes.tobytes())


def _place(source: Source, config: CaptureConfig) -> tuple[Path, str]:
    """The file of a capture's carved boxes, and the mark of all that they are made from."""
    nothing = np.zeros((0, 2, 3), np.float32)
    made = (VERSION, LONGEST, config.box_padding, config.hull_votes, fingerprint(source, config, nothing))
    return cache_folder(source, config) / "hull-boxes", repr(made)


def hull_boxes(
    source: Source,
    padding: float,
    votes: Votes = "all",
    longest: int = LONGEST,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the visual hull of every frame, carved with `longest` voxels along the longest side.

    votes: see `agreement`. progress is told the frames that are done. Raises InputError without masks, or for a frame
    whose masks leave no volume.
    """
    if not source.has_masks:
        raise InputError(f"{source.root}: boxes from the visual hull need masks, and the capture has none")
    cameras = [camera.undistorted() for camera in source.cameras]
    start = rig_box(cameras, votes)
    boxes = []
    for frame, number in enumerate(source.frames):
        known = undistorted_masks(source, frame)
        seeing, masks = [cameras[view] for view in known], list(known.values())
        needed = agreement(len(known), votes)
        box = start
        for _ in range(3):  # each pass carves the last one's box at a finer grid
            shape = grid_shape(box, longest)
            filled = np.argwhere(carve(seeing, masks, box, shape, *needed))
            if len(filled) == 0:
                raise InputError(
                    f"{source.root}: the masks of frame {number} leave no common volume; one of them may be empty or "
                    "a camera may be wrong"
                )
            voxel = (box[1] - box[0]) / np.array(shape)
            box = np.stack([box[0] + voxel * filled.min(axis=0), box[0] + voxel * (filled.max(axis=0) + 1)])
            box = box.astype(np.float32)
        boxes.append(np.stack([box[0] - padding, box[1] + padding]))
        if progress:
            progress(frame + 1, len(source.frames))
    return np.stack(boxes).astype(np.float32)


def agreement(views: int, votes: Votes) -> tuple[int, float, int]:
    """What a point of the hull needs: how many of `views` cameras must show foreground, how much their lines of sight
    must cross, and how many that see the point may show none (`min_views`, `min_crossing` and `against` of `carve`).

    "all": no camera that sees the point may rule it out, but for one of SPARE_FROM or more, whose mask may be bad. Most
    cameras must show it, from sides that differ: two that face each other agree along their whole axis. Not all: the
    feet may lie below a picture. "half": the rule of older runs.
    """
    if votes == "half":
        return (views + 1) // 2, 0.0, 0
    return views // 2 + 1, CROSSING, int(views >= SPARE_FROM)


def undistorted_masks(source: Source, frame: int) -> dict[int, NDArray[np.uint8]]:
    """view -> [H, W], the masks at a frame position of all cameras that have one. Raises InputError for those that
    cannot be read, and if there is none."""
    masks = {}
    for view, camera in enumerate(source.cameras):
        if source.masked(frame, view) and (mask := source.mask(frame, view)) is not None:
            masks[view] = undistort_labels(mask, camera)
    if not masks:
        raise InputError(f"{source.root}: no camera has a mask of frame {source.frames[frame]}; leave it out: --frames")
    return masks


def rig_box(cameras: Sequence[Camera], votes: Votes = "all") -> NDArray[np.float32]:
    """A cube around the point that the cameras look at, reaching most of the way to half of them.

    In older runs (`votes` half) to the nearest of them, which may be so close that arms reach beyond.
    """
    axes = np.stack([camera.R[2] for camera in cameras])
    positions = np.stack([camera.position for camera in cameras])
    # The point nearest to all optical axes: sum over cameras of (I - a a^T) (x - p) = 0.
    projectors = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    right = (projectors @ positions[..., None]).sum(axis=0)[:, 0]
    centre = np.linalg.lstsq(projectors.sum(axis=0), right, rcond=None)[0]
    distances = np.linalg.norm(positions - centre, axis=1)
    reach = 0.8 * float(distances.min() if votes == "half" else np.median(distances))
    return np.stack([centre - reach, centre + reach]).astype(np.float32)
