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
    size = position.new_tensor([columns - 1, rows - 1])
    axes = torch.tensor(PLANE_AXES, device=position.device)
    grid = position[:, axes] * size  # [N, 3, 2] column, row
    cell = grid.floor()
    fraction = grid - cell
    corner = torch.stack([cell, cell + 1], dim=-1)  # [N, 3, 2, 2] (axis, side)
    inside = (corner >= 0) & (corner <= size[:, None])
    weight = torch.stack([1 - fraction, fraction], dim=-1) * inside
    corner = torch.where(inside, corner, 0).int()
    base = torch.arange(3, device=position.device, dtype=torch.int32)[:, None, None] * (rows * columns)
    index = base + corner[:, :, 1, :, None] * columns + corner[:, :, 0, None, :]  # [N, 3, 2, 2]
    weights = weight[:, :, 1, :, None] * weight[:, :, 0, None, :]
    table = planes.reshape(-1, channels)
    return gather_sum(table, index.reshape(-1, 12), weights.reshape(-1, 12))
