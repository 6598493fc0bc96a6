"""A whole reader of `.dymap` files of version 2 that needs numpy only, as docs/format.md describes them.

    header, shared, tensors = read(Path("video.dymap"))

Header, poster, boxes, occupancy, codes, the decoder's weights and the hash tables are decoded; nothing in a file is
executed. It is written to be read: it is not fast, and trusts what it reads once the checksums are right.
"""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

HASH = ("hash.xyt", "hash.xzt", "hash.yzt")


def read(path: Path) -> tuple[dict[str, Any], dict[str, bytes], dict[str, np.ndarray]]:
    """The header, sections of the chunk that all segments share (and the poster), and the first segment's numbers."""
    data = path.read_bytes()
    magic, version, length, checksum, front = struct.unpack("<8sIIII", data[:24])
    assert magic == b"\x89dymap\n\x1a", "not a dymap file of version 2"
    assert version == 2
    assert zlib.crc32(data[:20]) == front, "damaged"
    assert zlib.crc32(data[24 : 24 + length]) == checksum, "damaged header"
    header = json.loads(data[24 : 24 + length])
    shared, segments = {}, []
    for chunk in header["chunks"]:
        body = data[chunk["offset"] : chunk["offset"] + chunk["length"]]
        assert zlib.crc32(body) == chunk["crc32"], f"damaged {chunk['kind']}"
        sections, at = {}, 0
        for name, size in chunk.get("sections", [[chunk["kind"], chunk["length"]]]):
            sections[name], at = body[at : at + size], at + size
        if chunk["kind"] == "segment":
            segments.append(sections)
        else:
            shared |= sections
    return header, shared, read_segment(header, shared, segments[0], 0)


def read_segment(
    header: dict[str, Any], shared: dict[str, bytes], sections: dict[str, bytes], index: int
) -> dict[str, np.ndarray]:
    """Parameters [as PyTorch has them] float32, `boxes` [frames, 2, 3] and `occupancy` [frames, gx, gy, gz] bool."""
    first, stop = header["segments"][index]["first"], header["segments"][index]["stop"]
    steps = header["quantiser"]["segments"][index]
    shapes = {name: tuple(shape) for name, shape in header["decoder_shapes"].items()}
    symbols = read_values(shared["decoder"], shapes)
    if sections["decoder"]:  # what differs from the decoder that all segments share
        for name, change in read_values(sections["decoder"], shapes).items():
            symbols[name] = symbols[name] + change
    step = {name: steps[0] for name, steps in header["quantiser"]["decoder"].items()}
    for index, name in enumerate(shapes):  # what was not learned
        if name in (header["decoder_start"] or {}):
            kind, factor = header["decoder_start"][name]
            start = factor * begun(kind, header["quantiser"]["start"], index, shapes[name])
            symbols[name] = symbols[name] + np.round(start / step[name])
    out = {name: value * step[name] for name, value in symbols.items()}
    codes = {"codes.weight": (stop - first, header["field"]["code_dim"])}
    out["codes.weight"] = read_values(sections["codes"], codes)["codes.weight"] * steps["codes.weight"][0]
    lengths = header["hash_levels"]["lengths"]
    tables = read_hash(sections["hash"], lengths, header["field"]["hash"]["features"])
    out |= {name: table * np.repeat(steps["hash"], lengths)[:, None] for name, table in zip(HASH, tables, strict=True)}
    out = {name: value.astype(np.float32) for name, value in out.items()}
    out["boxes"] = np.frombuffer(shared["boxes"], "<f4").reshape(-1, 2, 3)[first:stop]
    out["occupancy"] = read_occupancy(sections["occupancy"], (stop - first, *header["bake"]["grid"]))
    return out


def begun(kind: str, seed: int, index: int, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers that a parameter of the decoder began with."""
    if kind == "blocks":
        return begun("normal", seed, index, (*shape[:2], 2, 2)).repeat(2, axis=2).repeat(2, axis=3)
    place, key = np.arange(np.prod(shape), dtype=np.uint64), mixed(np.uint64(index) ^ mixed(np.uint64(seed)))
    if kind == "uniform":
        return (2 * unit(place ^ key) - 1).reshape(shape)
    normal = np.sqrt(-2 * np.log(unit(2 * place ^ key))) * np.cos(2 * np.pi * unit(2 * place + 1 ^ key))
    return normal.reshape(shape)


def unit(words: np.ndarray) -> np.ndarray:
    """A number in (0, 1) for each word of 32 bits."""
    return (mixed(words) + 0.5) / 2**32


def mixed(words: np.ndarray) -> np.ndarray:
    """Another word of 32 bits for each."""
    words = words ^ words >> np.uint64(16)
    words = words * np.uint64(0x7FEB352D) & np.uint64(0xFFFFFFFF)
    words = words ^ words >> np.uint64(15)
    words = words * np.uint64(0x846CA68B) & np.uint64(0xFFFFFFFF)
    return words ^ words >> np.uint64(16)


class Stream:
    """Entropy-coded symbols: tables of frequencies, numbers that are too large for them, and 32 lanes of rANS."""

    def __init__(self, data: bytes, tables: int):
        self.data, self.at = data, 0
        symbols = self.varint()
        self.often = np.zeros((tables, symbols), np.int64)
        for table in self.often:
            held = self.varint()
            for symbol in range(held - 1):
                table[symbol] = self.varint()
            table[max(held - 1, 0)] = 4096 - table.sum()
        self.before = self.often.cumsum(axis=1) - self.often
        length = self.varint()
        self.escaped, coded = self.at, self.at + length
        self.states = np.frombuffer(data, "<u4", 32, coded).astype(np.int64)
        self.words = np.frombuffer(data, "<u2", offset=coded + 128).astype(np.int64)
        self.word = 0

    def varint(self) -> int:
        """The number at byte `at`, 7 bits a byte, the lowest first."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            value, shift, self.at = value | (byte & 127) << shift, shift + 7, self.at + 1
            if byte < 128:
                return value

    def symbols(self, which: np.ndarray) -> np.ndarray:
        """The next symbols, of the tables `which`."""
        out = np.zeros(len(which), np.int64)
        for first in range(0, len(which), 32):
            tables = which[first : first + 32]
            x = self.states[: len(tables)]
            slot = x & 4095
            symbol = (self.before[tables] <= slot[:, None]).sum(axis=1) - 1
            # Symbols of frequency 0 begin where the next does: the last that begins there is meant.
            x = self.often[tables, symbol] * (x >> 12) + slot - self.before[tables, symbol]
            low = np.flatnonzero(x < 1 << 16)
            x[low] = x[low] << 16 | self.words[self.word : self.word + len(low)]
            self.word += len(low)
            self.states[: len(tables)], out[first : first + 32] = x, symbol
        return out

    def numbers(self, which: np.ndarray) -> np.ndarray:
        """The next whole numbers: 0, -1, 1, -2, 2 ... are symbols 0 to 254; 255 says that the rest follows."""
        folded = self.symbols(which)
        for place in np.flatnonzero(folded == 255):
            self.at = self.escaped
            folded[place] += self.varint()
            self.escaped = self.at
        return np.where(folded & 1, -(folded + 1 >> 1), folded >> 1)


def read_values(data: bytes, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Parameters one after the other; kernels of upsamplings in blocks of 2 x 2, as differences from the first."""
    stream, out = Stream(data, 2 * len(shapes)), {}
    for index, (name, shape) in enumerate(shapes.items()):
        size = int(np.prod(shape))
        if not (name.startswith("decoder.up.") and name.endswith("weight")):
            out[name] = stream.numbers(np.full(size, 2 * index)).reshape(shape)
            continue
        first = stream.numbers(np.full(size // 4, 2 * index))
        rest = [first + stream.numbers(np.full(size // 4, 2 * index + 1)) for _ in range(3)]
        blocks = np.stack([first, *rest], axis=1).reshape(
            *shape[:2], 2, 2, 2, 2
        )  # block row, column, row, column in it
        out[name] = blocks.transpose(0, 1, 2, 4, 3, 5).reshape(shape)
    return out


def read_hash(data: bytes, lengths: list[int], features: int) -> list[np.ndarray]:
    """Three tables [entries, features]: which entries hold something, from coarse to fine, then what they hold."""
    of_level = 1 + (features - 1) * 6
    stream, tables = Stream(data, 41 + len(lengths) * of_level), []
    for _ in range(3):
        levels = []
        for level, length in enumerate(lengths):
            sizes = [length]
            while sizes[-1] > 1:
                sizes.append((sizes[-1] + 1) // 2)
            flags = stream.symbols(np.array([40]))
            for depth in reversed(range(len(sizes) - 1)):
                parent, wide = np.flatnonzero(flags), np.pad(flags, 1)
                finer = np.zeros(sizes[depth] + 2, np.int64)
                table = 8 * min(depth, 4)
                finer[2 * parent] = stream.symbols(table + 2 * wide[parent] + wide[parent + 2])
                parent = parent[2 * parent + 1 < sizes[depth]]
                finer[2 * parent + 1] = stream.symbols(table + 4 + 2 * finer[2 * parent] + finer[2 * parent + 2])
                flags = finer[: sizes[depth]]
            held = np.flatnonzero(flags)
            values, size = np.zeros((length, features), np.int64), np.zeros(len(held), np.int64)
            for feature in range(features):
                kind = 1 + 6 * (feature - 1) + np.searchsorted([1, 2, 4, 8, 16], size, side="right") if feature else 0
                values[held, feature] = stream.numbers(41 + level * of_level + kind + 0 * size)
                size += np.abs(values[held, feature])
            levels.append(values)
        tables.append(np.concatenate(levels))
    return tables


def read_occupancy(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """[frames, gx, gy, gz] bool: from one voxel to finer grids, each child by what is known around it."""
    stream, before, frames = Stream(data, 451), None, []
    sizes = [shape[1:]]
    while max(sizes[-1]) > 1:
        sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
    for _ in range(shape[0]):
        grids = [stream.symbols(np.array([450])).reshape(1, 1, 1)]
        for level in reversed(range(len(sizes) - 1)):
            parents = np.pad(grids[0], 1)
            finer = np.zeros([2 * n + 2 for n in grids[0].shape], np.int64)  # with one more voxel on each side
            said = None if before is None else np.pad(before[level], 1)
            for child in range(8):
                bits = np.array([child >> 2 & 1, child >> 1 & 1, child & 1])
                up = np.argwhere(grids[0])
                at = 2 * up + bits
                inside = (at < sizes[level]).all(axis=1)
                up, at = up[inside] + 1, at[inside] + 1
                known = unknown = here = 0
                for step, bit in zip(np.eye(3, dtype=int), bits, strict=True):
                    if bit:  # both neighbours are coded already: one is of the same parent, one of the next
                        known = known + finer[tuple((at + step).T)] + finer[tuple((at - step).T)]
                    else:
                        unknown = unknown + parents[tuple((up - step).T)]
                    if said is not None:
                        here = here + said[tuple((at + step).T)] + said[tuple((at - step).T)]
                told = 14 if said is None else here + 7 * said[tuple(at.T)]
                pairs = int(bits.sum())
                context = ((0, 4, 13, 23)[pairs] + known * (4 - pairs) + unknown) * 15 + told
                finer[tuple(at.T)] = stream.symbols(context)
            grids.insert(0, finer[tuple(slice(1, n + 1) for n in sizes[level])])
        before = grids
        frames.append(grids[0])
    return np.array(frames, bool)
