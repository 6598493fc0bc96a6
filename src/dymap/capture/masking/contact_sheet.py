"""One picture of all masks: for every camera the first, the middle and the last frame, each twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from dymap.capture.masking.tidy import Bytes
from dymap.errors import printable

CELL = 168
"""Pixels of the height of a cell; less if there are many cameras."""
TALLEST, WIDEST = 12_000, 4
"""Pixels of the sheet; width of a cell against its height."""
LINE, PAPER, INK = (255, 40, 200), (250, 250, 250), (30, 30, 30)
SQUARE = 8
"""Pixels of the checkerboard behind cut-outs."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture [h, w, 3] and its mask [h, w], already small."""

    picture: Bytes
    mask: Bytes
    title: str


def cell(picture: Bytes, mask: Bytes, title: str, height: int) -> Cell:
    """A picture and its mask at the height of a cell, or WIDEST times as wide as that."""
    scale = min(height / picture.shape[0], WIDEST * height / picture.shape[1])
    size = max(8, round(picture.shape[1] * scale)), max(8, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    share = cv2.resize((mask != 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return Cell(np.asarray(small, np.uint8), (share >= 0.5).astype(np.uint8), title)


def cell_height(cameras: int) -> int:
    """So that the sheet of so many cameras is not taller than pictures can be looked at."""
    return max(48, min(CELL, TALLEST // max(cameras, 1) - 20))


def contact_sheet(rows: Sequence[Sequence[Cell]]) -> Bytes:
    """[H, W, 3] a row a camera: each picture with the outline of its mask, and cut out over a checkerboard."""
    strips = [np.concatenate([_titled(one) for one in row], axis=1) for row in rows if row]
    width = max((strip.shape[1] for strip in strips), default=8)
    padded = [
        cv2.copyMakeBorder(strip, 0, 2, 0, width - strip.shape[1], cv2.BORDER_CONSTANT, value=PAPER) for strip in strips
    ]
    return np.concatenate(padded).astype(np.uint8) if padded else np.full((8, 8, 3), 250, np.uint8)


def _titled(one: Cell) -> Bytes:
    height, width = one.mask.shape
    outlined = np.ascontiguousarray(one.picture.copy())
    contours, _ = cv2.findContours(one.mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, contours, -1, LINE, 1)
    rows, columns = np.indices((height, width)) // SQUARE
    board = np.where((rows + columns) % 2 == 0, 200, 150).astype(np.uint8)[..., None].repeat(3, axis=2)
    cut = np.where(one.mask[..., None] > 0, one.picture, board)
    both = np.concatenate([outlined, cut], axis=1)
    head = np.full((18, both.shape[1], 3), PAPER, np.uint8)
    text = printable(one.title)[: max(4, both.shape[1] // 7)]
    cv2.putText(head, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
    framed = np.concatenate([head, both]).astype(np.uint8)
    return np.asarray(cv2.copyMakeBorder(framed, 0, 0, 0, 4, cv2.BORDER_CONSTANT, value=PAPER), np.uint8)
