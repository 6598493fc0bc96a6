"""From scores to a mask: thresholds with hysteresis, specks removed, small holes filled."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SMALLEST_PART = 0.02
"""Parts smaller than this share of the largest are specks: a hand that a picture cuts off is larger."""
LARGEST_HOLE = 0.003
"""Holes up to this share of the foreground are filled: the gap between arm and hip of a person is mostly larger."""


def hysteresis(score: Floats, low: float, high: float) -> Bytes:
    """[H, W] 1 for pixels above `low` that are connected to one above `high` (Canny 1986)."""
    count, labels = cv2.connectedComponents((score > low).astype(np.uint8), connectivity=8)
    sure = np.zeros(count, bool)
    sure[labels[score > high]] = True
    sure[0] = False
    return sure[labels].astype(np.uint8)


def tidy(mask: Bytes, fill: float = LARGEST_HOLE, part: float = SMALLEST_PART) -> Bytes:
    """[H, W] without lines and specks that are thinner than the picture resolves, parts that are small, small holes.

    fill: holes up to this share of the foreground are filled. part: parts below this share of the largest are removed.
    """
    size = 2 * max(1, round(min(mask.shape) / 700)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, disc).astype(np.uint8)
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc).astype(np.uint8)
    return fill_holes(large_parts(_connected_to(mask, opened), part), fill)


def large_parts(mask: Bytes, share: float) -> Bytes:
    """The connected parts of a mask that have at least this share of the largest one's pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    area = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
    area[0] = 0
    return ((area > 0) & (area >= share * area.max()))[labels].astype(np.uint8)


def fill_holes(mask: Bytes, share: float) -> Bytes:
    """The mask with those parts of the background filled that do not touch the border and have at most this share of
    the foreground's pixels."""
    most = share * float(mask.sum())
    holes, labels, area = enclosed(mask)
    return mask | (holes & (area <= most))[labels].astype(np.uint8)


def enclosed(mask: Bytes) -> tuple[NDArray[np.bool_], NDArray[np.int32], NDArray[np.float64]]:
    """Parts of the background: which are enclosed by foreground [n], their labels [H, W] and pixels [n]."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    holes = np.ones(count, bool)
    holes[0] = False
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        holes[edge] = False
    return holes, np.asarray(labels, np.int32), stats[:, cv2.CC_STAT_AREA].astype(np.float64)


def _connected_to(mask: Bytes, seeds: Bytes) -> Bytes:
    """The parts of a mask that hold a seed: what is thick somewhere keeps its thin ends."""
    return hysteresis(mask.astype(np.float32) + seeds, 0.5, 1.5)
