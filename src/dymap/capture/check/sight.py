"""Cameras that cannot see what they film: the box is out of the picture, around the camera or behind it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.finding import Finding
from dymap.capture.source import Source
from dymap.geometry.box import projected_box_mask


def find_blind_cameras(source: Source, boxes: NDArray[np.float32]) -> Iterator[Finding]:
    """Cameras in whose picture a box of `boxes` [F, 2, 3] (world, metres) does not appear."""
    seen: list[list[int]] = [[] for _ in source.cameras]  # the frame positions of each camera's pictures
    for position in range(len(source.frames)):
        for view in source.views(position):
            seen[view].append(position)
    for camera, positions in zip(source.cameras, seen, strict=True):
        for position in positions:
            frame, box = source.frames[position], boxes[position]
            try:
                visible = projected_box_mask(box, camera.undistorted()).any()
            except ValueError as error:
                text = f"frame {frame}: {error}; check R, T and their units"
                yield Finding(text, fatal=True, camera=camera.name, frame=frame)
                continue
            if not visible:
                text = (
                    f"camera {camera.name!r} sees nothing of the box of frame {frame}; check its R, T and K, or leave "
                    "the view out"
                )
                yield Finding(text, fatal=True, camera=camera.name, frame=frame)
