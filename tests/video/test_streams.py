"""Streams of symbols, numbers, occupancy, hash tables and values: what was written comes back, and strangers' bytes
are an error or something else of the right shape."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from dymap.video.hash_code import read_hash, write_hash
from dymap.video.occupancy_code import pyramid, pyramid_sizes, read_occupancy, write_occupancy
from dymap.video.rans import (
    TOTAL,
    StreamReader,
    StreamWriter,
    frequencies_of,
    read_varint,
    varint,
)
from dymap.video.value_code import read_values, write_values
from tests.variants import with_all_kernels

RANDOM = np.random.default_rng(0)


def numbers(*shape: int, spread: float = 3) -> Any:
    return np.rint(RANDOM.laplace(scale=spread, size=shape)).astype(np.int32)


@with_all_kernels
@pytest.mark.parametrize("spread", [0, 0.2, 40, 1e6])
def test_numbers_come_back(spread: float) -> None:
    parts = [(RANDOM.integers(0, 3, n), numbers(n, spread=spread)) for n in (0, 1, 33, 500)]
    writer = StreamWriter(3)
    for which, values in parts:
        writer.numbers(which, values)
    reader = StreamReader(writer.finish(), 3)
    for which, values in parts:
        np.testing.assert_array_equal(reader.numbers(which), values)
    reader.finish()


def test_what_is_left_is_noticed() -> None:
    writer = StreamWriter(1)
    writer.numbers(np.zeros(900, int), numbers(900, spread=100))
    data = writer.finish()
    reader = StreamReader(data, 1)
    reader.numbers(np.zeros(700, int))
    with pytest.raises(ValueError, match="does not end"):
        reader.finish()
    for cut in range(0, len(data), 7):
        with pytest.raises(ValueError, match=r"."):
            StreamReader(data[:cut], 1).numbers(np.zeros(900, int))


def test_numbers_of_seven_bits() -> None:
    for value in (0, 1, 127, 128, 300, 2**31 - 1):
        data = varint(value)
        assert read_varint(b"x" + data, 1) == (1 + len(data), value)
    for wrong in (b"", b"\x80", b"\xff" * 4, b"\xff" * 9, varint(2**31)):
        with pytest.raises(ValueError, match="number"):
            read_varint(wrong, 0)


@pytest.mark.parametrize("counts", [[5], [1, 1], [1, 10**9], [0, 3, 0], [1] * 256, [7, 0, 90000, 1, 1, 1, 3000]])
def test_frequencies_sum_up_and_keep_what_occurs(counts: list[int]) -> None:
    found = frequencies_of(np.array(counts))
    assert found.sum() == TOTAL
    assert ((found > 0) == (np.array(counts) > 0)).all()


@pytest.mark.parametrize("shape", [(3, 5, 6, 7), (1, 1, 1, 1), (2, 8, 8, 8), (2, 1, 3, 17), (4, 16, 9, 30)])
@pytest.mark.parametrize("share", [0, 0.03, 0.5, 1])
def test_occupancy_comes_back(shape: tuple[int, int, int, int], share: float) -> None:
    occupancy = RANDOM.random(shape) < share
    np.testing.assert_array_equal(read_occupancy(write_occupancy(occupancy), shape), occupancy)


def test_occupancy_that_moves_takes_little() -> None:
    """A ball that goes through the grid: far less than the bits of its voxels."""
    at = np.stack(np.meshgrid(*[np.arange(32)] * 3, indexing="ij"))
    frames = [((at - np.array([9 + t, 16, 15])[:, None, None, None]) ** 2).sum(0) < 64 for t in range(12)]
    data = write_occupancy(np.array(frames))
    assert len(data) < 12 * 32**3 / 8 / 8
    np.testing.assert_array_equal(read_occupancy(data, (12, 32, 32, 32)), frames)


def test_a_coarser_voxel_is_occupied_if_a_finer_one_is() -> None:
    grid = RANDOM.random((5, 3, 9)) < 0.05
    levels = pyramid(grid)
    assert [level.shape for level in levels] == pyramid_sizes(grid.shape)
    assert levels[-1].shape == (1, 1, 1)
    for fine, coarse in pairwise(levels):
        expected = np.zeros_like(coarse)
        for x, y, z in np.argwhere(fine):
            expected[x // 2, y // 2, z // 2] = True
        np.testing.assert_array_equal(coarse, expected)


@pytest.mark.parametrize("features", [1, 2, 4])
@pytest.mark.parametrize("share", [0, 0.2, 1])
def test_hash_tables_come_back(features: int, share: float) -> None:
    offsets = (0, 1, 28, 540, 1541)
    tables = [numbers(offsets[-1], features) * (RANDOM.random((offsets[-1], 1)) < share) for _ in range(3)]
    found = read_hash(write_hash(tables, offsets), 3, offsets, features)
    np.testing.assert_array_equal(np.array(found), np.array(tables))


def test_kernels_of_upsamplings_are_coded_in_blocks() -> None:
    """Of blocks of equal numbers only one counts."""
    base = numbers(6, 8, 2, 2, spread=10)
    even = base.repeat(2, axis=2).repeat(2, axis=3)
    values = {"decoder.up.0.weight": even, "decoder.code.weight": numbers(5, 3), "codes.weight": numbers(2, 4)}
    data = write_values(values)
    found = read_values(data, {name: value.shape for name, value in values.items()})
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value)
    other = write_values({**values, "decoder.up.0.weight": numbers(6, 8, 4, 4, spread=10)})
    assert len(data) < len(other) - 300


@pytest.mark.parametrize(
    ("data", "read"),
    [
        (write_occupancy(RANDOM.random((2, 9, 7, 8)) < 0.3), lambda data: read_occupancy(data, (2, 9, 7, 8))),
        (write_hash([numbers(600, 2)] * 3, (0, 100, 600)), lambda data: read_hash(data, 3, (0, 100, 600), 2)),
        (write_values({"a": numbers(300)}), lambda data: read_values(data, {"a": (300,)})),
    ],
    ids=["occupancy", "hash", "values"],
)
def test_bytes_of_strangers(data: bytes, read: Callable[[bytes], Any]) -> None:
    """A stream whose bytes are others becomes something, or a ValueError; one that is cut is always an error."""
    for cut in range(0, len(data), 11):
        with pytest.raises(ValueError, match=r"."):
            read(data[:cut])
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(RANDOM.integers(1, 4)):
            changed[RANDOM.integers(len(data))] = RANDOM.integers(256)
        with suppress(ValueError):
            read(bytes(changed))
