"""Damages of files: bytes in, other bytes out, drawn from a random generator.

Some know how a file is built, and mend what a stranger would mend: lengths, and the checksums that anybody can compute.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from dymap.files import SUMS

Mutation = Callable[[bytes, Random], bytes]

INTEGERS = (0, 1, -1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
NUMBERS = (
    "0", "-1", "1", "3", "255", "65536", "10000000", "2147483648", "9223372036854775808", "1e308", "1e999", "NaN",
    "0.5", "-0.0", "1" * 400,
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 7, 1000, 10**7, 2**31, 2**63, -(2**63), 10**400, 0.5, 1e-300, 5e-324, 1e30, 1e308, -1e308,
    float("inf"), float("nan"), True, False, None, "", "x", "x" * 100_000, "\x1b]0;owned\x07\nerror: forged", "\udcff",
    "../../etc/passwd", "/dev/zero", "\0", [], {}, [0], [1, 2, 3], [[]], {"a": 1}, [0.0] * 1000,
)  # fmt: skip
"""What no program should believe. `json` writes all of it, and Python reads it back."""


def flip(data: bytes, random: Random) -> bytes:
    """One bit to eight."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def flip_early(data: bytes, random: Random) -> bytes:
    """A bit of the first 600 bytes: of headers."""
    changed = bytearray(data)
    changed[random.randrange(min(len(data), 600))] ^= 1 << random.randrange(8)
    return bytes(changed)


def cut(data: bytes, random: Random) -> bytes:
    """The end is missing."""
    return data[: random.choice((0, 1, len(data) - 1, random.randrange(len(data))))]


def swap(data: bytes, random: Random) -> bytes:
    """Two blocks change places."""
    size = random.choice((1, 4, 64, 512))
    a, b = sorted(random.randrange(len(data)) for _ in range(2))
    return data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]


def insert(data: bytes, random: Random) -> bytes:
    """Bytes are in between, or at the end."""
    place = random.choice((len(data), random.randrange(len(data))))
    return data[:place] + random.randbytes(random.choice((1, 4, 100, 5000))) + data[place:]


def zeros(data: bytes, random: Random) -> bytes:
    """A block is empty, as after a crash."""
    size, place = random.choice((1, 8, 512, 4096)), random.randrange(len(data))
    return data[:place] + bytes(len(data[place : place + size])) + data[place + size :]


def integer(data: bytes, random: Random) -> bytes:
    """An extreme number of 1 to 8 bytes, in the header or anywhere."""
    size, order = random.choice((1, 2, 4, 8)), random.choice(("big", "little"))
    value = random.choice(INTEGERS) % 256**size
    place = random.randrange(min(len(data), random.choice((64, 600, len(data)))))
    return data[:place] + value.to_bytes(size, order) + data[place + size :]  # type: ignore[arg-type]


def digits(data: bytes, random: Random) -> bytes:
    """A number in text becomes an extreme one."""
    found = list(re.finditer(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?", data[:100_000]))
    if not found:
        return integer(data, random)
    one = random.choice(found)
    return data[: one.start()] + random.choice(NUMBERS).encode() + data[one.end() :]


BYTES: tuple[Mutation, ...] = (flip, flip, flip_early, cut, swap, insert, zeros, integer, integer, digits)
"""What any file may suffer."""


def json_text(data: bytes, random: Random) -> bytes:
    """Values of a JSON document are others, gone, doubled, or in each other's places; or it is nested deeply."""
    if random.random() < 0.02:
        return random.choice((b"[" * 100_000, b'{"a":' * 100_000, b"[" * 500 + b"]" * 500))
    return json.dumps(json_value(json.loads(data), random)).encode()


def json_value(document: Any, random: Random) -> Any:
    """The same of a document; it is changed in place."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            return random.choice(VALUES)
        holder, key = random.choice(places)
        act = random.randrange(10)
        if act == 0 and isinstance(holder, dict):
            del holder[key]
        elif act == 1 and isinstance(holder, dict):
            holder[str(key) + random.choice(("x", "\x1b[2J", ""))] = holder.pop(key)
        elif act == 1:
            holder.extend([holder[key]] * random.choice((1, 1000)))
        elif act == 2:
            other, name = random.choice(places)
            holder[key], other[name] = json.loads(json.dumps([other[name], holder[key]]))
        elif act < 5 and isinstance(holder[key], int | float):
            holder[key] = random.choice((-holder[key], holder[key] * 1000, holder[key] + 1, [holder[key]]))
        else:
            holder[key] = json.loads(json.dumps(random.choice(VALUES)))
    return document


def _places(value: Any) -> Any:
    """(container, key) of everything in a document."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(part)


def png_mended(data: bytes, random: Random) -> bytes:
    """A PNG whose parts are damaged, each with the right length and checksum."""
    parts, place = [], 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        parts.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    damaged = random.choice((0, 0, random.randrange(len(parts))))
    kind, body = parts[damaged]
    parts[damaged] = kind, random.choice((flip, integer, cut, swap))(body or b"\0", random)
    if random.random() < 0.2:
        parts.insert(random.randrange(len(parts) + 1), random.choice(parts))
    mended = data[:8]
    for kind, body in parts:
        mended += len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    return mended


def zip_mended(data: bytes, random: Random) -> bytes:
    """An archive of which a part is damaged, gone, doubled or large, with the right checksums."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        chosen = random.choice((names[0], random.choice(names)))
        for name in names:
            part = old.read(name)
            if name == chosen and part:
                act = random.choice((flip, flip_early, cut, swap, integer, integer, digits, None, b""))
                if act is None:
                    new.writestr(name, bytes(2**26), zipfile.ZIP_DEFLATED)  # a few bytes that become many
                    continue
                if act == b"":
                    continue
                part = act(part, random)  # type: ignore[operator]
            new.writestr(name, part)
    return out.getvalue()


def safetensors_head(data: bytes, random: Random) -> bytes:
    """What safetensors says of the tensors is changed, with the right length."""
    size = struct.unpack("<Q", data[:8])[0]
    return _with_head(json_text(data[8 : 8 + size], random), data[8 + size :])


def unsealed(mutation: Mutation) -> Mutation:
    """A damage of our own header's JSON, without checksums, as files had before there were any."""

    def change(data: bytes, random: Random) -> bytes:
        size = struct.unpack("<Q", data[:8])[0]
        head = json.loads(data[8 : 8 + size])
        ((key, text),) = head["__metadata__"].items()
        ours = json.loads(text)
        ours.pop(SUMS, None)
        head["__metadata__"] = {key: mutation(json.dumps(ours).encode(), random).decode(errors="replace")}
        return _with_head(json.dumps(head).encode(), data[8 + size :])

    return change


def unsealed_tensors(data: bytes, random: Random) -> bytes:
    """Damaged numbers in a file without checksums."""
    bare = unsealed(lambda text, _: text)(data, random)
    start = 8 + struct.unpack("<Q", bare[:8])[0]
    return bare[:start] + random.choice((flip, zeros, swap, integer))(bare[start:], random)[: len(bare) - start]


def _with_head(head: bytes, rest: bytes) -> bytes:
    return struct.pack("<Q", len(head)) + head + rest


def packed_mended(data: bytes, random: Random) -> bytes:
    """A file of version 2 whose header or chunks are damaged, with the right lengths, offsets and checksums."""
    size = struct.unpack("<I", data[12:16])[0]
    header = json.loads(data[24 : 24 + size])
    parts = [data[chunk["offset"] : chunk["offset"] + chunk["length"]] for chunk in header["chunks"]]
    if random.random() < 0.5:
        table = header.pop("chunks")
        header = json_value(header, random)
        if isinstance(header, dict):
            header["chunks"] = table if random.random() < 0.8 else json_value(table, random)
    else:
        place = random.randrange(len(parts))
        act = random.choice((flip, flip, flip_early, integer, zeros, swap, cut, insert))
        parts[place] = act(parts[place] or b"\0", random)
    if random.random() < 0.05:
        parts[0], parts[-1] = parts[-1], parts[0]
    return packed_file(header, parts)


def packed_file(header: Any, parts: list[bytes]) -> bytes:
    """The bytes of a file of version 2 of such a header and such chunks."""
    text, start = b"", 0
    while not text or 24 + len(text) != start:
        start = at = 24 + len(text)
        table = header.get("chunks") if isinstance(header, dict) else None
        if isinstance(table, list):
            for chunk, part in zip(table, parts, strict=False):
                if isinstance(chunk, dict):
                    chunk.update(offset=at, length=len(part), crc32=zlib.crc32(part))
                at += len(part)
        text = json.dumps(header).encode().ljust(len(text))
    front = struct.pack("<8sIII", b"\x89dymap\n\x1a", 2, len(text), zlib.crc32(text))
    return front + struct.pack("<I", zlib.crc32(front)) + text + b"".join(parts)


safetensors_unsealed = unsealed(json_text)
FORGED: tuple[Mutation, ...] = (safetensors_unsealed, unsealed_tensors, zip_mended, packed_mended)
"""With these the sums are right, or there are none: they need not be noticed, but survived."""
