"""Memory for the large tensors of a Frame, used again for the next when a Frame is gone.

Fresh memory costs more than what is written to it: the system clears every page, in pieces of 2 MB, and a Frame uses a
part of its planes and grids only. Numbers left from before are cleared where they were written.
"""

from __future__ import annotations

import math
import weakref
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PAGE = 4096
"""Bytes of a page of memory."""
MOST_IDLE = 2
"""Pieces kept at most: one for the frame that is made now, one for that which is made ahead."""


class Memory:
    """Makes tensors of one shape. A mark says what a tensor holds, and comes back with its memory the next time."""

    def __init__(self) -> None:
        self._idle: list[tuple[NDArray[Any], Any]] = []

    def take(self, shape: tuple[int, ...], like: Tensor, mark: Any) -> tuple[Tensor, Any]:
        """A tensor, and the mark that the last one in the same memory was taken with; None: all zeros.

        Other devices than the CPU have allocators of their own that keep memory: there it is always zeros.
        """
        if like.device.type != "cpu":
            return like.new_zeros(shape), None
        held, before = self._find(math.prod(shape) * like.element_size())
        start = -held.ctypes.data % PAGE
        lease = held[start : start + math.prod(shape) * like.element_size()]
        weakref.finalize(lease, self._put_back, held, mark).atexit = False
        return torch.from_numpy(lease).view(like.dtype).view(shape), before

    def _find(self, size: int) -> tuple[NDArray[Any], Any]:
        try:
            held, before = self._idle.pop()
        except IndexError:
            return np.zeros(size + PAGE, np.uint8), None
        return (held, before) if len(held) == size + PAGE else (np.zeros(size + PAGE, np.uint8), None)

    def _put_back(self, held: NDArray[Any], mark: Any) -> None:
        if len(self._idle) < MOST_IDLE:
            self._idle.append((held, mark))
