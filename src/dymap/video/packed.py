"""Version 2 of `.dymap`: opened without reading more than its header, poster and what all segments share; segments are
read, checked and decoded when they are needed (docs/format.md)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.field.segment import Segment
from dymap.video.clip import BakedVideo
from dymap.video.container import Chunk, Container, open_container
from dymap.video.facts import check_boxes
from dymap.video.hash_code import read_hash
from dymap.video.occupancy_code import read_occupancy
from dymap.video.packed_header import CODES, HASH, levels_of, packed_facts
from dymap.video.quantise import decoder_start, dequantise, parameter_shapes, with_parameters
from dymap.video.spans import Span
from dymap.video.value_code import read_values


def open_packed(path: Path, device: torch.device | str = "cpu") -> BakedVideo:
    """Open a file: header, poster and what all segments share. Raises InputError that names what is wrong."""
    container = open_container(path)
    poster = b"".join(container.read(chunk) for chunk in container.chunks if chunk.kind == "poster")
    reader = PackedReader(container, torch.device(device))
    return BakedVideo(reader.spans, reader, reader.boxes, **reader.facts, poster=poster)


class PackedReader:
    """Reads the segments of a container, when a BakedVideo needs them."""

    def __init__(self, container: Container, device: torch.device):
        self.container, self.device = container, device
        path = container.path
        self.config, self.facts = packed_facts(container)
        self.spans = tuple(Span(*span) for span in self.facts.pop("spans"))
        self.quantiser = self.facts["quantiser"]
        self._shapes = parameter_shapes(self.config, 1)
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

    def __call__(self, index: int) -> Segment:
        """A segment, read and decoded. Raises IndexError for one that does not exist, InputError for a damaged file."""
        if not 0 <= index < len(self.spans):
            raise IndexError(f"segment {index} is outside the clip of {len(self.spans)} segments")
        started = time.perf_counter()
        with self._lock:
            segment = self._read(index)
            self.seconds += time.perf_counter() - started
        return segment

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
