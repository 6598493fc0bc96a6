"""The container of version 2: a preamble, a JSON header with a table of chunks, and the chunks, back to back.

     0   8  magic "\x89dymap\n\x1a"
     8   4  version, 2 (all numbers little-endian)
    12   4  length of the header in bytes
    16   4  CRC-32 of the header
    20   4  CRC-32 of bytes 0 to 19
    24  ..  header: JSON, UTF-8; `chunks`: kind, offset in the file, length, crc32 of each, in order
    ..  ..  chunks

Every byte is under a checksum (docs/format.md).
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dymap.errors import InputError
from dymap.files import check_regular, replacing

MAGIC = b"\x89dymap\n\x1a"
VERSION = 2
PREAMBLE = struct.Struct("<8sIIII")
FIRST_REQUEST = 256 * 1024
"""Bytes that a player asks for first: header and poster of clips that are not very long."""
MAX_HEADER, MAX_CHUNKS = 16 * 2**20, 100_000


@dataclass(frozen=True)
class Chunk:
    """A chunk to be written, or one of a file. more: what else the table says of it."""

    kind: str
    offset: int
    length: int
    crc32: int
    more: dict[str, Any]


@dataclass(frozen=True)
class Container:
    """An open file: its header and its table of chunks; chunks are read when they are asked for."""

    path: Path
    header: dict[str, Any]
    chunks: tuple[Chunk, ...]

    def read(self, chunk: Chunk) -> bytes:
        """The bytes of a chunk. Raises InputError if they are not what was written."""
        try:
            with self.path.open("rb") as file:
                file.seek(chunk.offset)
                data = file.read(chunk.length)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror or error})") from None
        if len(data) != chunk.length or zlib.crc32(data) != chunk.crc32:
            raise InputError(
                f"{self.path}: damaged file (its {chunk.kind} is not what was written: its checksum differs)"
            )
        return data


def has_magic(path: Path) -> bool:
    """Whether a file begins as one of version 2 does; False if it cannot be read."""
    try:
        check_regular(path)
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


def write_container(path: Path, header: dict[str, Any], chunks: Sequence[tuple[str, bytes, dict[str, Any]]]) -> None:
    """Write a file, beside and renamed. chunks: kind, bytes, what else the table says of it."""
    text, start = b"", 0
    while not text or PREAMBLE.size + len(text) != start:  # offsets are part of the header, whose length they change
        start = PREAMBLE.size + len(text)
        table, at = [], start
        for kind, data, more in chunks:
            place = {"kind": kind, "offset": at, "length": len(data), "crc32": zlib.crc32(data)}
            table.append(place | more)
            at += len(data)
        new = json.dumps(header | {"chunks": table}, separators=(",", ":")).encode()
        text = new.ljust(len(text))  # never shorter than before: it would not end
    front = PREAMBLE.pack(MAGIC, VERSION, len(text), zlib.crc32(text), 0)[:-4]
    with replacing(path) as partial, partial.open("wb") as file:
        file.write(front + struct.pack("<I", zlib.crc32(front)) + text)
        for _, data, _ in chunks:
            file.write(data)


def open_container(path: Path) -> Container:
    """Read preamble and header; nothing of the chunks is read.

    Raises InputError for what is no whole file of version 2, before memory is taken for what it says.
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            front = file.read(PREAMBLE.size)
            if len(front) < PREAMBLE.size or zlib.crc32(front[:-4]) != int.from_bytes(front[-4:], "little"):
                raise InputError(f"{path}: damaged file (its first bytes are not what was written)")
            magic, version, length, checksum, _ = PREAMBLE.unpack(front)
            if magic != MAGIC or version != VERSION:
                raise InputError(f"{path}: version {version} of the file format; this dymap reads 1 and {VERSION}")
            if length > min(MAX_HEADER, size - PREAMBLE.size):
                raise InputError(f"{path}: damaged or cut file (a header of {length} bytes in a file of {size})")
            text = file.read(length)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if zlib.crc32(text) != checksum:
        raise InputError(f"{path}: damaged header (it is not what was written: its checksum differs)")
    try:
        header = json.loads(text)
        if not isinstance(header, dict):
            raise ValueError(f"expected a mapping, found {type(header).__name__}")
        chunks = chunk_table(header, PREAMBLE.size + length, size)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged header ({error})") from None
    return Container(path, header, chunks)


def chunk_table(header: dict[str, Any], start: int, size: int) -> tuple[Chunk, ...]:
    """The chunks of a file of `size` bytes, from `start` on. Raises KeyError, TypeError, ValueError."""
    if not isinstance(held := header["chunks"], list) or len(held) > MAX_CHUNKS:
        raise ValueError(f"chunks is no list of at most {MAX_CHUNKS}")
    chunks, at = [], start
    for entry in held:
        kind, place = entry["kind"], [entry[key] for key in ("offset", "length", "crc32")]
        if not isinstance(kind, str) or any(type(number) is not int or number < 0 for number in place):
            raise ValueError("a chunk without kind, offset, length or crc32")
        if place[0] != at:
            raise ValueError(f"a chunk at {place[0]}, expected at {at}, where the one before ends")
        at += place[1]
        more = {key: value for key, value in entry.items() if key not in ("kind", "offset", "length", "crc32")}
        chunks.append(Chunk(kind[:40], place[0], place[1], place[2], more))
    if at != size:
        raise ValueError(f"its chunks end at byte {at}, but the file has {size}: it was cut, or something was added")
    return tuple(chunks)
