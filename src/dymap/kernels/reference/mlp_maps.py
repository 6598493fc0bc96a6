"""MLP maps: every cell of three 2D grids holds a tiny MLP (method.md 3).

Samples are sorted by the cell of their projection and padded to blocks, so that every block is one small matrix
product against the networks around that cell: two batched products a plane, whatever the number of networks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.planes import PLANE_AXES

PIECE = 4096
"""Samples worked on at once."""


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
    weight = torch.stack(
        [(1 - f[:, 0]) * (1 - f[:, 1]), (1 - f[:, 0]) * f[:, 1], f[:, 0] * (1 - f[:, 1]), f[:, 0] * f[:, 1]], 1
    )
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


@operation
def mlp_maps(features: Tensor, views: Tensor, ray: Tensor | None, position: Tensor, networks: CellWeights) -> Tensor:
    """Blended outputs of the tiny MLPs before the sigmoid, summed over the three planes.

    features: [N, C]; views: [R, V] embedded viewing direction of rays; ray: [N] which of them a sample is on, None:
    sample i on ray i; position: [N, 3] in box coordinates. K = C + V. Returns [N, 3]. Gradients flow to features
    and networks only.
    """
    views = views.detach()
    inputs = torch.cat([features, views if ray is None else views.index_select(0, ray)], dim=1)
    position = position.detach().clamp(0, 1)
    out = inputs.new_zeros(len(inputs), 3)
    if len(inputs) == 0:
        return out
    for plane, axes in enumerate(PLANE_AXES):
        cell, weight = locate(position[:, list(axes)], networks.size, networks.overlap)
        out = out + _Plane.apply(inputs, cell, weight, networks.first[plane], networks.second[plane])
    return out


class _Plane(torch.autograd.Function):
    """One map. Works through the blocks in pieces that stay in the cache, and again, rather than from memory, in the
    backward pass: hidden layers are wide and cheap."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, cell: Tensor, weight: Tensor, first: Tensor, second: Tensor) -> Tensor:
        source, block_cell = blocks(cell, len(first))
        ctx.save_for_backward(inputs, weight, first, second, source, block_cell)
        wide = _widen(second, weight.shape[1])
        slots = inputs.new_empty(source.numel(), 3)
        for part in _pieces(source):
            index, cells = source[part].clamp(min=0), block_cell[part]
            x = _rows(inputs, index)
            hidden = torch.bmm(x, first.index_select(0, cells)).relu_()
            outputs = torch.bmm(hidden, wide.index_select(0, cells))
            blended = (outputs.unflatten(-1, (-1, 3)) * _rows(weight, index)[..., None]).sum(-2)
            slots.view(*source.shape, 3)[part] = blended
        return slots.index_select(0, _places(source, len(inputs)))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight, first, second, source, block_cell = ctx.saved_tensors
        wide = _widen(second, weight.shape[1])
        grad_slots = inputs.new_empty(source.numel(), inputs.shape[1])
        grad_first, grad_wide = torch.zeros_like(first), torch.zeros_like(wide)
        for part in _pieces(source):
            index, cells = source[part].clamp(min=0), block_cell[part]
            x = _rows(inputs, index)
            first_here, wide_here = first.index_select(0, cells), wide.index_select(0, cells)
            hidden = torch.bmm(x, first_here).relu_()
            blend = _rows(weight, index) * (source[part] >= 0)[..., None]  # padding weighs nothing
            grad_outputs = (blend[..., None] * _rows(grads[0], index)[..., None, :]).flatten(-2)
            grad_wide.index_add_(0, cells, torch.bmm(hidden.transpose(1, 2), grad_outputs))
            grad_hidden = torch.bmm(grad_outputs, wide_here.transpose(1, 2)).mul_(hidden > 0)
            grad_first.index_add_(0, cells, torch.bmm(x.transpose(1, 2), grad_hidden))
            grad_x = grad_slots.view(*source.shape, inputs.shape[1])[part]
            torch.bmm(grad_hidden, first_here.transpose(1, 2), out=grad_x)
        grad_inputs = grad_slots.index_select(0, _places(source, len(inputs)))
        return grad_inputs, None, None, grad_first, _narrow(grad_wide, weight.shape[1])


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """table[index] for index [B, size]; faster than advanced indexing."""
    return table.index_select(0, index.reshape(-1)).view(*index.shape, -1)


def _widen(second: Tensor, networks: int) -> Tensor:
    """[cells, M * H, 3] -> [cells, M * H, M * 3], block-diagonal: outputs of the M networks side by side."""
    split = second.unflatten(1, (networks, -1))
    wide = split.new_zeros(*split.shape[:3], networks, 3)
    for m in range(networks):
        wide[:, m, :, m] = split[:, m]
    return wide.flatten(1, 2).flatten(2, 3)


def _narrow(wide: Tensor, networks: int) -> Tensor:
    """The diagonal blocks of `_widen`: its transpose."""
    split = wide.unflatten(2, (networks, 3)).unflatten(1, (networks, -1))
    return torch.stack([split[:, m, :, m] for m in range(networks)], dim=1).flatten(1, 2)


def _pieces(source: Tensor) -> list[slice]:
    """Runs of blocks, PIECE samples each."""
    step = max(1, PIECE // source.shape[1])
    return [slice(start, start + step) for start in range(0, len(source), step)]


def _places(source: Tensor, count: int) -> Tensor:
    """[count] slot of each sample in the blocks."""
    flat = source.reshape(-1)
    slots = torch.nonzero(flat >= 0)[:, 0]
    places = torch.empty(count, dtype=torch.int64, device=source.device)
    places[flat[slots]] = slots
    return places


def blocks(cell: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Group samples by cell into blocks of equal size, the last block of a cell padded with -1.

    cell: [N] int64 in [0, cells). Returns sample indices [B, size] and the cell of each block [B]. The size grows
    with the samples in a cell, half a block being wasted on average in every one.
    """
    size = next(s for s in (16, 32, 64, 128) if s == 128 or len(cell) < 8 * s * cells)
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
