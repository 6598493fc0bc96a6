"""Where a network looks: closer, if all that it finds in a camera's pictures is in a part of them.

Networks see a picture at a size of their own. Whoever is small in it is found again, better, in the part around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.masking.tidy import Bytes, large_parts

SAMPLES = 8
"""Pictures of a camera that are looked at as a whole first."""
LARGE, TWICE = 0.3, 2
"""Parts from this share of the largest on count, if so many of the pictures have foreground in one place."""
MARGIN = 0.15
"""Of the longer side of what was found, on each side of it."""
HELD = 0.9
"""Share of what each of these pictures shows that must be in the part: whoever walks through is seen as a whole."""
WORTH = 0.8
"""Share of the picture from which on nobody looks closer."""

Part = tuple[slice, slice]


def closer(masks: Sequence[Bytes]) -> Part | None:
    """Rows and columns of the part of a camera's pictures that its masks [H, W] leave; None: the whole of them."""
    large = np.stack([large_parts(mask, LARGE) for mask in masks])
    twice = (large > 0).sum(axis=0) >= TWICE
    kept = np.stack([_touching(mask, twice) for mask in large])
    found: NDArray[np.bool_] = np.asarray(kept.any(axis=0))
    if not found.any():
        return None
    rows, columns = (np.flatnonzero(line)[[0, -1]] + (0, 1) for line in (found.any(1), found.any(0)))
    margin = MARGIN * max(rows[1] - rows[0], columns[1] - columns[0])
    part = _widened(rows, margin, found.shape[0]), _widened(columns, margin, found.shape[1])
    inside = large[:, part[0], part[1]].sum(axis=(1, 2))
    share = (part[0].stop - part[0].start) * (part[1].stop - part[1].start) / found.size
    return None if share > WORTH or (inside < HELD * large.sum(axis=(1, 2))).any() else part


def _touching(mask: Bytes, twice: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """[H, W] the connected parts of a mask of which something is foreground in other pictures too."""
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    touched = np.zeros(count, bool)
    touched[labels[twice & (mask > 0)]] = True
    return touched[labels]


def _widened(ends: NDArray[np.intp], margin: float, length: int) -> slice:
    return slice(max(0, round(float(ends[0] - margin))), min(length, round(float(ends[1] + margin))))


def within(part: Part | None, foreground: Callable[[Bytes], Bytes], picture: Bytes) -> Bytes:
    """[H, W] the mask that `foreground` makes of that part of a picture [H, W, 3], if what it finds ends in there, else
    of the whole."""
    if part is None:
        return foreground(picture)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[part] = found = foreground(np.ascontiguousarray(picture[part]))
    rows, columns = part
    edges = (
        found[0] if rows.start > 0 else None,
        found[-1] if rows.stop < picture.shape[0] else None,
        found[:, 0] if columns.start > 0 else None,
        found[:, -1] if columns.stop < picture.shape[1] else None,
    )
    ends = found.any() and not any(edge is not None and edge.any() for edge in edges)
    return mask if ends else foreground(picture)
