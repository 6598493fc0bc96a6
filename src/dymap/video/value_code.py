"""Quantised parameters of the decoder, or codes, as a stream: one table of frequencies a parameter, in a known order.

Kernels of upsamplings begin as blocks of 2 x 2 equal numbers and stay near that: of each block the first number is
coded, and the others as differences from it, with a table of their own (docs/format.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dymap.video.rans import StreamReader, StreamWriter

Symbols = NDArray[np.int32]


def write_values(symbols: Mapping[str, Symbols]) -> bytes:
    """The stream of whole numbers of some parameters, in the order in which they come."""
    stream = StreamWriter(2 * len(symbols))
    for index, (name, values) in enumerate(symbols.items()):
        if not in_blocks(name, values.shape):
            stream.numbers(np.full(values.size, 2 * index), values.reshape(-1))
            continue
        first, *others = blocks(values).T
        stream.numbers(np.full(len(first), 2 * index), first)
        for other in others:
            stream.numbers(np.full(len(first), 2 * index + 1), other - first)
    return stream.finish()


def read_values(data: bytes, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Symbols]:
    """Whole numbers of these shapes. Raises ValueError if the stream is none of those."""
    stream = StreamReader(data, 2 * len(shapes))
    out = {}
    for index, (name, shape) in enumerate(shapes.items()):
        size = int(np.prod(shape))
        if not in_blocks(name, shape):
            out[name] = stream.numbers(np.full(size, 2 * index)).reshape(shape)
            continue
        first = stream.numbers(np.full(size // 4, 2 * index))
        others = [first + stream.numbers(np.full(size // 4, 2 * index + 1)) for _ in range(3)]
        out[name] = from_blocks(np.stack([first, *others], axis=1), shape)
    stream.finish()
    return out


def in_blocks(name: str, shape: tuple[int, ...]) -> bool:
    """Whether a parameter is the kernel of an upsampling."""
    return name.startswith("decoder.up.") and name.endswith(".weight") and shape[2:] == (4, 4)


def blocks(values: Symbols) -> Symbols:
    """[a, b, 4, 4] -> [4 a b, 4]: blocks of 2 x 2, row by row."""
    return values.reshape(*values.shape[:2], 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(-1, 4)


def from_blocks(values: Symbols, shape: tuple[int, ...]) -> Symbols:
    """The other way round."""
    return np.ascontiguousarray(values.reshape(*shape[:2], 2, 2, 2, 2).transpose(0, 1, 2, 4, 3, 5)).reshape(shape)
