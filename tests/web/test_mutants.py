"""Damaged files in the browser's reader: read or refused in one sentence, within limits of memory and time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from dymap.errors import InputError
from dymap.field.start import start_of
from dymap.video.container import open_container
from dymap.video.model_file import load_video
from dymap.video.rans import varint
from tests.faults.mutations import FORGED, packed_file
from tests.faults.readers import PACKED, Reader, drawn
from tests.golden.sources import Golden
from tests.web.clips import packed_bits, write_clips
from tests.web.node import needs_node, run_node

pytestmark = needs_node
COUNT = 48
"""Damages of each file."""
MEMORY = 2**29
"""Bytes of arrays."""
CPU = 20
"""Seconds for a file."""


@pytest.fixture(scope="module")
def sound(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_clips(tmp_path_factory.mktemp("sound"), trimmed)


def read(paths: list[Path]) -> Iterator[tuple[dict[str, Any], str]]:
    """What became of each file: what node tells, and in a word."""
    for told in run_node("read_clip.mjs", "-", *paths, timeout=600):
        assert "bug" not in told, told
        assert told["seconds"] < CPU
        assert told["memory"] < MEMORY
        if "refused" in told:
            assert told["refused"].isprintable()
            assert len(told["refused"]) < 500
        yield told, "refused" if "refused" in told else "read"


@pytest.mark.parametrize("name", ["several segments", "odd sizes"])
def test_damaged_files(sound: dict[str, Path], tmp_path: Path, request: pytest.FixtureRequest, name: str) -> None:
    data, seed = sound[name].read_bytes(), request.config.getoption("--faults-seed")
    reader, kinds, paths = Reader("", lambda _: "", PACKED), [], []
    for index in range(COUNT * request.config.getoption("--faults")):
        kind, changed = drawn(reader, data, Random(f"{name} {seed} {index}"))
        kinds.append(kind)
        paths.append(tmp_path / f"{index}.dymap")
        paths[-1].write_bytes(changed)
    outcomes = set()
    for path, kind, (told, outcome) in zip(paths, kinds, read(paths), strict=True):
        outcomes.add(outcome)
        if outcome == "read":
            assert kind in FORGED, f"{path.name}: damage was not noticed"
            check_same(path, told)
    assert outcomes == {"read", "refused"}


def check_same(path: Path, told: dict[str, Any]) -> None:
    """What both read is the same; Python may be stricter, and needs no header to say how a decoder began."""
    try:
        video = load_video(path)
        segments = [video.segment(index) for index in range(len(video.segments))]
    except InputError:
        return
    begun = open_container(path).header["decoder_start"] or {}
    factors = {name: list(start_of(name.removeprefix("decoder."), shape) or ()) for name, shape in told["shapes"]}
    for segment, found in zip(segments, told["segments"], strict=True):
        expected = {key.removeprefix("hash."): value.numpy() for key, value in segment.field.state_dict().items()}
        expected["occupancy"] = packed_bits(segment.occupancy)
        for key, value in expected.items():
            if key in begun and begun[key] != factors[key]:
                continue
            assert found["arrays"][key] == digest(value), f"{path.name}: {key}"


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def test_every_byte_is_under_a_checksum(sound: dict[str, Path], tmp_path: Path) -> None:
    data, random, paths = sound["nothing"].read_bytes(), Random(0), []
    for place in [*range(24), *(random.randrange(len(data)) for _ in range(60)), len(data) - 1]:
        changed = bytearray(data)
        changed[place] ^= 1 << random.randrange(8)
        paths.append(tmp_path / f"{place}.dymap")
        paths[-1].write_bytes(changed)
    for cut in (1, 8, 20, 24, 1000, len(data) - 1):
        paths.append(tmp_path / f"cut-{cut}.dymap")
        paths[-1].write_bytes(data[:cut])
    assert {outcome for _, outcome in read(paths)} == {"refused"}


HUGE = {
    "tables": lambda header: header["field"]["hash"].update(log2_size=28, finest=16384, levels=64),
    "decoder": lambda header: header["field"].update(width=16384),
    "planes": lambda header: header["field"].update(plane_size=8192),
    "networks": lambda header: header["field"].update(hidden=4096),
    "codes": lambda header: header["field"].update(code_dim=65536),
    "grid": lambda header: header["bake"].update(grid=[4096, 4096, 4096]),
    "flat grid": lambda header: header["bake"].update(grid=[4096, 4096, 8]),
    "frames": lambda header: header.update(frames=[0] * 200_000, segments=[{"first": 0, "stop": 200_000}]),
    "poster": lambda header: header["chunks"].insert(0, header["chunks"][0] | {"kind": "poster", "length": 2**40}),
}


@pytest.mark.parametrize("huge", HUGE.values(), ids=HUGE.keys())
def test_sizes_that_cannot_be_are_refused_before_memory_is_taken(
    sound: dict[str, Path], tmp_path: Path, huge: object
) -> None:
    header, parts = taken_apart(sound["nothing"])
    huge(header)  # type: ignore[operator]
    (tmp_path / "a.dymap").write_bytes(packed_file(header, parts))
    ((told, outcome),) = read([tmp_path / "a.dymap"])
    assert outcome == "refused"
    assert told["memory"] < 2**25
    assert told["seconds"] < 2


EYE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
TRANSFORMS: list[tuple[object, str]] = [
    ("up", "transform is up, expected a list"), (None, "transform is null, expected a list"),
    ({"0": 1}, "transform is a mapping, expected a list"), ([1, 2], "transform holds 2 numbers, expected 16"),
    (["1"] * 16, "transform is 1, expected a number"), ([None] * 16, "transform is null, expected a number"),
    ([1] * 16, "transform is [1, 1, 1"), ([2 * x for x in EYE], "transform is [2, 0, 0"),
    ([-1, *EYE[1:]], "transform is [-1, 0, 0"), ([*EYE[:12], 0, 0, 1, 1], "expected a rotation, a shift, and 0 0 0 1"),
]  # fmt: skip


def test_a_transform_that_is_no_motion_is_refused_as_python_does(sound: dict[str, Path], tmp_path: Path) -> None:
    header, parts = taken_apart(sound["nothing"])
    for index, (transform, _) in enumerate([([], ""), (EYE, ""), *TRANSFORMS]):
        (tmp_path / f"{index}.dymap").write_bytes(packed_file(header | {"transform": transform}, parts))
    paths = [tmp_path / f"{index}.dymap" for index in range(len(TRANSFORMS) + 2)]
    told = list(read(paths))
    assert [outcome for _, outcome in told[:2]] == ["read"] * 2
    for path, (one, outcome), (_, sentence) in zip(paths[2:], told[2:], TRANSFORMS, strict=True):
        assert outcome == "refused"
        assert sentence in one["refused"]
        with pytest.raises(InputError):
            load_video(path)


def test_symbols_that_cost_nothing_are_read_in_time(sound: dict[str, Path], tmp_path: Path) -> None:
    """As many voxels as a small file may have, all occupied, out of no words at all."""
    header, parts = taken_apart(sound["nothing"])
    sections = header["chunks"][-1]["sections"]
    full = varint(2) + (varint(2) + varint(0)) * 451 + varint(0) + (65536).to_bytes(4, "little") * 32
    parts[-1] = parts[-1][: -sections[3][1]] + full
    sections[3][1] = len(full)
    header["bake"]["grid"] = [256, 256, 256]
    (tmp_path / "a.dymap").write_bytes(packed_file(header, parts))
    ((_, outcome),) = read([tmp_path / "a.dymap"])
    assert outcome == "read"


def taken_apart(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    container = open_container(path)
    return container.header, [container.read(chunk) for chunk in container.chunks]
