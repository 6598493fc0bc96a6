"""The field that plays: of every frame only what it shows is computed, without gradients."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dymap.field.decoder import PlaneDecoder
from dymap.field.field import Field
from dymap.field.footprint import Footprint, footprint_of_lattice, footprint_of_voxels
from dymap.field.frame import GridFrame
from dymap.field.hashgrid import HashAtTime
from dymap.field.memory import Memory
from dymap.field.sparse_decoder import SparseDecoder
from dymap.kernels import collapse_time_into


class SparseField:
    """A field that is not trained any more, with what its frames share: the decoder's packed weights, and memory that
    one frame leaves to the next.

    Packed weights are a copy: they do not see later changes of the field. A decoder of another kind than PlaneDecoder
    makes every frame whole.
    """

    def __init__(self, field: Field):
        self.field = field
        self._grids = Memory()
        self._packing = threading.Lock()
        self._packed: SparseDecoder | None = None

    @torch.no_grad()
    def at(self, index: int, occupied: Tensor | None = None) -> GridFrame:
        """The Frame at position `index` (0-based).

        occupied: [gx, gy, gz] bool over its box: only points in these voxels mean something. None: all of it does.
        Raises IndexError outside the clip.
        """
        if occupied is None or self._decoder is None:
            return self._whole(index)
        return self._limited(index, footprint_of_voxels(occupied, self.field.config))

    @torch.no_grad()
    def on_lattice(self, index: int, lines: Sequence[Tensor]) -> GridFrame:
        """The Frame at position `index` for densities on a lattice: lines of box coordinates x, y, z, [n] each."""
        if self._decoder is None:
            return self._whole(index)
        return self._limited(index, footprint_of_lattice(lines, self.field.config))

    @property
    def _decoder(self) -> SparseDecoder | None:
        """Packed when a frame is limited for the first time, by one thread."""
        decoder = self.field.decoder
        if not isinstance(decoder, PlaneDecoder):
            return None
        with self._packing:
            self._packed = self._packed or SparseDecoder(decoder)
        return self._packed

    def _whole(self, index: int) -> GridFrame:
        frame = self.field.at(index)
        return replace(frame, hash=HashAtTime(self.field.hash, self.field.time(index), frame.hash.collapse()))

    def _limited(self, index: int, footprint: Footprint) -> GridFrame:
        field, t, decoder = self.field, self.field.time(index), self._decoder
        assert decoder is not None
        planes, maps = decoder(field.code(index), footprint)
        levels, tables = field.hash.levels, field.hash.tables
        shape = (len(tables), levels.plane_offsets[-1], tables[0].shape[1])
        # Points lie between pixels of the footprint: a vertex as far as a pixel away from one may be read.
        out, before = self._grids.take(shape, tables[0], footprint.pixels)
        grids = collapse_time_into(out, before, tables, levels, t, footprint.pixels)
        return GridFrame(field.config, field.boxes[index], planes, maps, HashAtTime(field.hash, t, grids))
