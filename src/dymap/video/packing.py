"""Writes version 2 of `.dymap` (docs/format.md).

BakedVideo -> untouched hash entries become 0 -> whole numbers -> streams -> chunks -> file
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from dymap.errors import InputError
from dymap.field.field import Field
from dymap.video.clip import BakedVideo
from dymap.video.container import Chunk, write_container
from dymap.video.hash_code import write_hash
from dymap.video.occupancy_code import write_occupancy
from dymap.video.packed_header import CODES, HASH, bytes_by_part, packed_header
from dymap.video.quantise import (
    COARSEST,
    DECODER,
    FINEST,
    STANDARD,
    Symbols,
    begun_with,
    decoder_start,
    quantise,
    steps_of,
    without_untouched,
)
from dymap.video.value_code import write_values

ASKED = 9
"""Segments, spread over a clip, whose decoders say what is common."""
NOTICED = 0.99
"""Share of the bytes of decoders; with the first as what is common, one segment has nothing to add."""
ChunkToWrite = tuple[str, bytes, dict[str, Any]]
"""Kind, bytes, what the table says of it besides."""


def save_packed(
    path: Path,
    video: BakedVideo,
    coarseness: float | None = None,
    size: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write the file, beside and renamed; returns bytes by part, and the header's.

    coarseness: see quantise.py; None: the steps that the video was quantised with before, or the standard. size:
    instead, bytes that the chunks may have. Raises InputError if the disk refuses, and if no coarseness makes them so
    few.
    """
    packing = Packing(video)
    if size is not None:
        coarseness = fitting(packing, size, progress)
    header, chunks = packing.chunks(coarseness)
    write_container(path, header, chunks)
    parts = bytes_by_part(Chunk(kind, 0, len(data), 0, more) for kind, data, more in chunks)
    return parts | {"header": path.stat().st_size - sum(parts.values())}


class Packing:
    """A video to be packed, perhaps several times: what does not depend on the coarseness is done once."""

    def __init__(self, video: BakedVideo):
        self.video = video
        self._occupancy: list[bytes] = []
        self._fields: dict[int, Field] = {}

    def chunks(self, coarseness: float | None) -> tuple[dict[str, Any], list[ChunkToWrite]]:
        """The header, but for its table of chunks, and the chunks."""
        video, boxes = self.video, self.video.boxes.cpu().numpy().astype("<f4")
        kept = video.quantiser if coarseness is None and video.quantiser else None
        coarseness = STANDARD if coarseness is None else coarseness
        chunks: list[ChunkToWrite] = [("poster", video.poster, {})] if video.poster else []
        seed = kept["start"] if kept else start_seed(self.video)
        start = decoder_start(video.segment(0).field.config, seed)
        decoder_steps = kept["decoder"] if kept else of_decoder(steps_of(video.segment(0).field, coarseness))
        common = self._common_decoder(decoder_steps, start)
        chunks.append(sectioned("common", {"boxes": boxes.tobytes(), "decoder": write_values(common)}, {}))
        segments = []
        for index in range(len(video.segments)):
            field = video.segment(index).field if kept else self._field(index)
            steps = (kept["segments"][index] if kept else steps_of(field, coarseness)) | decoder_steps
            symbols = quantise(field, steps, start)
            sections = {
                "codes": write_values({CODES: symbols[CODES]}),
                "decoder": write_changes(of_decoder(symbols), common),
                "hash": write_hash([symbols[name] for name in HASH], field.hash.levels.offsets),
                "occupancy": self._grids(index),
            }
            chunks.append(sectioned("segment", sections, {"segment": index}))
            segments.append({key: steps[key] for key in (CODES, "hash")})
        quantiser = {
            "coarseness": kept["coarseness"] if kept else coarseness,
            "start": seed,
            "decoder": decoder_steps,
            "segments": segments,
        }
        return packed_header(video, quantiser, boxes), chunks

    def size(self, coarseness: float) -> int:
        """Bytes of the chunks."""
        return sum(len(data) for _, data, _ in self.chunks(coarseness)[1])

    def _common_decoder(self, steps: dict[str, list[float]], start: Mapping[str, Tensor]) -> dict[str, Symbols]:
        """Symbols of what segments say their changes to: those of the first, or, if that takes fewer bytes, what lies
        in the middle of several, or nothing, for segments that know nothing of each other."""
        count = len(self.video.segments)
        chosen = np.unique(np.linspace(0, count - 1, min(ASKED, count)).round().astype(int)).tolist()
        decoders = [of_decoder(quantise(self.video.segment(k).field, steps, start, DECODER)) for k in chosen]
        first = decoders[0]
        if count == 1:
            return first
        middle = {name: np.median([one[name] for one in decoders], axis=0).astype(np.int32) for name in first}
        none = {name: np.zeros_like(value) for name, value in first.items()}

        def size(common: dict[str, Symbols]) -> float:
            changes = sum(len(write_changes(one, common)) for one in decoders)
            return len(write_values(common)) + changes * count / len(decoders)

        sized = [(size(first) * NOTICED, first), (size(middle), middle), (size(none), none)]
        return min(sized, key=lambda one: one[0])[1]

    def _field(self, index: int) -> Field:
        if index not in self._fields:
            one = self.video.segment(index)
            self._fields = {index: without_untouched(one.field, one.occupancy, self.video.render.max_samples)}
        return self._fields[index]

    def _grids(self, index: int) -> bytes:
        if index >= len(self._occupancy):
            self._occupancy.append(write_occupancy(self.video.segment(index).occupancy.cpu().numpy()))
        return self._occupancy[index]


def of_decoder(values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the decoder's parameters."""
    return {name: value for name, value in values.items() if name.startswith(DECODER)}


def write_changes(decoder: Mapping[str, Symbols], common: Mapping[str, Symbols]) -> bytes:
    """The stream of what differs, symbol by symbol; nothing if nothing does."""
    changed = {name: decoder[name] - common[name] for name in common}
    return write_values(changed) if any(value.any() for value in changed.values()) else b""


def start_seed(video: BakedVideo) -> int | None:
    """The seed of the decoder's initial values, if it still is near them."""
    seed = video.about.provenance.get("seed", 0)
    known = type(seed) is int and 0 <= seed < 2**32 and begun_with(video.segment(0).field, seed)
    return seed if known else None


def sectioned(kind: str, sections: Mapping[str, bytes], more: dict[str, Any]) -> ChunkToWrite:
    """A chunk of sections, back to back, whose names and lengths its entry says."""
    return kind, b"".join(sections.values()), more | {"sections": [[key, len(data)] for key, data in sections.items()]}


TRIES = 12


def fitting(packing: Packing, size: float, progress: Callable[[int, int], None] | None = None) -> float:
    """The least coarseness, nearly, whose chunks have `size` bytes at most.

    Raises InputError if none does.
    """
    low, high = math.log(FINEST), math.log(COARSEST)  # too large, small enough
    least, at, best = packing.size(COARSEST), math.log(STANDARD), None
    if least > size:
        raise InputError(f"no quantiser makes this clip as small as {size / 1e6:.3g} MB: {least / 1e6:.3g} MB is least")
    for number in range(TRIES):
        found = packing.size(math.exp(at))
        if progress:
            progress(number + 1, TRIES)
        if found > size:
            low = at
        else:
            high, best = at, at
            if found > 0.99 * size or at <= math.log(FINEST):
                break
        # Half the size is about four times the coarseness; with what is known on both sides, the middle.
        guess = at + 2 * math.log(found / size) + (0.005 if found > size else -0.005)
        at = guess if low < guess < high and number < TRIES // 2 else (low + high) / 2
    if progress:
        progress(TRIES, TRIES)
    return math.exp(high if best is None else best)
