"""Quantised hash tables as a stream: which entries hold anything, then the features of those.

Entries that hold something lie in runs. A level's flags are a pyramid of pairs from coarse to fine, coded as those of
occupancy are; a feature's table depends on its level and on how large the features before it in its entry are
(docs/format.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dymap.video.rans import StreamReader, StreamWriter

FINE = 4
"""Grids of flags, from the finest on, that have tables of their own; coarser ones share one set."""
FLAG_TABLES = (FINE + 1) * 8 + 1
SIZES = 6
"""Kinds of entries by the sum s of the magnitudes of the features so far: 0, 1, 2-3, 4-7, 8-15, more."""
Symbols = NDArray[np.int32]
Flags = NDArray[np.uint8]


def table_count(levels: int, features: int) -> int:
    return FLAG_TABLES + levels * (1 + (features - 1) * SIZES)


def write_hash(tables: Sequence[Symbols], offsets: Sequence[int]) -> bytes:
    """The stream of tables [entries, F], whose levels begin at `offsets`."""
    features = tables[0].shape[1]
    stream = StreamWriter(table_count(len(offsets) - 1, features))
    for table in tables:
        for level, (first, last) in enumerate(itertools.pairwise(offsets)):
            values = table[first:last]
            held = (values != 0).any(axis=1)
            flags = [held.astype(np.uint8)]
            while len(flags[-1]) > 1:
                flags.append(np.pad(flags[-1], (0, len(flags[-1]) % 2)).reshape(-1, 2).max(axis=1))
            stream.symbols(np.array([FLAG_TABLES - 1]), flags[-1])
            for depth in reversed(range(len(flags) - 1)):
                known = np.zeros(len(flags[depth]) + 2, np.uint8)
                for place, context in pairs(known, flags[depth + 1], depth):
                    stream.symbols(context, flags[depth][place])
                    known[place] = flags[depth][place]
            kept = values[held]
            size = np.zeros(len(kept), np.int64)
            for feature in range(features):
                stream.numbers(feature_tables(level, feature, features, size), kept[:, feature])
                size += np.abs(kept[:, feature])
    return stream.finish()


def read_hash(data: bytes, count: int, offsets: Sequence[int], features: int) -> list[Symbols]:
    """`count` tables [entries, F] of a stream. Raises ValueError if it is none of such sizes."""
    stream = StreamReader(data, table_count(len(offsets) - 1, features))
    tables = [np.zeros((offsets[-1], features), np.int32) for _ in range(count)]
    for table in tables:
        for level, (first, last) in enumerate(itertools.pairwise(offsets)):
            lengths = [last - first]
            while lengths[-1] > 1:
                lengths.append((lengths[-1] + 1) // 2)
            flags = stream.symbols(np.array([FLAG_TABLES - 1]))
            for depth in reversed(range(len(lengths) - 1)):
                known = np.zeros(lengths[depth] + 2, np.uint8)
                for place, context in pairs(known, flags, depth):
                    known[place] = stream.symbols(context)
                flags = known[: lengths[depth]]
            held = np.flatnonzero(flags)
            kept, size = np.zeros((len(held), features), np.int32), np.zeros(len(held), np.int64)
            for feature in range(features):
                kept[:, feature] = stream.numbers(feature_tables(level, feature, features, size))
                size += np.abs(kept[:, feature])
            table[first + held] = kept
    stream.finish()
    return tables


def pairs(known: Flags, parents: Flags, depth: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The two calls of a grid of flags whose parents are known: places and tables, first of even children, then of odd.

    known: [length + 2], the flags so far, zeros at the end.
    """
    length, first = len(known) - 2, 8 * min(depth, FINE)
    parent = np.flatnonzero(parents)
    wide = np.pad(parents, 1)
    yield 2 * parent, first + 2 * wide[parent].astype(np.int64) + wide[parent + 2]
    parent = parent[2 * parent + 1 < length]
    yield 2 * parent + 1, first + 4 + 2 * known[2 * parent].astype(np.int64) + known[2 * parent + 2]


def feature_tables(level: int, feature: int, features: int, size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tables [n] of a feature of entries whose features so far have magnitudes that sum up to `size` [n]."""
    first = FLAG_TABLES + level * (1 + (features - 1) * SIZES)
    if feature == 0:
        return np.full(len(size), first)
    kind = np.searchsorted([1, 2, 4, 8, 16], size, side="right")
    return first + 1 + (feature - 1) * SIZES + kind
