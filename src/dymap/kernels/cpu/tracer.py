"""Whole images of a frame in one call: exactly, or with the shortcuts of `fast`."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import core_levels, cpu, plain
from dymap.kernels.reference.compositing import MIN_WEIGHT
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.mlp_maps import CellWeights
from dymap.kernels.reference.tracer import Cancel, Rows, Traced, Tracer, open_tracer

MERGE = 3
"""Consecutive samples of a ray that share one colour in fast images, at most; twice as many if they hardly show."""


class CoreTracer:
    """A frame's tensors as the core holds them."""

    def __init__(self, core: _core.Tracer, kept: int, fast: bool):
        self._core, self._kept, self._fast = core, kept, fast

    @property
    def nbytes(self) -> int:
        return self._core.bytes + self._kept

    def trace(
        self,
        ray: NDArray[np.float64],
        origin: NDArray[np.float64],
        offset: float,
        size: tuple[int, int],
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Traced:
        make = torch.empty if cancel is None else torch.zeros
        width, height = size
        first, end = rows or (0, height)
        rgb = make(end - first, width, 3)
        acc, depth, far = (make(end - first, width) for _ in range(3))
        hit = make(end - first, width, dtype=torch.bool)
        stop = _core.Cancel()
        with nullcontext() if cancel is None else cancel.calling(stop.cancel):
            tiles, finished, _, colours = self._core.render(
                np.ascontiguousarray(ray, np.float64),
                np.ascontiguousarray(np.linalg.inv(ray), np.float64),
                np.ascontiguousarray(origin, np.float64),
                offset,
                rgb,
                acc,
                depth,
                far,
                hit,
                height,
                first,
                self._fast,
                MERGE,
                MIN_WEIGHT,
                stop,
                torch.get_num_threads(),
            )
        return Traced(rgb, acc, depth, far, hit, finished / tiles, colours)


@cpu.implements(open_tracer)
def open_core_tracer(
    planes: Tensor,
    grids: Tensor,
    levels: HashLevels,
    networks: CellWeights,
    directions: tuple[str, int],
    box: Tensor,
    occupied: Tensor,
    step: float,
    fast: bool = False,
) -> Tracer:
    planes, grids, first, second, box, occupied = (
        plain(t) for t in (planes, grids, networks.first, networks.second, box, occupied)
    )
    held = core_levels(levels, grids.shape[2])
    maps = (first, second, networks.size, networks.overlap)
    core = _core.Tracer(planes, grids, held, *maps, *directions, box, occupied, step)
    kept = first.nbytes + second.nbytes
    if fast:
        core.prepare_fast(torch.get_num_threads())
        core.keep_fast()
    else:
        kept += planes.nbytes + grids.nbytes
    return CoreTracer(core, kept, fast)
