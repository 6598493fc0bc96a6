"""Numbers of a camera's masks, and what they say is likely to be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dymap.capture.masking.tidy import Bytes

EMPTY, FULL = 0.0005, 0.9
"""Shares of a picture below and above which its mask holds nothing or everything."""
JUMP = 0.4
"""By what share of its area a mask may differ from the median of its neighbours."""


@dataclass(frozen=True)
class MaskFigures:
    """Of one mask. area: share of the picture. touches: whether it reaches the picture's border."""

    frame: int
    area: float
    touches: bool


@dataclass(frozen=True)
class CameraFigures:
    """Of the masks of a camera. area: median share of the picture. empty, full, touching, jumping: frame numbers."""

    camera: str
    masks: int
    area: float
    empty: tuple[int, ...]
    full: tuple[int, ...]
    touching: tuple[int, ...]
    jumping: tuple[int, ...]


def figures_of(frame: int, mask: Bytes) -> MaskFigures:
    """The numbers of one mask [H, W] of the frame of this number."""
    covered = mask != 0
    edges = (covered[0], covered[-1], covered[:, 0], covered[:, -1])
    return MaskFigures(frame, float(covered.mean()), any(bool(edge.any()) for edge in edges))


def camera_figures(camera: str, masks: Sequence[MaskFigures]) -> CameraFigures:
    """The numbers of all masks of a camera, in the order of time."""
    areas = np.array([one.area for one in masks])
    around = [np.median(areas[max(0, i - 4) : i + 5]) for i in range(len(areas))]
    return CameraFigures(
        camera,
        len(masks),
        float(np.median(areas)) if len(areas) else 0.0,
        tuple(one.frame for one in masks if one.area < EMPTY),
        tuple(one.frame for one in masks if one.area > FULL),
        tuple(one.frame for one in masks if one.touches),
        tuple(
            one.frame
            for one, near in zip(masks, around, strict=True)
            if EMPTY <= one.area <= FULL and abs(one.area - near) > JUMP * near
        ),
    )
