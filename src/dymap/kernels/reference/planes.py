"""Bilinear samples of the three axis planes (method.md 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.gather import gather_sum

# Axis pairs of the planes xy, xz, yz: (first axis = column, second axis = row).
PLANE_AXES = ((0, 1), (0, 2), (1, 2))
ALL_PLANES = (0, 1, 2)


@operation
def sample_planes(planes: Tensor, position: Tensor, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """Sum over the planes xy, xz, yz, or over those in `which`, of bilinear samples; corners aligned, zeros outside.

    planes: [3, P, P, C] (plane, row = second axis, column = first axis, channel); position: [N, 3] in box
    coordinates, [0, 1] inside. Returns [N, C]. No gradient flows to positions.
    """
    rows, columns, channels = planes.shape[1:]
    position = position.detach()
    axes = [PLANE_AXES[plane] for plane in which]
    index = torch.empty(len(position), 4 * len(axes), dtype=torch.int32, device=position.device)
    weight = position.new_empty(index.shape)
    for part in pieces(len(position)):
        as_column = {axis: _vertices(position[part, axis].contiguous(), columns) for axis in {a for a, _ in axes}}
        as_row = {axis: _vertices(position[part, axis].contiguous(), rows) for axis in {b for _, b in axes}}
        for place, (plane, (first, second)) in enumerate(zip(which, axes, strict=True)):
            base = plane * rows * columns
            corners(index[part], weight[part], 4 * place, base, as_column[first], as_row[second], columns)
    return gather_sum(planes.reshape(-1, channels), index, weight)


def pieces(count: int, size: int = 4096) -> list[slice]:
    """Runs of samples whose corners stay in the cache while they are written."""
    return [slice(start, start + size) for start in range(0, count, size)]


class Vertices(NamedTuple):
    """The two grid vertices around coordinates [N]: int32 [N] each, and their weights [N]."""

    lower: Tensor
    upper: Tensor
    lower_weight: Tensor
    upper_weight: Tensor


def _vertices(coordinate: Tensor, length: int) -> Vertices:
    """Vertices around a coordinate in [0, 1] on `length` vertices; those outside weigh nothing."""
    x = coordinate * (length - 1)
    lower = x.floor()
    fraction = x - lower
    vertex = lower.clamp(-2, length).int()
    return Vertices(
        vertex.clamp(0, length - 1),
        (vertex + 1).clamp_(0, length - 1),
        torch.where((vertex >= 0) & (vertex < length), 1 - fraction, 0),
        torch.where((vertex >= -1) & (vertex < length - 1), fraction, 0),
    )


def corners(index: Tensor, weight: Tensor, place: int, base: int, column: Vertices, row: Vertices, stride: int) -> None:
    """Write the four corners of a bilinear sample into columns place .. place + 3 of index and weight [N, K].

    Column by column, so that every operation runs along the samples.
    """
    for b, (j, v) in enumerate(((row.lower, row.lower_weight), (row.upper, row.upper_weight))):
        start = j * stride + base
        for a, (i, u) in enumerate(((column.lower, column.lower_weight), (column.upper, column.upper_weight))):
            torch.add(start, i, out=index[:, place + 2 * b + a])
            torch.mul(v, u, out=weight[:, place + 2 * b + a])
