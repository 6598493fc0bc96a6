"""Version 2 of `.dymap`: opened without reading more than its header, poster and what all segments share; segments are
read, checked and decoded when they are needed (docs/format.md)."""

from __future__ import annotations

import copy
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.video.clip import BakedVideo, Segment, Span, check_boxes
from dymap.video.container import Chunk, Container, open_container
from dymap.video.hash_code import read_hash
from dymap.video.occupancy_code import read_occupancy
from dymap.video.packed_header import CODES, HASH, levels_of, packed_facts
from dymap.video.quantise import decoder_start, dequantise, parameter_shapes, with_parameters
from dymap.video.value_code import read_values

KEPT = 2
"""Segments that stay in memory."""


def open_packed(path: Path, device: torch.device | str = "cpu") -> BakedVideo:
    """Open a file: header, poster and what all segments share. Raises InputError that names what is wrong."""
    container = open_container(path)
    poster = b"".join(container.read(chunk) for chunk in container.chunks if chunk.kind == "poster")
    reader = PackedReader(container, torch.device(device))
    video = object.__new__(PackedVideo)
    for key, value in (reader.facts | {"poster": poster, "packed": reader}).items():
        object.__setattr__(video, key, value)
    return video


class PackedVideo(BakedVideo):
    """A BakedVideo in a file: its segments are read and decoded when they are needed, and the last ones kept.

    `field` and `occupancy` are those of a clip of one segment; of several they raise InputError.
    """

    packed: PackedReader

    def __getattr__(self, name: str) -> Any:
        """What the file has not been asked for yet."""
        if name not in ("field", "occupancy") or "packed" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if len(self.segments) > 1:
            raise InputError(f"{self.packed.container.path}: a clip of several segments has no single {name}")
        for key, value in self.packed.segment(0)._asdict().items():
            object.__setattr__(self, key, value)
        return self.__dict__[name]

    @property
    def boxes(self) -> Tensor:
        return self.packed.boxes if "packed" in self.__dict__ else self.field.boxes

    @property
    def segments(self) -> tuple[Span, ...]:
        return self.packed.spans if "packed" in self.__dict__ else super().segments

    def with_facts(self, **facts: Any) -> BakedVideo:
        other = copy.copy(self)
        for key, value in facts.items():
            object.__setattr__(other, key, value)
        return other

    def segment(self, index: int) -> Segment:
        if "packed" not in self.__dict__ or "field" in self.__dict__:
            return super().segment(index)
        return self.packed.segment(index)


class PackedReader:
    """Reads the segments of a container."""

    def __init__(self, container: Container, device: torch.device):
        self.container, self.device = container, device
        path = container.path
        self.config, self.facts = packed_facts(container)
        self.spans = tuple(Span(*span) for span in self.facts.pop("spans"))
        self.quantiser = self.facts["quantiser"]
        self._shapes = parameter_shapes(self.config, 1)
        self._kept: OrderedDict[int, Segment] = OrderedDict()
        self._lock = threading.Lock()
        self._chunks = {c.more.get("segment"): c for c in container.chunks if c.kind == "segment"}
        common = next(chunk for chunk in container.chunks if chunk.kind == "common")
        sections = self._sections(common)
        frames = len(self.facts["frames"])
        if len(sections["boxes"]) != frames * 24:
            raise InputError(f"{path}: damaged file (boxes of {len(sections['boxes'])} bytes for {frames} frames)")
        boxes = np.frombuffer(sections["boxes"], "<f4").reshape(frames, 2, 3)
        self.boxes = torch.from_numpy(boxes.astype(np.float32)).to(self.device)
        check_boxes(path, self.boxes)
        self._decoder_data = sections["decoder"]
        self._decoder: dict[str, NDArray[np.int32]] = {}
        self.seconds = 0.0
        """Of reading and decoding segments so far."""

    def segment(self, index: int) -> Segment:
        """A segment; the last ones are kept. Raises IndexError for one that does not exist."""
        if not 0 <= index < len(self.spans):
            raise IndexError(f"segment {index} is outside the clip of {len(self.spans)} segments")
        with self._lock:
            if index not in self._kept:
                while len(self._kept) >= KEPT:
                    self._kept.popitem(last=False)
                started = time.perf_counter()
                self._kept[index] = self._read(index)
                self.seconds += time.perf_counter() - started
            self._kept.move_to_end(index)
            return self._kept[index]

    def _read(self, index: int) -> Segment:
        span, path, part = self.spans[index], self.container.path, "decoder"
        frames = span.stop - span.first
        sections = self._sections(self._chunks[index])
        levels = levels_of(self.config)
        decoder = {name: shape for name, shape in self._shapes.items() if name.startswith("decoder.")}
        try:
            self._decoder = self._decoder or read_values(self._decoder_data, decoder)
            symbols = dict(self._decoder)
            if sections["decoder"]:
                for name, value in read_values(sections["decoder"], decoder).items():
                    symbols[name] = symbols[name] + value
            part = "codes"
            symbols |= read_values(sections[part], {CODES: (frames, self.config.code_dim)})
            part = "hash"
            tables = read_hash(sections[part], len(HASH), levels.offsets, self.config.hash.features)
            symbols |= dict(zip(HASH, tables, strict=True))
            part = "occupancy"
            occupancy = read_occupancy(sections[part], (frames, *self.facts["bake"].grid))
        except ValueError as error:
            raise InputError(f"{path}: damaged file (segment {index}, {part}: {error})") from None
        steps = self.quantiser["decoder"] | self.quantiser["segments"][index]
        values = dequantise(symbols, steps, levels.offsets, decoder_start(self.config, self.quantiser["start"]))
        if lost := [name for name, value in values.items() if not value.isfinite().all()]:
            raise InputError(f"{path}: {lost[0]} holds values that are not finite; the file is damaged")
        with torch.device("meta"):
            field = Field(self.config, torch.zeros(frames, 2, 3))
        boxes = self.boxes[span.first : span.stop]
        field = with_parameters(
            field, {key: value.to(self.device) for key, value in (values | {"boxes": boxes}).items()}
        )
        return Segment(field, torch.from_numpy(occupancy).to(self.device))

    def _sections(self, chunk: Chunk) -> dict[str, bytes]:
        data, at, out = self.container.read(chunk), 0, {}
        for name, length in chunk.more["sections"]:
            out[name], at = data[at : at + length], at + length
        return out
