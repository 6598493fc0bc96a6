"""What stays on a GPU: the frames used last, while they fit. Others are decoded again when they are needed."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from dymap.gpu.segment import GpuFrame

MOST_BYTES = 2**30
"""Decoded frames take at most this of a GPU's memory; the one used last always stays."""


class Kept:
    """Frames by who draws them. Those of who is gone are forgotten with the next call. For one thread at a time."""

    def __init__(self, most_bytes: int = MOST_BYTES):
        self.most_bytes = most_bytes
        self._frames: list[tuple[weakref.ref[object], GpuFrame]] = []  # the one used last at the end

    @property
    def nbytes(self) -> int:
        return sum(frame.bytes for _, frame in self._frames)

    def take(self, owner: object, make: Callable[[], GpuFrame]) -> GpuFrame:
        """The frame of an owner, made if it is not there."""
        mine = [frame for ref, frame in self._frames if ref() is owner]
        others = [(ref, frame) for ref, frame in self._frames if ref() not in (owner, None)]
        frame = mine[0] if mine else make()
        self._frames = [*others, (weakref.ref(owner), frame)]
        while self.nbytes > self.most_bytes and len(self._frames) > 1:
            del self._frames[0]
        return frame
