"""Finds what is wrong with a capture: one finding a file, each a function that yields Findings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dymap.capture.check.extent import find_cameras_in_line, find_equal_boxes, find_large_boxes
from dymap.capture.check.finding import Finding
from dymap.capture.check.height import find_wrong_height
from dymap.capture.check.sight import find_blind_cameras
from dymap.capture.check.unit import find_wrong_unit
from dymap.capture.source import Source

CHECKS = (
    find_wrong_unit,
    find_wrong_height,
    find_blind_cameras,
    find_cameras_in_line,
    find_large_boxes,
    find_equal_boxes,
)
"""In the order in which a person should read them: a wrong unit explains blind cameras."""
TIGHT = {find_wrong_height, find_equal_boxes}
"""Those of them that look at every frame's box as it was found."""


def check_source(
    source: Source, boxes: NDArray[np.float32], tight: NDArray[np.float32] | None = None
) -> Iterator[Finding]:
    """All that is wrong with a source and its boxes [F, 2, 3], world, metres. Finds as it is asked on.

    tight: the boxes before padding and smoothing, if they are known.
    """
    for check in CHECKS:
        yield from check(source, tight if tight is not None and check in TIGHT else boxes)


__all__ = ["CHECKS", "Finding", "check_source"]
