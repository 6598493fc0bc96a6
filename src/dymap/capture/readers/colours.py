"""Footage whose colours are corrected: a matrix a camera, as calibrations with a colour chart give them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes, Footage
from dymap.capture.wrapped import WrappedFootage

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CorrectedFootage(WrappedFootage):
    """Footage with (r, g, b)' = M (r, g, b) for each pixel of a camera, values in [0, 1], cut there.

    matrices: M [3, 3] for each camera, or None. said_in: the file that holds them, on which the pictures rest too.
    """

    footage: Footage
    matrices: tuple[Matrix | None, ...]
    said_in: Path

    def picture(self, frame: int, view: int) -> Bytes:
        picture, M = self.footage.picture(frame, view), self.matrices[view]
        return picture if M is None else corrected(picture, M)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return *self.footage.files(frame, view), *(() if self.matrices[view] is None else (self.said_in,))


def corrected(picture: Bytes, M: Matrix) -> Bytes:
    """A picture [H, W, 3] with each colour, as a column, multiplied by M [3, 3] from the left."""
    colours = picture.astype(np.float32) @ M.T.astype(np.float32)
    return np.asarray(np.rint(np.clip(colours, 0, 255)), np.uint8)
