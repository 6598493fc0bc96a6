"""Streams: symbols and whole numbers, entropy-coded with the tables of frequencies that they need.

A stream is written call by call and read in the same calls (docs/format.md): which table every symbol has may depend on
all calls before. Whole numbers are symbols too, as far as they are small; what is larger follows in full.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.kernels import rans_decode, rans_encode

LANES, TOTAL, HEAD = 32, 4096, 128
"""See kernels/reference/rans.py."""
ESCAPE = 255
"""The symbol of numbers that have none of their own."""
MAX_NUMBER = 2**31
Ints = NDArray[np.int64]
Numbers = NDArray[np.integer]


class StreamWriter:
    """Collects calls; `finish` makes the tables and the bytes."""

    def __init__(self, tables: int):
        self.tables = tables
        self._calls: list[tuple[NDArray[np.int16], NDArray[np.uint8]]] = []
        self._escaped = bytearray()

    def symbols(self, which: Numbers, symbols: Numbers) -> None:
        """Symbols [n] below 256, of the tables `which` [n]."""
        self._calls.append((which.astype(np.int16), symbols.astype(np.uint8)))

    def numbers(self, which: Numbers, values: Numbers) -> None:
        """Whole numbers [n], small ones of both signs being likely, of the tables `which` [n]."""
        folded = np.where(values < 0, -2 * values.astype(np.int64) - 1, 2 * values.astype(np.int64))
        for large in folded[folded >= ESCAPE]:
            self._escaped += varint(int(large) - ESCAPE)
        self.symbols(which, np.minimum(folded, ESCAPE))

    def finish(self) -> bytes:
        """Tables, escaped numbers, coded symbols."""
        counts = np.zeros((self.tables, 256), np.int64)
        for which, symbols in self._calls:
            counts += np.bincount(which.astype(np.int64) * 256 + symbols, minlength=counts.size).reshape(counts.shape)
        used = np.flatnonzero(counts.any(axis=0))
        frequencies = np.stack([frequencies_of(row) for row in counts[:, : used.max(initial=0) + 1]])
        calls = [(torch.from_numpy(which), torch.from_numpy(symbols)) for which, symbols in self._calls]
        coded = rans_encode(calls, torch.from_numpy(frequencies.astype(np.int32))).numpy().tobytes()
        head = bytearray(varint(frequencies.shape[1]))
        for row, count in zip(frequencies, counts, strict=True):
            held = int(np.flatnonzero(row)[-1]) + 1 if count.any() else 0
            head += varint(held)
            for often in row[: max(held - 1, 0)]:
                head += varint(int(often))
        return bytes(head) + varint(len(self._escaped)) + bytes(self._escaped) + coded


class StreamReader:
    """Reads what StreamWriter wrote: the same calls in the same order. Raises ValueError for anything else."""

    def __init__(self, data: bytes, tables: int):
        at, symbols = read_varint(data, 0)
        if not 1 <= symbols <= 256:
            raise ValueError(f"{symbols} symbols")
        frequencies = np.zeros((tables, symbols), np.int32)
        for row in frequencies:
            at, held = read_varint(data, at)
            if held > symbols:
                raise ValueError("a table of too many symbols")
            for symbol in range(held - 1):
                at, often = read_varint(data, at)
                row[symbol] = min(often, TOTAL + 1)
            row[max(held - 1, 0)] = TOTAL - row.sum()
        if (frequencies < 0).any():
            raise ValueError("frequencies of a table that sum up to too much")
        at, length = read_varint(data, at)
        if length > len(data) - at:
            raise ValueError("it ends before its numbers")
        self._escaped, self._at = data[at : at + length], 0
        self._frequencies = torch.from_numpy(frequencies)
        if len(data) - at - length < HEAD:
            raise ValueError("it ends before its symbols")
        self._data = torch.from_numpy(np.frombuffer(data, np.uint8, offset=at + length).copy())
        states = self._data[:HEAD].numpy().view("<u4").astype(np.int64)
        self._place = torch.from_numpy(np.append(states, HEAD))

    def symbols(self, which: Numbers) -> NDArray[np.uint8]:
        """The next symbols [n], of the tables `which` [n]."""
        tables = torch.from_numpy(np.ascontiguousarray(which, np.int16))
        return rans_decode(self._data, self._place, tables, self._frequencies).numpy()

    def numbers(self, which: Numbers) -> NDArray[np.int32]:
        """The next whole numbers [n], of the tables `which` [n]."""
        folded = self.symbols(which).astype(np.int64)
        for place in np.flatnonzero(folded == ESCAPE):
            self._at, more = read_varint(self._escaped, self._at)
            folded[place] += more
        return np.where(folded & 1, -(folded + 1 >> 1), folded >> 1).astype(np.int32)

    def finish(self) -> None:
        """Raises ValueError if something is left."""
        place = self._place.numpy()
        if self._at < len(self._escaped) or place[-1] != len(self._data) or (place[:-1] != 1 << 16).any():
            raise ValueError("it does not end where its symbols do")


def frequencies_of(counts: Ints) -> Ints:
    """Frequencies [symbols] that sum up to TOTAL, in proportion to counts, and at least 1 for what occurs."""
    total = int(counts.sum())
    if total == 0:
        return np.array([TOTAL] + [0] * (len(counts) - 1))
    shares = counts * (TOTAL / total)
    frequencies = np.where(counts > 0, np.maximum(np.rint(shares), 1), 0).astype(np.int64)
    while excess := int(frequencies.sum()) - TOTAL:
        # One up or down where that changes the length least.
        step = -1 if excess > 0 else 1
        able = frequencies > 1 if step < 0 else counts > 0
        cost = np.full(len(counts), np.inf)
        cost[able] = counts[able] * (np.log2(frequencies[able]) - np.log2(frequencies[able] + step))
        frequencies[np.argmin(cost)] += step
    return frequencies


def varint(value: int) -> bytes:
    """A whole number from 0 in bytes of 7 bits, the lowest first; all but the last have the bit 128."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Where the number ends, and the number. Raises ValueError for one of 2^31 and more, and if the bytes end."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 28:
            raise ValueError("a number without end")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            break
    if value >= MAX_NUMBER:
        raise ValueError("a number that is too large")
    return at, value
