"""Footage that is another's but for what a class of its own changes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes, Footage


class WrappedFootage(Footage):
    """Says of everything what `footage` says."""

    footage: Footage

    @property
    def has_masks(self) -> bool:
        return self.footage.has_masks

    def picture(self, frame: int, view: int) -> Bytes:
        return self.footage.picture(frame, view)

    def mask(self, frame: int, view: int) -> Bytes | None:
        return self.footage.mask(frame, view)

    def present(self, frame: int, view: int) -> bool:
        return self.footage.present(frame, view)

    def views(self, frame: int, count: int) -> Sequence[int]:
        return self.footage.views(frame, count)

    def masked(self, frame: int, view: int) -> bool:
        return self.footage.masked(frame, view)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return self.footage.files(frame, view)

    def number(self, frame: int, view: int) -> int | None:
        return self.footage.number(frame, view)

    @property
    def has_points(self) -> bool:
        return self.footage.has_points

    def points(self, frame: int) -> NDArray[Any]:
        return self.footage.points(frame)

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        return self.footage.boxes
