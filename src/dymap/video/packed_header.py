"""The header of a file of version 2: what it says, and that it is whole (docs/format.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dymap.config import FieldConfig
from dymap.errors import InputError
from dymap.field.start import start_of
from dymap.kernels import HashLevels
from dymap.video.clip import BakedVideo
from dymap.video.container import Chunk, Container
from dymap.video.facts import facts_from_json, facts_to_json
from dymap.video.quantise import DECODER, parameter_shapes

FORMAT = "dymap-video"
MAX_VALUES, VALUES_A_BYTE = 2**29, 256
"""Of a segment's field; small files hold no more than a few millions and so many for each of their bytes."""
MAX_VOXELS, VOXELS_A_BYTE = 2**33, 2**13
"""Of a segment's occupancy grids, a byte each; the same."""
MAX_POSTER = 2**24
COMMON = ("boxes", "decoder")
"""Sections of the chunk that all segments share."""
PARTS = ("codes", "decoder", "hash", "occupancy")
"""Sections of a segment's chunk, in order; the decoder's is what differs from the common one, or nothing."""
HASH = ("hash.xyt", "hash.xzt", "hash.yzt")
CODES = "codes.weight"


def packed_header(video: BakedVideo, quantiser: Mapping[str, Any], boxes: np.ndarray) -> dict[str, Any]:
    """What the header says, but for the table of chunks."""
    facts = facts_to_json(video)
    field = video.segment(0).field
    levels, shapes = field.hash.levels, parameter_shapes(field.config, 1)
    return {
        "format": FORMAT,
        "version": 2,
        **facts,
        "box": [[round(float(x), 4) for x in corner] for corner in np.median(boxes, axis=0)],
        "segments": [{"first": span.first, "stop": span.stop} for span in video.segments],
        "hash_levels": {
            "scales": list(levels.scales),
            "resolutions": list(levels.resolutions),
            "lengths": list(levels.lengths),
        },
        "decoder_shapes": {name: list(shape) for name, shape in shapes.items() if name.startswith("decoder.")},
        "decoder_start": start_to_json(quantiser["start"], shapes),
        "quantiser": quantiser,
    }


def start_to_json(seed: int | None, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, list[Any]] | None:
    """For readers in other languages: how the decoder's parameters began, kind and factor of their numbers."""
    if seed is None:
        return None
    begun = {name: start_of(name.removeprefix(DECODER), shape) for name, shape in shapes.items()}
    return {name: list(found) for name, found in begun.items() if found and name.startswith(DECODER)}


def bytes_by_part(chunks: Any) -> dict[str, int]:
    """Bytes of the sections of all chunks, summed by their names: poster, boxes, codes, decoder, hash, occupancy."""
    parts: dict[str, int] = {}
    for chunk in chunks:
        for name, length in chunk.more.get("sections", [[chunk.kind, chunk.length]]):
            parts[name] = parts.get(name, 0) + length
    return parts


def packed_facts(container: Container) -> tuple[FieldConfig, dict[str, Any]]:
    """What a header says, checked, and that it has the chunks that it needs. Raises InputError that names what is
    wrong."""
    path, header = container.path, container.header
    try:
        config, facts = facts_from_json(path, header)
        frames = len(facts["frames"])
        check_box(header["box"])
        spans = [(entry["first"], entry["stop"]) for entry in header["segments"]]
        check_spans(spans, frames)
        facts["spans"] = spans
        longest = max(stop - first for first, stop in spans)
        values = sum(math.prod(shape) for shape in parameter_shapes(config, longest).values())
        voxels, size = longest * math.prod(facts["bake"].grid), sum(chunk.length for chunk in container.chunks)
        if values > min(MAX_VALUES, 2**22 + VALUES_A_BYTE * size):
            raise ValueError(f"a field of {values} values in a file of {size} bytes")
        if voxels > min(MAX_VOXELS, 2**28 + VOXELS_A_BYTE * size):
            raise ValueError(f"{longest} grids of {voxels} voxels in a file of {size} bytes")
        facts["quantiser"] = quantiser_from_json(header["quantiser"], config, len(spans))
        check_chunks(container, len(spans))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: damaged header ({reason})") from None
    return config, facts


def check_box(box: Any) -> None:
    """Raises KeyError, TypeError, ValueError."""
    values = np.array(box, dtype=np.float64)
    if values.shape != (2, 3) or not np.isfinite(values).all():
        raise ValueError("box is none")


def check_spans(spans: list[tuple[Any, Any]], frames: int) -> None:
    """Segments cover the clip in order, and may overlap. Raises ValueError."""
    end, before = 0, -1
    for first, stop in spans:
        if type(first) is not int or type(stop) is not int or not before < first <= end < stop <= frames:
            raise ValueError(f"a segment of frames {first} to {stop} after {end} of {frames}")
        before, end = first, stop
    if end != frames:
        raise ValueError(f"segments end at frame {end} of {frames}")


def quantiser_from_json(held: Any, config: FieldConfig, segments: int) -> dict[str, Any]:
    """The steps, checked. Raises KeyError, TypeError, ValueError."""
    names = [name for name in parameter_shapes(config, 1) if name.startswith("decoder.")]
    decoder = {name: steps(held["decoder"][name], 1) for name in names}
    parts = [
        {CODES: steps(entry[CODES], 1), "hash": steps(entry["hash"], config.hash.levels)} for entry in held["segments"]
    ]
    if len(parts) != segments:
        raise ValueError(f"steps of {len(parts)} segments, expected {segments}")
    if type(held["coarseness"]) is not float or not 0 < held["coarseness"] < 1e30:
        raise ValueError(f"coarseness {str(held['coarseness'])[:40]}")
    if not ((seed := held["start"]) is None or (type(seed) is int and 0 <= seed < 2**32)):
        raise ValueError(f"start {str(seed)[:40]}")
    return {"coarseness": held["coarseness"], "start": seed, "decoder": decoder, "segments": parts}


def steps(values: Any, count: int) -> list[float]:
    """A list of `count` steps. Raises ValueError and TypeError."""
    if not isinstance(values, list) or len(values) != count or not all(0 < float(v) < 1e30 for v in values):
        raise ValueError(f"{str(values)[:40]} are no {count} steps")
    return [float(value) for value in values]


def check_chunks(container: Container, segments: int) -> None:
    """A poster if there is one, what all share, then the segments in order. Raises KeyError, TypeError, ValueError."""
    kinds = [chunk.kind for chunk in container.chunks]
    expected = ["common", *["segment"] * segments]
    if kinds not in (expected, ["poster", *expected]):
        raise ValueError(f"chunks {', '.join(kinds)[:80]}")
    if kinds[0] == "poster" and container.chunks[0].length > MAX_POSTER:
        raise ValueError(f"a poster of {container.chunks[0].length} bytes")
    for index, chunk in enumerate(container.chunks[-segments:]):
        if chunk.more.get("segment") != index:
            raise ValueError(f"segment {chunk.more.get('segment')} in the place of {index}")
        check_sections(chunk, PARTS)
    check_sections(container.chunks[-segments - 1], COMMON)


def check_sections(chunk: Chunk, names: tuple[str, ...]) -> None:
    """Raises KeyError, TypeError, ValueError."""
    held = chunk.more["sections"]
    if [name for name, _ in held] != list(names) or any(type(n) is not int or n < 0 for _, n in held):
        raise ValueError(f"sections of a {chunk.kind} are {str(held)[:80]}")
    if sum(length for _, length in held) != chunk.length:
        raise ValueError(f"sections of a {chunk.kind} do not fill it")


def levels_of(config: FieldConfig) -> HashLevels:
    return HashLevels(config.hash.levels, config.hash.log2_size, config.hash.base, config.hash.finest)
