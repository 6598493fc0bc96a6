"""ONNX files of strangers: they are looked through before a library loads them.

A network may keep its weights in other files, which it names: it could name any file. Only files are taken that hold
all their weights. ONNX is a protobuf (onnx.proto3): messages of fields, each a tag with its number and kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dymap.errors import InputError
from dymap.files import read_regular

MAX_BYTES = 2**31 - 1
"""No protobuf is larger."""
MAX_FIELDS = 20_000_000
DEEPEST = 32

TENSOR, SPARSE = "tensor", "sparse"
INSIDE = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: TENSOR, 15: SPARSE},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: TENSOR, 6: "graph", 10: TENSOR, 11: "graph", 22: SPARSE, 23: SPARSE},
    SPARSE: {1: TENSOR, 2: TENSOR},
    TENSOR: {},
}
"""Which fields of a message hold messages in which a tensor may be."""
EXTERNAL_DATA, DATA_LOCATION = 13, 14
"""Fields of a tensor. A location of 0 is the file itself."""
LARGEST_TAG = 2**32 - 1
"""Libraries cut tags to 32 bits, or refuse larger ones: they would see another field than is seen here."""


def read_network(path: Path) -> bytes:
    """The file, if it is an ONNX model that holds all its weights. Raises InputError that names it."""
    try:
        data = read_regular(path, MAX_BYTES, "networks")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; --model takes a network as an ONNX file") from None
    try:
        external = _has_external(memoryview(data))
    except (ValueError, IndexError, RecursionError) as error:
        raise InputError(f"{path}: not an ONNX file, or damaged ({error})") from None
    if external:
        raise InputError(
            f"{path}: its weights are in other files, which are not read; save the network as one file: "
            "onnx.save(onnx.load(PATH), OUT, save_as_external_data=False)"
        )
    return data


def _has_external(data: memoryview) -> bool:
    """Whether any tensor of a model keeps its values elsewhere. Raises ValueError and IndexError for broken data."""
    left, graphs, count = [("model", data, 0)], 0, 0
    while left:
        kind, message, depth = left.pop()
        if depth > DEEPEST:
            raise ValueError("graphs in graphs without end")
        for number, value in _fields(message):
            count += 1
            if count > MAX_FIELDS:
                raise ValueError("more fields than any network has")
            if kind == TENSOR and (number == EXTERNAL_DATA or (number == DATA_LOCATION and value != 0)):
                return True
            if (inner := INSIDE[kind].get(number)) and isinstance(value, memoryview):
                graphs += inner == "graph"
                left.append((inner, value, depth + 1))
    if not graphs:
        raise ValueError("it holds no graph")
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Numbers and values of a message's fields: whole numbers, or bytes."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        if tag > LARGEST_TAG:
            raise ValueError(f"byte {place} begins no field")
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, place = _varint(message, place)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length, place = _varint(message, place)
        if length is None or number == 0:
            raise ValueError(f"byte {place} begins no field")
        if place + length > len(message):
            raise ValueError("it ends too early")
        yield number, message[place : place + length]
        place += length


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        byte = message[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number without end")
