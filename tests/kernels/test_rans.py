"""Entropy coding: what was encoded comes back; the same bytes and symbols by every back end; made-up streams."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dymap.kernels import rans_decode, rans_encode, using
from dymap.kernels.reference.rans import HEAD, LANES, LOW, TOTAL
from tests.kernels.cases import BACKENDS, each_variant

SIZES = [(0, 1, 1), (1, 3, 2), (31, 2, 2), (32, 5, 3), (33, 300, 2), (1000, 4, 256), (777, 7, 40)]
"""Symbols, tables, size of the alphabet."""
each_backend = pytest.mark.parametrize("name", ["torch", *BACKENDS[:1]])


def frequencies(tables: int, symbols: int) -> Tensor:
    """[tables, symbols] int32 that sum up to TOTAL, many of them 0."""
    weights = torch.rand(tables, symbols) ** 4 * (torch.rand(tables, symbols) < 0.7)
    counts = (weights / weights.sum(1, keepdim=True).clamp(min=1e-9) * (TOTAL - 1)).floor().int()
    counts[:, -1] += TOTAL - counts.sum(1, dtype=torch.int32)
    return counts


def calls(sizes: list[int], table: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Symbols that occur in their tables; which is not contiguous."""
    made = []
    for n in sizes:
        which = torch.randint(0, len(table), (n, 2), dtype=torch.int16)[:, 0]
        drawn = torch.multinomial(table.double() + 1e-12, max(n, 1), replacement=True)[which.long(), range(n)]
        drawn = torch.where(table[which.long(), drawn] > 0, drawn, table.argmax(1)[which.long()])
        made.append((which, drawn.to(torch.uint8)))
    return made


def start(stream: Tensor) -> Tensor:
    states = stream[:HEAD].numpy().view("<u4").astype(np.int64)
    return torch.tensor([*states, HEAD])


@each_backend
@pytest.mark.parametrize("size", SIZES)
def test_what_was_encoded_comes_back(size: tuple[int, int, int], name: str) -> None:
    n, tables, symbols = size
    table = frequencies(tables, symbols)
    parts = calls([n, 0, n // 3], table)
    with using(name):
        stream = rans_encode(parts, table)
        place = start(stream)
        for which, expected in parts:
            assert torch.equal(rans_decode(stream, place, which, table), expected)
    assert place.tolist() == [LOW] * LANES + [len(stream)]


@each_variant
@pytest.mark.parametrize("size", SIZES)
def test_the_same_bytes(size: tuple[int, int, int], variant: str) -> None:
    n, tables, symbols = size
    table = frequencies(tables, symbols)
    parts = calls([n, n // 2], table)
    with using("torch"):
        expected = rans_encode(parts, table)
    with using(variant):
        assert torch.equal(rans_encode(parts, table), expected)


@each_backend
def test_it_takes_the_bits_that_are_due(name: str) -> None:
    table = frequencies(1, 20)
    with using(name):
        (part,) = calls([4000], table)
        stream = rans_encode([part], table)
    bits = -(table[0, part[1].long()].double() / TOTAL).log2().sum().item()
    assert abs(8 * (len(stream) - HEAD) - bits) < 8 * HEAD


@each_backend
def test_streams_of_strangers(name: str) -> None:
    """A stream that is cut is too short, wherever; random bytes become some symbols, or an error."""
    table = frequencies(3, 11)
    (part,) = calls([500], table)
    with using(name):
        stream = rans_encode([part], table)
        for cut in range(HEAD, len(stream), 2):
            with pytest.raises(ValueError, match="too early"):
                rans_decode(stream[:cut].clone(), start(stream), part[0], table)
        for seed in range(20):
            noise = torch.randint(0, 256, (300,), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
            noise[2:HEAD:4] |= 1
            with pytest.raises(ValueError, match="too early"):
                rans_decode(noise, start(noise), part[0].repeat(20), table)
            assert len(rans_decode(noise, start(noise), part[0][:20], table)) == 20


@each_backend
def test_wrong_tables_and_places_are_refused(name: str) -> None:
    table = torch.tensor([[TOTAL, 0], [1, TOTAL - 1]], dtype=torch.int32)
    which, symbols = torch.zeros(1, dtype=torch.int16), torch.zeros(1, dtype=torch.uint8)
    with using(name):
        stream = rans_encode([(which, symbols)], table)
        for wrong in (table + 1, table - table, torch.tensor([[TOTAL + 1, -1]], dtype=torch.int32)):
            with pytest.raises(ValueError, match="rans"):
                rans_decode(stream, start(stream), which, wrong)
            with pytest.raises(ValueError, match="rans"):
                rans_encode([(which, symbols)], wrong)
        for other in (-1, 2):
            with pytest.raises(ValueError, match="does not exist"):
                rans_decode(stream, start(stream), which + other, table)
        for state, at in ((0, HEAD), (LOW, HEAD + 1), (LOW, len(stream) + 2), (LOW, 0), (2**32, HEAD), (LOW, 2**62)):
            with pytest.raises(ValueError, match="none"):
                rans_decode(stream, torch.tensor([state] * LANES + [at]), which, table)
        for unknown in (1, 2):
            with pytest.raises(ValueError, match="no frequency"):
                rans_encode([(which, symbols + unknown)], table)
