"""Masks refined over time: what a camera sees in other frames tells foreground and background apart.

pictures and masks of one camera, reduced -> each pixel's vote: what the masks say in the frames in which it has the
same colour -> the background wherever the votes leave some frames that show it -> the difference to it, the vote and
the mask, as one score a pixel -> smoothed along the edges of the picture -> mask

Scores are -1 (background) to 1 (foreground). The smoothing is a guided filter (He, Sun and Tang, "Guided image
filtering", 2013) whose coefficients are those of the reduced picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.masking.background import HIGH, LOW, Background, difference
from dymap.capture.masking.tidy import Bytes, Floats, tidy

SIDE = 540
"""Pixels of the reduced pictures' shorter side, at most."""
SAME = 12
"""Of 255, by how much colours of a pixel differ in two frames, at most, that are taken for the same."""
FEWEST, SHARE = 4, 0.3
"""Frames, and share of the frames, that must show a place without foreground for its background to be known."""
WIDER = 0.008
"""By what share of the picture's shorter side foreground is widened first: outlines are uncertain, shadows are near."""
ALIKE, VOTE, OWN = 0.7, 0.4, 0.3
"""What counts how much: a colour like the background's (one that differs counts 1), the vote, the mask's own word."""
ROUNDS = 2
"""How often votes and background are found: the second time from better masks."""
REACH, SMOOTH = 0.006, 1e-4
"""Of the guided filter: its radius as a share of the picture's shorter side; the variance of colours in [0, 1] below
which a window is flat."""
STRIP = 64
"""Rows of all pictures that are worked on at once."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a camera sees over time, reduced. pictures: [n, h, w, 3]. masks: [n, h, w] bool, of the last round.
    background, and where it is known [h, w]."""

    pictures: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    background: Background
    known: NDArray[np.bool_]


def evidence(pairs: Iterable[tuple[Bytes, Bytes]]) -> Evidence:
    """Of pictures [H, W, 3] and masks [H, W] of one camera, chosen evenly over time."""
    reduced = [(_reduced(picture), _reduced(mask) != 0) for picture, mask in pairs]
    pictures, masks = np.stack([picture for picture, _ in reduced]), np.stack([mask for _, mask in reduced])
    for _ in range(ROUNDS):
        votes = np.stack([vote(*pair, pictures, masks) for pair in zip(pictures, masks, strict=True)])
        background, known = behind(pictures, votes > 0)
        masks = np.stack([_score(*seen, background, known) > 0 for seen in zip(pictures, masks, votes, strict=True)])
    return Evidence(pictures, masks, *behind(pictures, masks))


def refined(picture: Bytes, mask: Bytes, seen: Evidence) -> Bytes:
    """[H, W] 1 foreground: a mask [H, W] of a picture [H, W, 3] of that camera, corrected; labels are kept."""
    small = _reduced(picture)
    own = _reduced(mask) != 0
    score = _score(small, own, vote(small, own, seen.pictures, seen.masks), seen.background, seen.known)
    shown = tidy((guided(picture, small, score) > 0).astype(np.uint8))
    return np.where((shown > 0) & (mask != 0), mask, shown).astype(np.uint8)


def vote(
    picture: NDArray[np.uint8], mask: NDArray[np.bool_], pictures: NDArray[np.uint8], masks: NDArray[np.bool_]
) -> Floats:
    """[h, w] -1 to 1: what the masks [n, h, w] say of a pixel in those pictures [n, h, w, 3] in which it has the colour
    of this picture [h, w, 3], and its own mask [h, w]."""
    votes = np.where(mask, 1, -1).astype(np.float32)
    count = np.ones_like(votes)
    for top in range(0, len(mask), STRIP):
        rows = slice(top, top + STRIP)
        here = picture[rows].astype(np.int16)
        same = (np.abs(pictures[:, rows] - here) <= SAME).all(axis=-1)
        count[rows] += same.sum(axis=0)
        votes[rows] += np.where(masks[:, rows], same, -same.astype(np.int8)).sum(axis=0)
    return votes / count


def behind(pictures: NDArray[np.uint8], masks: NDArray[np.bool_]) -> tuple[Background, NDArray[np.bool_]]:
    """The median of the pictures [n, h, w, 3] that show no foreground at a pixel, and [h, w] where there are enough."""
    size = 2 * max(1, round(WIDER * min(masks.shape[1:]))) + 1
    hidden = np.stack([cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)) > 0 for mask in masks])
    count = len(pictures) - hidden.sum(axis=0)
    colour, noise = np.zeros((2, *pictures.shape[1:]), np.float32)
    for top in range(0, len(count), STRIP):
        rows = slice(top, top + STRIP)
        stack = pictures[:, rows].astype(np.int16)
        colour[rows] = _median(stack, hidden[:, rows], count[rows])
        apart = np.abs(stack - np.rint(colour[rows]).astype(np.int16))
        noise[rows] = 1.4826 * _median(apart, hidden[:, rows], count[rows])
    known = count >= max(FEWEST, SHARE * len(pictures))
    spread = np.asarray(cv2.blur(np.where(known[..., None], noise, 0), (5, 5)), np.float32)
    return Background.of(np.where(known[..., None], colour, 0).astype(np.float32), spread), known


def _score(
    picture: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    votes: Floats,
    background: Background,
    known: NDArray[np.bool_],
) -> Floats:
    """[h, w] above 0 for foreground: the difference to the background, vote and mask; of
    unknown places the vote only."""
    shown = np.where(known[..., None], picture, 0).astype(np.uint8)
    distance, lit = difference(shown, background)
    distance = np.where(lit, np.minimum(distance, LOW), distance)
    told = np.clip((distance - (LOW + HIGH) / 2) / (HIGH - LOW), -ALIKE, 1)
    return np.where(known, told + VOTE * votes + np.where(mask, OWN, -OWN), votes).astype(np.float32)


def guided(picture: Bytes, small: NDArray[np.uint8], values: Floats) -> Floats:
    """[H, W] values [h, w], smoothed and enlarged, but not across edges of the picture [H, W, 3], small: [h, w, 3]."""
    guide = small.astype(np.float32) / 255
    radius = max(1, round(REACH * min(values.shape)))
    side = (2 * radius + 1, 2 * radius + 1)

    def mean(of: NDArray[Any]) -> Floats:
        return np.asarray(cv2.blur(of, side), np.float32)

    centre, level = mean(guide), mean(values)
    together = mean(guide * values[..., None]) - centre * level[..., None]
    variance = np.empty((*values.shape, 3, 3), np.float32)
    for i in range(3):
        for j in range(i, 3):
            variance[..., i, j] = mean(guide[..., i] * guide[..., j]) - centre[..., i] * centre[..., j]
            variance[..., j, i] = variance[..., i, j]
    slope = np.linalg.solve(variance + SMOOTH * np.eye(3, dtype=np.float32), together[..., None])[..., 0]
    offset = level - (slope * centre).sum(axis=-1)
    slope, offset = mean(slope.astype(np.float32)), mean(offset.astype(np.float32))
    size = (picture.shape[1], picture.shape[0])
    out = (cv2.resize(slope, size) * (picture.astype(np.float32) / 255)).sum(axis=-1) + cv2.resize(offset, size)
    return np.asarray(out, np.float32)


def _reduced(image: Bytes) -> Bytes:
    """A picture or a mask whose shorter side is SIDE pixels at most."""
    height, width = image.shape[:2]
    scale = min(1.0, SIDE / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if image.ndim == 3 else cv2.INTER_NEAREST_EXACT
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def _median(stack: NDArray[np.int16], hidden: NDArray[np.bool_], count: NDArray[np.intp]) -> Floats:
    """[h, w, 3] the median over the pictures [n, h, w, 3] that are not hidden [n, h, w]; count [h, w]: how many."""
    ordered = np.sort(np.where(hidden[..., None], np.int16(32767), stack), axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(stack) - 1)
    pick = [np.take_along_axis(ordered, at[None, ..., None], axis=0)[0] for at in (low, high)]
    return np.asarray((pick[0].astype(np.float32) + pick[1]) / 2, np.float32)
