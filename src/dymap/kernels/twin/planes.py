"""Bilinear samples of the three axis planes (method.md 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from dymap.kernels.twin.gather import gather_sum

# Axis pairs of the planes xy, xz, yz: (first axis = column, second axis = row).
PLANE_AXES = ((0, 1), (0, 2), (1, 2))


def sample_planes(planes: Tensor, position: Tensor) -> Tensor:
    """Sum over the planes xy, xz, yz of bilinear samples; corners aligned, zeros outside.

    planes: [3, P, P, C] (plane, row = second axis, column = first axis, channel); position: [N, 3] in box
    coordinates, [0, 1] inside. Returns [N, C]. No gradient flows to positions.
    """
    rows, columns, channels = planes.shape[1:]
    position = position.detach()
    index = torch.empty(len(position), 12, dtype=torch.int32, device=position.device)
    weight = position.new_empty(len(position), 12)
    lines = {}  # (axis, length) -> vertices and weights; rows and columns differ only for planes that are not square
    for plane, (first, second) in enumerate(PLANE_AXES):
        for axis, length in ((first, columns), (second, rows)):
            if (axis, length) not in lines:
                lines[axis, length] = _vertices(position[:, axis], length)
        (i, u), (j, v) = lines[first, columns], lines[second, rows]
        corners = slice(4 * plane, 4 * plane + 4)
        index[:, corners] = (plane * rows * columns + j[:, :, None] * columns + i[:, None, :]).flatten(1)
        weight[:, corners] = (v[:, :, None] * u[:, None, :]).flatten(1)
    return gather_sum(planes.reshape(-1, channels), index, weight)


def _vertices(coordinate: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """The two grid vertices around a coordinate [N] in [0, 1], int32 [N, 2], and their weights [N, 2]; zero outside."""
    x = coordinate * (length - 1)
    lower = x.floor()
    fraction = x - lower
    vertex = torch.stack([lower, lower + 1], dim=1)
    inside = (vertex >= 0) & (vertex <= length - 1)
    return torch.where(inside, vertex, 0).int(), torch.stack([1 - fraction, fraction], dim=1) * inside
