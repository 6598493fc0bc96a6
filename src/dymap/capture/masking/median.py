"""The temporal median of a camera: what is seen most of the time is taken for the background."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from dymap.capture.masking.background import HIGH, Background, background_of, difference
from dymap.capture.masking.tidy import Bytes

SAMPLES, FEWEST = 41, 7
"""Pictures of which the median is taken: more change little; fewer hold the person in most of them."""
MEMORY = 400 * 2**20
"""Bytes of these pictures at most."""
STILL = 0.002
"""Share of the picture that must change for anybody to move."""
OFTEN, SOME = 0.3, 0.08
"""A pixel that is covered in more than the first share of the pictures may as well be covered in more than half of
them, and then the person is taken for background; if such are more than the second share of all that ever change, that
is likely."""
SOLID = 0.5
"""Share of what differs that is thicker than a hundredth of the picture: nearly all of a person who walks is; one who
only stirs leaves outlines."""


@dataclass(frozen=True, eq=False)
class Median:
    """The background of a camera; `told` says what is likely to be wrong with it, or is empty."""

    background: Background
    told: str = ""


def chosen(count: int, width: int, height: int) -> list[int]:
    """Which of `count` pictures the median is taken of, evenly over time and within the memory."""
    most = max(FEWEST, min(SAMPLES, MEMORY // (3 * width * height)))
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most))})


def median_of(pictures: Iterable[Bytes]) -> Median:
    """Of pictures [H, W, 3] of one camera over time. Raises ValueError for fewer than three."""
    stack = list(pictures)
    if len(stack) < 3:
        raise ValueError(f"{len(stack)} pictures are too few for a median over time")
    background = background_of(stack)
    covered, solid = np.zeros(stack[0].shape[:2], np.float32), 0
    disc = np.ones((2 * (min(covered.shape) // 100) + 1,) * 2, np.uint8)
    for picture in stack:
        distance, lit = difference(picture, background)
        differs = (distance > HIGH) & ~lit
        covered += differs
        solid += int(cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, disc).sum())
    changing = covered > 1.5
    if changing.mean() < STILL:
        return Median(background, "hardly anything moves: whoever stands still is taken for background")
    often = (covered[changing] > OFTEN * len(stack)).mean()
    if often > SOME or solid < SOLID * covered.sum():
        return Median(background, "someone stays in one place for half of the time and is taken for background there")
    return Median(background)
