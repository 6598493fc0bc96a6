"""Occupancy grids as a stream: pyramids from coarse to fine, each child by what is known around it.

A grid of the pyramid is the one below it in blocks of 2 x 2 x 2: occupied if any of its eight children is. Of occupied
parents the children are coded, in eight calls, each of which knows those before. What a child's table is chosen by, its
context: how many of its neighbours across a face are occupied, as far as they are known, or else their parents, and the
same place and its neighbours in the frame before (docs/format.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dymap.video.rans import StreamReader, StreamWriter

Grid = NDArray[np.bool_]
Counts = NDArray[np.uint8]
FIRST = (0, 4, 13, 23, 30)
"""Where the contexts of children begin of which none, one, two or three neighbours' pairs are known."""
BEFORE = 15
"""What the frame before says: occupied or not, and 0 to 6 neighbours; or that there is none."""
CONTEXTS = FIRST[-1] * BEFORE
TABLES = CONTEXTS + 1
"""The last is that of the coarsest grid, one voxel."""


def write_occupancy(occupancy: Grid) -> bytes:
    """The stream of [frames, gx, gy, gz]."""
    stream, before = StreamWriter(TABLES), None
    for grid in occupancy:
        levels = pyramid(grid)
        stream.symbols(np.array([CONTEXTS]), levels[-1].reshape(1).view(np.uint8))
        for level in reversed(range(len(levels) - 1)):
            whole = levels[level]
            for part in children(whole.shape, levels[level + 1], None if before is None else before[level]):
                found = whole.reshape(-1).view(np.uint8)[part.place]
                stream.symbols(part.context, found)
                part.padded[part.at] = found
        before = levels
    return stream.finish()


def read_occupancy(data: bytes, shape: tuple[int, int, int, int]) -> Grid:
    """[frames, gx, gy, gz] of a stream. Raises ValueError if it is none of such a shape."""
    stream, before = StreamReader(data, TABLES), None
    out = np.zeros(shape, bool)
    sizes = pyramid_sizes(shape[1:])
    for grid in out:
        levels = [grid, *(np.zeros(size, bool) for size in sizes[1:])]
        levels[-1][0, 0, 0] = stream.symbols(np.array([CONTEXTS]))[0]
        for level in reversed(range(len(levels) - 1)):
            whole = levels[level].reshape(-1)
            for part in children(sizes[level], levels[level + 1], None if before is None else before[level]):
                found = stream.symbols(part.context)
                whole[part.place] = found
                part.padded[part.at] = found
        before = levels
    stream.finish()
    return out


class Children(NamedTuple):
    """One of the eight children of all occupied parents, as far as it lies in the grid.

    context [n]: their tables. place [n]: in the flat grid. padded, at [n]: where they are to be written for the calls
    that follow.
    """

    context: NDArray[np.int16]
    place: NDArray[np.int64]
    padded: Counts
    at: NDArray[np.int64]


def children(size: tuple[int, ...], parents: Grid, before: Grid | None) -> Iterator[Children]:
    """The eight calls of a grid of this size whose parents are known; before: the grid of the frame before."""
    around = tuple(2 * n + 2 for n in parents.shape)  # one more on each side
    padded, steps = np.zeros(around, np.uint8).reshape(-1), (around[1] * around[2], around[2], 1)
    wide = np.pad(parents, 1).view(np.uint8).reshape(-1)
    up = ((parents.shape[1] + 2) * (parents.shape[2] + 2), parents.shape[2] + 2, 1)
    said = None if before is None else said_before(before).reshape(-1)
    x, y, z = np.nonzero(parents)
    parent = (x + 1) * up[0] + (y + 1) * up[1] + z + 1
    for child in range(8):
        bits = child >> 2 & 1, child >> 1 & 1, child & 1
        a, b, c = 2 * x + bits[0], 2 * y + bits[1], 2 * z + bits[2]
        inside = np.flatnonzero((a < size[0]) & (b < size[1]) & (c < size[2]))
        a, b, c, above = a[inside], b[inside], c[inside], parent[inside]
        at = (a + 1) * steps[0] + (b + 1) * steps[1] + c + 1
        known = np.zeros(len(at), np.int16)  # neighbours among children that are coded already
        unknown = np.zeros(len(at), np.int16)  # parents of those that are not, but for the child's own
        for bit, step, back in zip(bits, steps, up, strict=True):
            if bit:
                known += padded[at + step]
                known += padded[at - step]
            else:
                unknown += wide[above - back]
        place = (a * size[1] + b) * size[2] + c
        told = np.int16(BEFORE - 1) if said is None else said[place]
        pairs = sum(bits)
        context = (FIRST[pairs] + known * (4 - pairs) + unknown) * BEFORE + told
        yield Children(context.astype(np.int16), place, padded, at)


def said_before(grid: Grid) -> Counts:
    """[gx, gy, gz] 0 to 13: 7 if a voxel of the frame before is occupied, and how many of its 6 neighbours are."""
    wide = np.pad(grid, 1).view(np.uint8)
    out = 7 * wide[1:-1, 1:-1, 1:-1]
    for axis in range(3):
        for start in (0, 2):
            place = [slice(1, -1)] * 3
            place[axis] = slice(start, start + grid.shape[axis])
            out += wide[tuple(place)]
    return out


def pyramid(grid: Grid) -> list[Grid]:
    """The grid, and coarser ones down to one voxel."""
    levels = [np.ascontiguousarray(grid)]
    for size in pyramid_sizes(grid.shape)[1:]:
        below = levels[-1]
        even = np.zeros([2 * n for n in size], bool)
        even[tuple(slice(n) for n in below.shape)] = below
        levels.append(np.asarray(even.reshape(size[0], 2, size[1], 2, size[2], 2).any(axis=(1, 3, 5))))
    return levels


def pyramid_sizes(size: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Sizes of the grids of a pyramid, the finest first."""
    sizes = [tuple(size)]
    while max(sizes[-1]) > 1:
        sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
    return sizes
