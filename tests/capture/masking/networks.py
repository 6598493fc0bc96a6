"""Tiny networks as ONNX files, written by hand: a field of a protobuf is a tag, a length and its bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLOAT, UINT8 = 1, 2
Size = Sequence[int | str]


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def tensor(name: str, values: np.ndarray, more: bytes = b"") -> bytes:
    dims = b"".join(field(1, size) for size in values.shape)
    return dims + field(2, FLOAT) + field(8, name) + (more or field(9, values.astype("<f4").tobytes()))


def whole_numbers(name: str, values: Sequence[int]) -> bytes:
    return field(1, len(values)) + field(2, 7) + field(8, name) + field(9, np.array(values, "<i8").tobytes())


def value(name: str, kind: int, size: Size) -> bytes:
    dims = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in size)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def node(op: str, inputs: Sequence[str], output: str, attributes: bytes = b"") -> bytes:
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, op) + attributes


def network(
    weights: Sequence[Sequence[float]],
    bias: Sequence[float],
    size: Size = (1, 3, "h", "w"),
    last: str = "",
    opset: int = 13,
    kind: int = FLOAT,
    external: bool = False,
    inputs: Sequence[str] = ("image",),
    stride: int = 1,
) -> bytes:
    """A network whose C outputs are linear in the colours. weights: [C, 3]. last: an operation behind, `Sigmoid`.
    stride: it looks at every so manieth pixel."""
    W, b = np.array(weights, np.float32), np.array(bias, np.float32)
    nodes = []
    first = "image"
    bounds = b""
    if stride > 1:
        axes = [1, 2] if size[1] != 3 else [2, 3]
        for name, numbers in {"from": [0, 0], "to": [9999, 9999], "axes": axes, "by": [stride, stride]}.items():
            bounds += field(5, whole_numbers(name, numbers))
        nodes.append(node("Slice", [first, "from", "to", "axes", "by"], "fewer"))
        first = "fewer"
    if kind == UINT8:
        nodes.append(node("Cast", ["image"], "floats", field(5, field(1, "to") + field(3, FLOAT) + field(20, 2))))
        first = "floats"
    if size[1] == 3:
        W = W[:, :, None, None]
        nodes.append(node("Conv", [first, "W", "b"], "values"))
        out: Size = (1, len(b), "h", "w")
    else:
        W = W.T
        nodes += [node("MatMul", [first, "W"], "product"), node("Add", ["product", "b"], "values")]
        out = (1, "h", "w", len(b))
    nodes.append(node(last or "Identity", ["values"], "out"))
    weight = tensor(
        "W", W, field(13, field(1, "location") + field(2, "/etc/passwd")) + field(14, 1) if external else b""
    )
    graph = b"".join(field(1, one) for one in nodes) + field(2, "tiny")
    graph += field(5, weight) + field(5, tensor("b", b)) + bounds
    graph += b"".join(field(11, value(name, kind, size)) for name in inputs) + field(12, value("out", FLOAT, out))
    return field(1, 8) + field(7, graph) + field(8, field(2, opset))


RED = [[1.0, -1.0, 0.0]]
"""More red than green is foreground."""
