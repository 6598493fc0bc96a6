"""A PNG file that is written row by row (RFC 2083): only the compressed bytes of a large picture are in memory."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

LEVEL = 2
"""Of zlib: 1 is the fastest."""
SUB = 1
"""The filter: what is stored of a pixel is its difference to the one on the left."""
COLOURS = {3: 2, 4: 6}
"""Channels -> kind of colours: RGB, or RGB and straight alpha."""


class PngWriter:
    """size: width and height, pixels. channels: 3 or 4."""

    def __init__(self, size: tuple[int, int], channels: int):
        head = struct.pack(">IIBBBBB", *size, 8, COLOURS[channels], 0, 0, 0)
        self._parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", head)]
        self._pack = zlib.compressobj(LEVEL)

    def add(self, rows: NDArray[np.uint8]) -> None:
        """The next rows [h, W, channels]."""
        height, width, channels = rows.shape
        lines = np.empty((height, 1 + width * channels), np.uint8)
        lines[:, 0] = SUB
        lines[:, 1 : 1 + channels] = rows[:, 0]
        np.subtract(rows[:, 1:], rows[:, :-1], out=lines[:, 1 + channels :].reshape(height, width - 1, channels))
        self._store(self._pack.compress(lines.data))

    def end(self) -> bytes:
        """The file, after the last rows."""
        self._store(self._pack.flush())
        return b"".join([*self._parts, _chunk(b"IEND", b"")])

    def _store(self, data: bytes) -> None:
        if data:
            self._parts.append(_chunk(b"IDAT", data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
