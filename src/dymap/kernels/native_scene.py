"""Whole images of a frame in one call of the native core."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap import _core
from dymap.kernels.native import core_levels, plain
from dymap.kernels.twin.hashgrid import HashLevels
from dymap.kernels.twin.mlp_maps import CellWeights

MERGE = 3
"""Consecutive samples of a ray that share one colour in fast images, at most."""
MIN_WEIGHT = 1e-3
"""Samples of a smaller weight are not seen (method.md 8)."""

Cancel = _core.Cancel
"""Its `cancel()`, called from another thread, ends an image that is being rendered."""


class Scene:
    """A frame's tensors, its occupancy and its step, ready for whole images (see `dymap.kernels.open_scene`)."""

    def __init__(
        self,
        planes: Tensor,
        grids: Tensor,
        levels: HashLevels,
        networks: CellWeights,
        directions: tuple[str, int],
        box: Tensor,
        occupied: Tensor,
        step: float,
    ):
        first, second = plain(networks.first), plain(networks.second)
        self._networks = first.nbytes + second.nbytes
        self._fast = False
        self._core = _core.Scene(
            plain(planes),
            plain(grids),
            core_levels(levels, grids.shape[2]),
            first,
            second,
            networks.size,
            networks.overlap,
            *directions,
            plain(box),
            plain(occupied),
            step,
        )

    @property
    def nbytes(self) -> int:
        """Memory that stays when the frame goes."""
        return self._core.bytes + self._networks

    def prepare_fast(self) -> None:
        """Derive what the fast renderer reads, and let go of what only the exact one does."""
        self._core.prepare_fast(torch.get_num_threads())
        self._core.keep_fast()
        self._fast = True

    def render(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        cancel: Cancel | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, float]:
        """What a pinhole camera sees, over black.

        ray: [3, 3], pixel (column, row) looks along ray @ (column + offset, row + offset, 1) in the world; origin: [3]
        world, metres; size: width and height. cancel: ends it between two tiles; what is missing stays black.
        Returns rgb [H, W, 3], acc [H, W], depth [H, W] (infinity where the box is missed), hit [H, W] bool, and the
        share of the image that was done.
        """
        width, height = size
        make = torch.empty if cancel is None else torch.zeros
        rgb, acc, depth = make(height, width, 3), make(height, width), make(height, width)
        hit = make(height, width, dtype=torch.bool)
        tiles, finished, _, _ = self._core.render(
            np.ascontiguousarray(ray, np.float64),
            np.ascontiguousarray(np.linalg.inv(ray), np.float64),
            np.ascontiguousarray(origin, np.float64),
            offset,
            rgb,
            acc,
            depth,
            hit,
            self._fast,
            MERGE,
            MIN_WEIGHT,
            cancel,
            torch.get_num_threads(),
        )
        return rgb, acc, depth, hit, finished / tiles
