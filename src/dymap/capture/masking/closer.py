"""Where a network looks: closer, if all that it finds in a camera's pictures is in a part of them.

Networks see a picture at a size of their own. Whoever is small in it is found again, better, in the part around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from dymap.capture.masking.tidy import Bytes, large_parts

SAMPLES = 8
"""Pictures of a camera that are looked at as a whole first."""
LARGE, TWICE = 0.3, 2
"""Parts from this share of the largest on count, if so many of the pictures have foreground in one place."""
MARGIN = 0.15
"""Of the longer side of what was found, on each side of it."""
WORTH = 0.8
"""Share of the picture from which on nobody looks closer."""

Part = tuple[slice, slice]


def closer(masks: Iterable[Bytes]) -> Part | None:
    """Rows and columns of the part of a camera's pictures that its masks [H, W] leave; None: the whole of them."""
    count = sum(large_parts(mask, LARGE).astype(np.int32) for mask in masks)
    seen = np.asarray(count) >= TWICE
    if not seen.any():
        return None
    sides = [np.flatnonzero(seen.any(axis=axis))[[0, -1]] + (0, 1) for axis in (1, 0)]
    margin = MARGIN * max(high - low for low, high in sides)
    part = [
        slice(max(0, round(low - margin)), min(length, round(high + margin)))
        for (low, high), length in zip(sides, seen.shape, strict=True)
    ]
    share = np.prod([one.stop - one.start for one in part]) / seen.size
    return None if share > WORTH else (part[0], part[1])


def within(part: Part | None, foreground: Callable[[Bytes], Bytes], picture: Bytes) -> Bytes:
    """[H, W] the mask that `foreground` makes of that part of a picture [H, W, 3]; elsewhere is background."""
    if part is None:
        return foreground(picture)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[part] = foreground(np.ascontiguousarray(picture[part]))
    return mask
