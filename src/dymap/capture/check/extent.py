"""Boxes that are no person's: large against the ring of cameras, or the same in all frames; and cameras in one line."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.finding import Finding
from dymap.capture.source import Source
from dymap.geometry.box import size_in_metres

TOO_LARGE = 0.6
"""A box is shorter than this, measured in diameters of the ring of cameras."""
TOO_PARALLEL = np.cos(np.deg2rad(25))
"""Of the angle between two cameras' lines of sight; those of a rig cross by more."""


def find_large_boxes(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Boxes [F, 2, 3] (world, metres) that fill the space between the cameras: the first, for all."""
    positions = np.array([camera.position for camera in source.cameras])
    distances = np.linalg.norm(positions - boxes.mean(axis=1)[:, None], axis=-1)  # [F, V]
    diameters = 2 * np.median(distances, axis=1)
    large = np.flatnonzero((boxes[:, 1] - boxes[:, 0]).max(axis=1) > TOO_LARGE * diameters)
    if len(large):
        first = int(large[0])
        yield Finding(
            f"the box of frame {source.frames[first]} is {size_in_metres(boxes[first])}, which is large for cameras "
            f"{diameters[first] / 2:.2f} m away ({len(large)} of {len(boxes)} boxes are); it should be a person's: "
            "look for points or masks that are wrong there, or cameras too few or too much in one line",
            fatal=False,
            frame=source.frames[first],
        )


def find_equal_boxes(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Boxes [F, 2, 3] that are the same in all frames, although people move. A layout's own may be one for the clip."""
    own = source.boxes
    if len(boxes) > 1 and (boxes == boxes[0]).all() and not (own is not None and np.array_equal(own, boxes)):
        yield Finding(
            f"the box is the same in all {len(boxes)} frames ({size_in_metres(boxes[0])}), although people move; "
            "perhaps the vertices or masks of one frame were copied to the others",
            fatal=False,
        )


def find_cameras_in_line(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Cameras that all look along one line, from the same side or facing each other."""
    sight = np.array([camera.position for camera in source.cameras]) - boxes.mean(axis=(0, 1))
    sight /= np.maximum(np.linalg.norm(sight, axis=1, keepdims=True), 1e-9)
    if len(sight) > 1 and np.abs(sight @ sight.T).min() > TOO_PARALLEL:
        yield Finding(
            f"all {len(sight)} cameras look along one line, from the same side or facing each other; how deep the "
            "scene is along it cannot be told: add cameras from the side",
            fatal=False,
        )
