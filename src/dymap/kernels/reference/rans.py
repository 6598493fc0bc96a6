"""Entropy coding: static rANS in 32 interleaved lanes, which numpy, C++ and JavaScript decode from the same bytes.

A symbol costs -log2(its frequency / 4096) bits. Which table of frequencies a symbol has is known before it is decoded,
so that it may depend on everything that was decoded in earlier calls. J. Duda, "Asymmetric numeral systems", 2013;
F. Giesen, "Interleaved entropy coders", 2014. The bytes are described in docs/format.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.kernels.dispatch import operation

LANES = 32
"""Symbol i of a call belongs to lane i modulo LANES."""
BITS = 12
TOTAL = 1 << BITS
"""Sum of the frequencies of a table."""
LOW = 1 << 16
"""Least state of a lane between two symbols; the states end as they began, with it."""
HEAD = 4 * LANES
"""Bytes of a stream before its words: the state of every lane."""
MAX_SYMBOLS, MAX_TABLES = 256, 32768

Ints = NDArray[np.int64]


@operation
@torch.no_grad()
def rans_decode(data: Tensor, place: Tensor, which: Tensor, frequencies: Tensor) -> Tensor:
    """The next symbols [n] uint8 of a stream.

    data: [bytes] uint8, a whole stream. place: [LANES + 1] int64, the states and the byte that is read next, changed to
    where this call ends. which: [n] int16, the table of every symbol. frequencies: [tables, symbols] int32.
    Raises ValueError if the stream ends too early, and for tables that are none.
    """
    check_tables(which, frequencies)
    held, tables = place.numpy(), which.numpy().astype(np.int64)
    words = data.numpy()[HEAD : HEAD + (len(data) - HEAD) // 2 * 2].view("<u2").astype(np.int64)
    state, at = held[:LANES].copy(), (int(held[LANES]) - HEAD) // 2
    if not 0 <= at <= len(words) or int(held[LANES]) % 2 or ((state < LOW) | (state >= LOW << 16)).any():
        raise ValueError("rans: a place that is none")
    counts = frequencies.numpy().astype(np.int64)
    before = np.cumsum(counts, axis=1) - counts
    used, row = np.unique(tables, return_inverse=True)
    symbol_of = np.array([np.repeat(np.arange(counts.shape[1]), counts[table]) for table in used])  # [used, TOTAL]
    out = np.empty(len(tables), np.uint8)
    for first in range(0, len(tables), LANES):
        here = slice(first, first + LANES)
        table, x = tables[here], state[: len(tables[here])]
        slot = x & (TOTAL - 1)
        symbol = symbol_of[row[here], slot]
        x = counts[table, symbol] * (x >> BITS) + slot - before[table, symbol]
        hungry = np.flatnonzero(x < LOW)
        if at + len(hungry) > len(words):
            raise ValueError("rans: the stream ends too early")
        x[hungry] = x[hungry] << 16 | words[at : at + len(hungry)]
        at += len(hungry)
        state[: len(x)], out[here] = x, symbol
    held[:LANES], held[LANES] = state, HEAD + 2 * at
    return torch.from_numpy(out)


@operation
@torch.no_grad()
def rans_encode(calls: Sequence[tuple[Tensor, Tensor]], frequencies: Tensor) -> Tensor:
    """A stream [bytes] uint8 that `rans_decode` decodes call by call.

    calls: (which [n] int16, symbols [n] uint8) of each. frequencies: [tables, symbols] int32.
    Raises ValueError for a symbol whose frequency is 0, and for tables that are none.
    """
    counts = frequencies.numpy().astype(np.int64)
    before = np.cumsum(counts, axis=1) - counts
    state = np.full(LANES, LOW, np.int64)
    words: list[Ints] = []  # of each round, from the last one to the first
    for which, symbols in reversed(calls):
        check_tables(which, frequencies)
        if len(symbols) and int(symbols.max()) >= counts.shape[1]:
            raise ValueError("rans: a symbol that has no frequency")
        table, symbol = which.numpy().astype(np.int64), symbols.numpy().astype(np.int64)
        often, start = counts[table, symbol], before[table, symbol]
        if not often.all():
            raise ValueError("rans: a symbol that has no frequency")
        for first in reversed(range(0, len(table), LANES)):
            f, b = often[first : first + LANES], start[first : first + LANES]
            x = state[: len(f)]
            full = x >= f << (32 - BITS)
            words.append(x[full] & (LOW - 1))
            x = np.where(full, x >> 16, x)
            state[: len(f)] = (x // f << BITS) + x % f + b
    flat = np.concatenate([*reversed(words), np.zeros(0, np.int64)]).astype("<u2")
    return torch.from_numpy(np.concatenate([state.astype("<u4").view(np.uint8), flat.view(np.uint8)]))


def check_tables(which: Tensor, frequencies: Tensor) -> None:
    """Raises ValueError for frequencies that do not sum up to TOTAL, and for tables that do not exist."""
    tables, symbols = frequencies.shape
    if not (0 < symbols <= MAX_SYMBOLS and tables <= MAX_TABLES):
        raise ValueError(f"rans: {tables} tables of {symbols} symbols")
    if (frequencies < 0).any() or (frequencies > TOTAL).any() or (frequencies.sum(1) != TOTAL).any():
        raise ValueError(f"rans: frequencies of a table that do not sum up to {TOTAL}")
    if len(which) and not 0 <= int(which.min()) <= int(which.max()) < tables:
        raise ValueError("rans: a table that does not exist")
