"""Whole images of a frame in one call (method.md 8), if a back end can do that.

Its reference is the marching renderer (`dymap.render.march`), which puts an image together from the other operations.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.mlp_maps import CellWeights

BLOCK = 32
"""Where rows of an image that are rendered by themselves begin and end: at multiples of so many, or with the image."""
Rows = tuple[int, int]
"""The first row, and the one after the last."""


class Cancel:
    """Ends an image that is being rendered, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._enders: list[Callable[[], None]] = []
        self.cancelled = False

    def cancel(self) -> None:
        """End all images that this was given to, now and later."""
        with self._lock:
            self.cancelled, enders = True, list(self._enders)
        for end in enders:
            end()

    @contextmanager
    def calling(self, end: Callable[[], None]) -> Iterator[None]:
        """Inside the block `end` is called when it is cancelled; at once if it was before."""
        with self._lock:
            self._enders.append(end)
        if self.cancelled:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._enders.remove(end)


class Traced(NamedTuple):
    """An image over black, or rows of it: rgb [H, W, 3], acc [H, W] opacity, depth [H, W] and far [H, W], where rays
    leave the box (metres along the ray, infinity if they miss it), hit [H, W] bool.

    done: share of it that was rendered before it was cancelled; colours: how many were worked out.
    """

    rgb: Tensor
    acc: Tensor
    depth: Tensor
    far: Tensor
    hit: Tensor
    done: float
    colours: int


class Tracer(Protocol):
    """A frame's tensors, its occupancy and its step, ready for whole images."""

    @property
    def nbytes(self) -> int:
        """Memory that it keeps."""

    def trace(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Traced:
        """What a pinhole camera sees.

        ray: [3, 3], pixel (column, row) looks along ray @ (column + offset, row + offset, 1) in the world; origin: [3]
        world, metres; size: width and height. cancel: ends it between two tiles; what is missing stays black. rows:
        only these of the image (see BLOCK), to the bit as they are in all of it.
        """


@operation
def open_tracer(
    planes: Tensor,
    grids: Tensor,
    levels: HashLevels,
    networks: CellWeights,
    directions: tuple[str, int],
    box: Tensor,
    occupied: Tensor,
    step: float,
    fast: bool = False,
) -> Tracer | None:
    """Get a frame ready for whole images; None if no back end can.

    planes: [3, P, P, 2 C] features and density coefficients; grids: collapsed hash grids; networks: from
    `cell_weights`; directions: kind and degree of their embedding; box: [2, 3] world, metres; occupied: [gx, gy, gz]
    bool over it; step: metres between samples. fast: take shortcuts that hardly show (docs/performance.md), and keep
    only what they need.
    """
    del planes, grids, levels, networks, directions, box, occupied, step, fast
    return None
