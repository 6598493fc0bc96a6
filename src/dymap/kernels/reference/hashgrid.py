"""Multiresolution hash grids over (a, b, t), and their exact collapse to 2D at one time (method.md 2)."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.gather import gather_sum
from dymap.kernels.reference.planes import ALL_PLANES, PLANE_AXES, Vertices, corners, pieces

PRIMES = (1, 2654435761, 805459861)


@dataclass(frozen=True)
class HashLevels:
    """Sizes of one table: `levels` resolutions from `base` to `finest`, at most 2^log2_size entries a level."""

    levels: int
    log2_size: int
    base: int
    finest: int

    @cached_property
    def growth_log2(self) -> float:
        """log2 of the growth between levels, float64: rounding it to float32 changes three of the full resolutions."""
        return math.log2(self.finest / self.base) / max(self.levels - 1, 1)

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Cells along an axis of [0, 1] at each level, as float32 holds them."""
        return tuple(float(np.float32(self.base * 2.0 ** (l * self.growth_log2) - 1)) for l in range(self.levels))

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        return tuple(math.ceil(scale) + 1 for scale in self.scales)

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """Entries of each level."""
        return tuple(min(2**self.log2_size, resolution**3) for resolution in self.resolutions)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """[L + 1] running sums of `lengths`."""
        return tuple(int(v) for v in np.concatenate([[0], np.cumsum(self.lengths)]))

    @cached_property
    def plane_offsets(self) -> tuple[int, ...]:
        """[L + 1] running sums of resolution^2: where each level starts in a table collapsed by `collapse_time`."""
        return tuple(int(v) for v in np.concatenate([[0], np.cumsum([r * r for r in self.resolutions])]))

    def index(self, level: int, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """Entry (int64, within the whole table) of integer grid vertices: dense if the level fits, hashed else."""
        resolution, length = self.resolutions[level], self.lengths[level]
        if resolution**3 <= length:
            entry = x + y * resolution + z * resolution**2
        else:
            # In uint32 arithmetic: the products are masked to 32 bits, where xor and modulo agree with it.
            entry = x ^ (y * PRIMES[1] & 0xFFFFFFFF) ^ (z * PRIMES[2] & 0xFFFFFFFF)
        return entry % length + self.offsets[level]


def _roundtrip(u: Tensor) -> Tensor:
    """u -> [-1, 1] -> [0, 1] in float32, as the published implementation does."""
    return ((2 * u - 1) + 1) / 2


def _smoothstep(fraction: Tensor) -> Tensor:
    return fraction * fraction * (3 - 2 * fraction)


def _cells(u: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Lower grid vertex (int64) and smoothstepped weights [..., 2] of both vertices along each axis."""
    position = u * scale
    cell = position.floor()
    upper = _smoothstep(position - cell)
    return cell.long(), torch.stack([1 - upper, upper], dim=-1)


def hash_encode(coords: Tensor, table: Tensor, levels: HashLevels) -> Tensor:
    """Features of points in one 3D table.

    coords: [N, 3], inside [0, 1]; table: [levels.offsets[-1], F]. Returns [N, L * F], channel = level * F + f;
    zeros on all levels if a coordinate leaves [0, 1]. No gradient flows to coords.
    """
    coords = coords.detach()
    inside = ((coords >= 0) & (coords <= 1)).all(dim=-1)
    u = _roundtrip(torch.where(inside[:, None], coords, 0))
    steps = torch.tensor([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]])
    steps = steps.to(coords.device)
    out = []
    for level, scale in enumerate(levels.scales):
        cell, side = _cells(u, scale)
        x, y, z = (cell[:, None, :] + steps).unbind(-1)  # [N, 8] each
        weight = side[:, 0, steps[:, 0]] * side[:, 1, steps[:, 1]] * side[:, 2, steps[:, 2]]
        out.append(gather_sum(table, levels.index(level, x, y, z).int(), weight * inside[:, None]))
    return torch.cat(out, dim=-1)


@operation
def hash_encode_3d(
    tables: Sequence[Tensor], levels: HashLevels, t: float, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """Sum of the features of three tables (xyt, xzt, yzt), or of those in `which`, each point looked up in 3D.

    tables: three of [levels.offsets[-1], F]; position: [N, 3] in box coordinates. Returns [N, L * F].
    """
    time = position.new_full((len(position), 1), t)
    encoded = [
        hash_encode(torch.cat([position[:, list(PLANE_AXES[plane])], time], dim=1), tables[plane], levels)
        for plane in which
    ]
    return functools.reduce(torch.add, encoded)


@operation
def collapse_time(tables: Sequence[Tensor], levels: HashLevels, t: float) -> Tensor:
    """Tables of the same sizes at one time: every level becomes the 2D grid of its vertices, interpolated in t once
    (exact).

    tables: K of [levels.offsets[-1], F]; t in [0, 1]. Returns [K, levels.plane_offsets[-1], F]; vertex (x, y) of a
    level is row x + y * resolution.
    A backward pass returns gradients of the tables' size, or adds to those that `keep_gradient` has made.
    """
    device = tables[0].device
    time = _roundtrip(torch.tensor(t, dtype=tables[0].dtype))
    index, weight = [], []
    for level, (scale, resolution) in enumerate(zip(levels.scales, levels.resolutions, strict=True)):
        cell, side = _cells(time, scale)
        y, x = torch.meshgrid(*[torch.arange(resolution, device=device)] * 2, indexing="ij")
        z = torch.stack([cell, cell + 1]).to(device)
        entry = levels.index(level, x.reshape(-1, 1), y.reshape(-1, 1), z)  # [resolution^2, 2]
        index.append(entry.int())
        weight.append(side.to(tables[0]).expand(len(entry), 2))
    entries, sides = torch.cat(index), torch.cat(weight)
    return torch.stack([gather_sum(table, entries, sides) for table in tables])


def keep_gradient(table: Tensor) -> None:
    """Give a table (a leaf) a `.grad` of zeros that backward passes of `collapse_time` add to in place, in back ends
    that can: a step touches a few entries of it, and another tensor of its size would cost more than that.

    `torch.autograd.grad` finds no gradient of such a table: it was added to `.grad`.
    """
    table.grad = torch.zeros_like(table)
    table.keeps_gradient = True  # type: ignore[attr-defined]


@operation
@torch.no_grad()
def collapse_time_into(
    out: Tensor, before: Tensor | None, tables: Sequence[Tensor], levels: HashLevels, t: float, footprint: Tensor
) -> Tensor:
    """`collapse_time` into memory that is used again, right at least around the footprint; without gradients.

    footprint: [K, P, P] bool, pixels of planes over [0, 1] (row = second axis): vertices are right up to a pixel's
    distance from one of them, and may be zero elsewhere. before: the footprint that `out` was written for last, None if
    it is all zeros. Returns out [K, levels.plane_offsets[-1], F].
    """
    del before, footprint  # a back end saves work by them
    return out.copy_(collapse_time(tables, levels, t))


@operation
def hash_encode_at(position: Tensor, grids: Tensor, levels: HashLevels, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """Sum of the features of the three collapsed tables (xyt, xzt, yzt), or of those in `which`, at points.

    position: [N, 3], inside [0, 1]; grids: [3, levels.plane_offsets[-1], F] from `collapse_time`.
    Returns [N, L * F]. A table gives zeros if one of its two coordinates leaves [0, 1].
    """
    position = position.detach()
    rows, features = grids.shape[1:]
    used = {axis for plane in which for axis in PLANE_AXES[plane]}
    corner_count = 4 * len(which)
    shape = (len(position), levels.levels * corner_count)
    index = torch.empty(shape, dtype=torch.int32, device=position.device)
    weight = position.new_empty(index.shape)
    for part in pieces(len(position)):
        axes = {}
        for axis in used:
            coordinate = position[part, axis].contiguous()
            inside = (coordinate >= 0) & (coordinate <= 1)
            axes[axis] = (inside, _roundtrip(torch.where(inside, coordinate, 0)))
        for level, (scale, resolution) in enumerate(zip(levels.scales, levels.resolutions, strict=True)):
            around = {axis: _vertices(u, inside, scale, resolution) for axis, (inside, u) in axes.items()}
            for number, plane in enumerate(which):
                first, second = PLANE_AXES[plane]
                base = plane * rows + levels.plane_offsets[level]
                place = corner_count * level + 4 * number
                corners(index[part], weight[part], place, base, around[first], around[second], resolution)
    out = gather_sum(grids.reshape(-1, features), index.reshape(-1, corner_count), weight.reshape(-1, corner_count))
    return out.reshape(len(position), levels.levels * features)


def _vertices(u: Tensor, inside: Tensor, scale: float, resolution: int) -> Vertices:
    """Vertices around coordinates [N] of one level; all weights are zero outside."""
    x = u * scale
    cell = x.floor()
    upper = torch.where(inside, _smoothstep(x - cell), 0)
    lower = cell.int()
    return Vertices(lower, (lower + 1).clamp_(max=resolution - 1), inside.to(u.dtype) - upper, upper)
