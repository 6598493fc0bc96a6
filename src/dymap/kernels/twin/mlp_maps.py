"""MLP maps: every cell of three 2D grids holds a tiny MLP (method.md 3).

Samples are sorted by the cell of their projection and padded to blocks, so that every block is one small matrix
product against the networks around that cell: two batched products a plane, whatever the number of networks.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dymap.kernels.twin.planes import PLANE_AXES

BLOCK = 32  # samples in a block: half of it is wasted on average in every visited cell


class CellWeights(NamedTuple):
    """The blended networks of every cell, ready for `mlp_maps`.

    first: [3, cells, K, M * H], second: [3, cells, M * H, 3], where M networks (4 with overlap, 1 without) meet in a
    cell, K = features + view and H = hidden. size: cells along an axis.
    """

    first: Tensor
    second: Tensor
    size: int
    overlap: bool


def locate(position: Tensor, size: int, overlap: bool) -> tuple[Tensor, Tensor]:
    """Cells and corner weights of points on a map of size x size networks.

    position: [N, 2] in [0, 1] (first axis = row, second = column).
    Overlap: cell of (size - 1)^2, weights [N, 4] of the corners (0,0), (0,1), (1,0), (1,1).
    Without: cell of size^2, weights [N, 1]. Returns cell [N] int64 and weights.
    """
    if not overlap:
        cell = (position * size).long().clamp_(0, size - 1)
        return cell[:, 0] * size + cell[:, 1], position.new_ones(len(position), 1)
    grid = position * (size - 1)
    cell = grid.long().clamp_(0, max(size - 2, 0))
    f = (grid - cell).clamp_(0, 1)
    weight = torch.stack([(1 - f[:, 0]) * (1 - f[:, 1]), (1 - f[:, 0]) * f[:, 1], f[:, 0] * (1 - f[:, 1]), f[:, 0] * f[:, 1]], 1)
    return cell[:, 0] * (size - 1) + cell[:, 1], weight


def cell_weights(first: Tensor, second: Tensor, size: int, overlap: bool) -> CellWeights:
    """Put the networks that meet in a cell side by side, so that one product evaluates them all.

    first: [3, S * S, K, H]; second: [3, S * S, H, 3].
    """
    if not overlap:
        return CellWeights(first, second, size, overlap)

    def around(networks: Tensor, dim: int) -> Tensor:
        grid = networks.reshape(3, size, size, *networks.shape[2:])
        corners = [grid[:, a : size - 1 + a, b : size - 1 + b].flatten(1, 2) for a in (0, 1) for b in (0, 1)]
        return torch.cat(corners, dim=dim)

    return CellWeights(around(first, -1), around(second, -2), size, overlap)


def mlp_maps(inputs: Tensor, position: Tensor, networks: CellWeights) -> Tensor:
    """Blended outputs of the tiny MLPs before the sigmoid, summed over the three planes.

    inputs: [N, K] features and view embedding; position: [N, 3] in box coordinates. Returns [N, 3].
    Gradients flow to inputs and networks, not to position.
    """
    position = position.detach().clamp(0, 1)
    out = inputs.new_zeros(len(inputs), 3)
    if len(inputs) == 0:
        return out
    for plane, axes in enumerate(PLANE_AXES):
        cell, weight = locate(position[:, list(axes)], networks.size, networks.overlap)
        out = out + _plane(inputs, cell, weight, networks.first[plane], networks.second[plane])
    return out


def _plane(inputs: Tensor, cell: Tensor, weight: Tensor, first: Tensor, second: Tensor) -> Tensor:
    source, block_cell = blocks(cell, len(first))  # [B, BLOCK], [B]
    filled = source.clamp(min=0)
    x = inputs.index_select(0, filled.reshape(-1)).reshape(*source.shape, -1)
    blend = weight[filled] * (source >= 0)[..., None]  # padding weighs nothing
    hidden = torch.relu(torch.bmm(x, first.index_select(0, block_cell)))  # [B, BLOCK, M * H]
    hidden = (hidden.unflatten(-1, (blend.shape[-1], -1)) * blend[..., None]).flatten(-2)
    out = torch.bmm(hidden, second.index_select(0, block_cell))  # [B, BLOCK, 3]
    slots = torch.nonzero(source.reshape(-1) >= 0)[:, 0]
    place = torch.empty_like(slots)
    place[source.reshape(-1)[slots]] = slots  # where each sample sits
    return out.reshape(-1, 3).index_select(0, place)


def blocks(cell: Tensor, cells: int, size: int = BLOCK) -> tuple[Tensor, Tensor]:
    """Group samples by cell into blocks of `size`, the last block of a cell padded with -1.

    cell: [N] int64 in [0, cells). Returns sample indices [B, size] and the cell of each block [B].
    """
    order = torch.sort(cell.int(), stable=True)[1]
    counts = torch.bincount(cell, minlength=cells)
    per_cell = torch.div(counts + size - 1, size, rounding_mode="floor")
    block_start = torch.cumsum(per_cell, 0) - per_cell
    sample_start = torch.cumsum(counts, 0) - counts
    sorted_cell = cell[order]
    rank = torch.arange(len(cell), device=cell.device) - sample_start[sorted_cell]
    source = torch.full((int(per_cell.sum()) * size,), -1, dtype=torch.int64, device=cell.device)
    source[block_start[sorted_cell] * size + rank] = order
    block_cell = torch.repeat_interleave(torch.arange(cells, device=cell.device), per_cell)
    return source.reshape(-1, size), block_cell
