"""Boxes around what is filmed: from points of its surface, from the visual hull of the masks, or the layout's own.

where from -> tight boxes, one a frame -> padding -> smoothed over time, or one for the clip
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.cache import cache_folder, fingerprint
from dymap.capture.hull import blank, carve, dissent, in_view
from dymap.capture.images import undistort_labels
from dymap.capture.kept import keep, read_kept
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.box import box_of_points
from dymap.geometry.camera import Camera
from dymap.geometry.grid import grid_shape
from dymap.progress import Progress

Votes = Literal["all", "half"]
Origin = Literal["vertices", "hull", "own"]
VERSION = 2
"""Raised whenever the boxes of the same masks come out otherwise."""
SMOOTHED = 5
"""Frames to either side over which boxes are smoothed: a third of a second in all, of 30 frames a second."""
LONGEST = 64
"""Voxels along the longest side of the hull that boxes are made from."""
CROSSING, SPARE_FROM = 0.8, 8
"""Measured with 3 to 12 cameras in rings, half rings and at random angles, far and close: crossings from 0.8 on leave
no more than points that all cameras see, and lose nothing that some pictures cut off. With one camera outvoted, boxes
of a person grow by 0.1 to 0.7 m if there are four to seven, and by 0.05 m from eight on."""


def source_boxes(source: Source, config: CaptureConfig, progress: Progress | None = None) -> NDArray[np.float32]:
    """[F, 2, 3] boxes as they are trained in; world, metres. See `tight_boxes` and `widened_boxes`."""
    return widened_boxes(tight_boxes(source, config, progress), boxes_from(source, config), config)


def boxes_from(source: Source, config: CaptureConfig) -> Origin:
    """Where the boxes come from: what `capture.boxes` says, or with `auto` the first that there is of the layout's own,
    vertices and masks. Raises InputError if there is none of them."""
    if config.boxes != "auto":
        return config.boxes
    if source.boxes is not None:
        return "own"
    if source.has_points:
        return "vertices"
    if not source.has_masks:
        raise InputError(
            f"{source.root}: no vertices folder, from which boxes are made, and no masks, whose visual hull could make "
            "them; make masks, or points of the surface (docs/captures.md says how files are named)"
        )
    return "hull"


def tight_boxes(
    source: Source, config: CaptureConfig, progress: Progress | None = None, stamps: bytes | None = None
) -> NDArray[np.float32]:
    """[F, 2, 3] every frame's box before it is widened; world, metres. Raises InputError if it cannot be had from where
    `capture.boxes` says.

    Those from the hull are carved unless `keep_boxes` has kept them; progress is told the frames that are done. stamps:
    as `fingerprint` takes them.
    """
    origin = boxes_from(source, config)
    if origin == "hull":
        if (kept := read_kept(*_place(source, config, stamps))) is not None:
            return np.frombuffer(kept, np.float32).reshape(-1, 2, 3).copy()
        return hull_boxes(source, 0.0, config.hull_votes, progress=progress)
    return own_boxes(source) if origin == "own" else point_boxes(source, 0.0)


def widened_boxes(boxes: NDArray[np.float32], origin: Origin, config: CaptureConfig) -> NDArray[np.float32]:
    """Boxes [F, 2, 3] with the configured padding on every side, unless they are the layout's own, and over time as
    `capture.box_smoothing` says. They hold what they held before."""
    low, high = boxes[:, 0], boxes[:, 1]
    if origin != "own":
        low, high = low - config.box_padding, high + config.box_padding
    if config.box_smoothing == "clip":
        low, high = (np.repeat(bound[None], len(boxes), axis=0) for bound in (low.min(axis=0), high.max(axis=0)))
    elif config.box_smoothing == "smooth":
        low, high = -smoothed_above(-low, SMOOTHED), smoothed_above(high, SMOOTHED)
    return np.stack([low, high], axis=1).astype(np.float32)


def smoothed_above(values: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """[F, n] a smooth curve above values [F, n]: the mean over `reach` frames to either side of the largest over as
    many, each of which is as large as the frame's own."""

    def windows(of: NDArray[np.float32]) -> NDArray[np.float32]:
        padded = np.pad(of, ((reach, reach), (0, 0)), mode="edge")
        return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)  # [F, n, 2 reach + 1]

    return np.asarray(np.maximum(windows(windows(values).max(axis=-1)).mean(axis=-1), values))


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


def keep_boxes(source: Source, config: CaptureConfig, boxes: NDArray[np.float32], stamps: bytes | None = None) -> None:
    """Keep tight boxes [F, 2, 3] that were carved beside the prepared images, for the next command. stamps: as
    `fingerprint` takes them."""
    if boxes_from(source, config) != "hull":
        return
    place, mark = _place(source, config, stamps)
    if read_kept(place, mark) is None:
        keep(place, mark, boxes.tobytes())


def _place(source: Source, config: CaptureConfig, stamps: bytes | None) -> tuple[Path, str]:
    """The file of a capture's carved boxes, and the mark of all that they are made from."""
    nothing = np.zeros((0, 2, 3), np.float32)
    made = (VERSION, LONGEST, config.hull_votes, fingerprint(source, config, nothing, stamps))
    return cache_folder(source, config) / "hull-boxes", repr(made)


def hull_boxes(
    source: Source,
    padding: float,
    votes: Votes = "all",
    longest: int = LONGEST,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """[F, 2, 3] boxes of the visual hull of every frame, carved with `longest` voxels along the longest side.

    votes: see `agreement`. A mask that shows next to nothing where others see somebody is warned of and left out.
    progress is told the frames that are done. Raises InputError without masks, or for a frame whose masks leave no
    volume, which names the cameras that contradict the others.
    """
    if not source.has_masks:
        raise InputError(f"{source.root}: boxes from the visual hull need masks, and the capture has none")
    cameras = [camera.undistorted() for camera in source.cameras]
    start = rig_box(cameras, votes)
    boxes = []
    blanks: dict[str, list[int]] = {}
    for frame, number in enumerate(source.frames):
        known = undistorted_masks(source, frame)
        without = [list(known)[i] for i in blank(list(known.values()))] if votes == "all" else []
        known = {view: mask for view, mask in known.items() if view not in without}
        seeing, masks = [cameras[view] for view in known], list(known.values())
        needed = agreement(len(known), votes)
        box = start
        for _ in range(3):  # each pass carves the last one's box at a finer grid
            shape = grid_shape(box, longest)
            filled = np.argwhere(carve(seeing, masks, box, shape, *needed))
            if len(filled) == 0:
                why = why_empty(seeing, masks, start)
                raise InputError(f"{source.root}: the masks of frame {number} leave no common volume{why}")
            voxel = (box[1] - box[0]) / np.array(shape)
            box = np.stack([box[0] + voxel * filled.min(axis=0), box[0] + voxel * (filled.max(axis=0) + 1)])
            box = box.astype(np.float32)
        boxes.append(np.stack([box[0] - padding, box[1] + padding]))
        for view in without:
            if in_view(cameras[view], box.mean(axis=0)):  # else it is right: the person is not in its picture
                blanks.setdefault(cameras[view].name, []).append(number)
        if progress:
            progress(frame + 1, len(source.frames))
    warn_of_blanks(source, blanks)
    return np.stack(boxes).astype(np.float32)


def why_empty(cameras: Sequence[Camera], masks: Sequence[NDArray[np.uint8]], box: NDArray[np.float32]) -> str:
    """The end of a sentence about masks [H, W] that leave nothing of a box [2, 3]: who contradicts the others."""
    if not any(mask.any() for mask in masks):
        return ": all of them are empty; leave the frame out (--frames), or make its masks again"
    names = [repr(cameras[view].name) for view in dissent(cameras, masks, box, grid_shape(box, LONGEST))]
    if not names:
        return ", not even those of two cameras; look at R and T of all of them: their direction, axes and unit"
    if len(names) == 1:
        return (
            f": camera {names[0]} shows nothing where {len(cameras) - 1} others agree; its mask, calibration or time "
            "is wrong there: mend it, or leave the camera out"
        )
    return (
        f": cameras {', '.join(names)} show nothing where the other {len(cameras) - len(names)} agree; their masks, "
        "calibration or time are wrong there: mend them, or leave the cameras out"
    )


def warn_of_blanks(source: Source, blanks: dict[str, list[int]]) -> None:
    """Warn of the frames whose mask shows next to nothing, by the name of the camera."""
    for name, numbers in blanks.items():
        where = f"frame {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} frames (the first is {numbers[0]})"
        warnings.warn(
            f"{source.root}: the mask of camera {name!r} shows next to nothing in {where}, although others see "
            "somebody in its picture; it is left out of the boxes there: look at its masks",
            stacklevel=3,
        )


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
    """[2, 3] metres, world: a cube around the point that the cameras look at, reaching most of the way to half of them.

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
