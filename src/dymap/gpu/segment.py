"""A segment on the GPU: its tables and its decoder, from which frames are made."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.errors import InputError
from dymap.field.codes import CodeTable
from dymap.field.decoder import PlaneDecoder
from dymap.field.segment import Segment
from dymap.gpu.decoder import GpuDecoder
from dymap.gpu.device import Gpu, groups_of
from dymap.gpu.sizes import buffer_bytes, field_constants, levels_of


@dataclass(frozen=True, eq=False)
class GpuFrame:
    """What the march reads of a frame (march.wgsl). bytes: memory of the GPU that it takes."""

    planes: Any
    networks: Any
    grids: Any
    occupied: Any
    bytes: int


class GpuSegment:
    """A segment's parameters on a GPU. Raises InputError for what the GPU cannot hold, and for decoders of others."""

    def __init__(self, gpu: Gpu, segment: Segment):
        self.gpu = gpu
        field = segment.field
        if type(field.decoder) is not PlaneDecoder or not isinstance(field.codes, CodeTable):
            raise InputError("the renderer 'gpu' draws baked fields with dymap's own decoder; choose --renderer march")
        self.config = field.config
        grid = segment.occupancy.shape[1:]
        self.constants = field_constants(self.config, grid)
        self.sizes = buffer_bytes(self.constants, gpu.numbers)
        with gpu.lock:
            state = {name: numbers_of(value) for name, value in field.state_dict().items()}
            self._decoder = GpuDecoder(gpu, self.config, self.constants, state, state["codes.weight"])
            self.nbytes = sum(array.nbytes for array in state.values())
            self._tables = [gpu.upload(state[f"hash.{name}"], "a hash table") for name in ("xyt", "xzt", "yzt")]
            unit = f"unit_{self.constants['UNIT']}"
            self._collapse = gpu.kernel("collapse", [unit], self.constants)
            self._time = gpu.uniform(np.zeros(4, np.float32), self._levels())
            self._occupy = gpu.kernel("occupy", [], self.constants)

    def frame(self, index: int, time: float, occupied: NDArray[np.uint32]) -> GpuFrame:
        """The frame at a position, decoded and collapsed. time: in [0, 1]; occupied: its voxels, from `bits_of`."""
        gpu, n = self.gpu, self.constants
        with gpu.lock:
            planes, networks, grids, voxels = (
                gpu.buffer(self.sizes[name], f"a frame's {name}")
                for name in ("planes", "networks", "grids", "occupied")
            )
            gpu.write(voxels, occupied)
            gpu.write(self._time, np.array([time], np.float32))
            collapse = gpu.bind(self._collapse, self._time, *self._tables, grids)
            blocks = n["BLOCKS_X"] * n["BLOCKS_Y"] * n["BLOCKS_Z"]
            gpu.run(
                *self._decoder.steps(index, planes, networks, voxels),
                (self._collapse, collapse, (*groups_of(n["VERTICES"]), 3)),
                (self._occupy, gpu.bind(self._occupy, voxels), (*groups_of(-(-blocks // 32)), 1)),
            )
        return GpuFrame(planes, networks, grids, voxels, sum(self.sizes.values()))

    def _levels(self) -> NDArray[np.uint32]:
        """[LEVELS, 8] the levels as collapse.wgsl reads them."""
        levels = levels_of(self.config)
        scales = np.array(levels.scales, np.float32).view(np.uint32)
        dense = [int(side**3 <= length) for side, length in zip(levels.resolutions, levels.lengths, strict=True)]
        zeros = [0] * len(dense)
        columns = [scales, levels.resolutions, levels.lengths, levels.offsets[:-1], levels.plane_offsets[:-1], dense]
        return np.stack([np.array(column, np.uint32) for column in (*columns, zeros, zeros)], axis=1)


_segments: WeakKeyDictionary[Segment, GpuSegment] = WeakKeyDictionary()
_uploading = threading.Lock()


def segment_on(gpu: Gpu, segment: Segment) -> GpuSegment:
    """A segment on a GPU, uploaded once while it is in memory."""
    with _uploading:
        found = _segments.get(segment)
        if found is None or found.gpu is not gpu:
            found = _segments[segment] = GpuSegment(gpu, segment)
        return found


def numbers_of(value: Tensor) -> NDArray[np.float32]:
    return value.detach().to("cpu", torch.float32).contiguous().numpy()


def bits_of(grid: Tensor) -> NDArray[np.uint32]:
    """[gx, gy, gz] bool in C order, bit i % 32 of word i // 32."""
    packed = np.packbits(grid.cpu().numpy().reshape(-1), bitorder="little")
    return np.pad(packed, (0, -len(packed) % 4)).view("<u4")
