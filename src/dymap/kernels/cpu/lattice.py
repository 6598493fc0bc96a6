"""Densities on lattices, and sums over them that come with their slopes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import core_levels, cpu, plain
from dymap.kernels.cpu.encoding import encoded
from dymap.kernels.reference import lattice as reference
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.lattice import plane_points
from dymap.kernels.reference.planes import ALL_PLANES, PLANE_AXES


@cpu.implements(reference.density_lattice)
def density_lattice(planes: Tensor, grids: Tensor, levels: HashLevels, lines: Sequence[Tensor]) -> Tensor:
    return _DensityLattice.apply(planes, grids, levels, *(plain(line) for line in lines))


class _DensityLattice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, grids: Tensor, levels: HashLevels, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        lines = (x, y, z)
        points = [plane_points(lines, plane) for plane in ALL_PLANES]
        ab, ac, bc = (
            encoded(planes, grids, levels, points[plane], 1 << plane).view(len(lines[a]), len(lines[b]), -1)
            for plane, (a, b) in enumerate(PLANE_AXES)
        )
        sigma = x.new_empty(len(x), len(y), len(z))
        _core.density_lattice(ab, ac, bc, sigma, torch.get_num_threads())
        ctx.save_for_backward(planes, grids, *points, ab, ac, bc)
        ctx.levels = levels
        return sigma

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        planes, grids, *points, ab, ac, bc = ctx.saved_tensors
        d_ab, d_ac, d_bc = gradients = [torch.empty_like(part) for part in (ab, ac, bc)]
        threads = torch.get_num_threads()
        _core.density_lattice_backward(ab, ac, bc, plain(grads[0]), d_ab, d_ac, d_bc, threads)
        d_planes, d_grids = planes.new_zeros(planes.shape), grids.new_zeros(grids.shape)
        held = core_levels(ctx.levels, grids.shape[2])
        for plane, at, gradient in zip(ALL_PLANES, points, gradients, strict=True):
            _core.encode_backward(d_planes, d_grids, held, 1 << plane, at, gradient.view(len(at), -1), threads)
        return d_planes, d_grids, None, None, None, None


@cpu.implements(reference.opacity_sum)
def opacity_sum(sigma: Tensor, mask: Tensor, length: float) -> Tensor:
    mask = mask.contiguous()
    return _Sum.apply(sigma, lambda s, slope, n: _core.opacity_sum(s, mask, length, slope, n))


@cpu.implements(reference.total_variation)
def total_variation(sigma: Tensor, length: float) -> Tensor:
    if not sigma.numel():
        return reference.total_variation.reference(sigma, length)
    return _Sum.apply(sigma, lambda s, slope, n: _core.total_variation(s, length, slope, n))


class _Sum(torch.autograd.Function):
    """A sum over densities that comes with its slopes: compute(sigma, slope, threads) returns it and fills them."""

    @staticmethod
    def forward(ctx: Any, sigma: Tensor, compute: Callable[[Tensor, Tensor, int], float]) -> Tensor:
        slope = torch.empty(sigma.shape)
        total = compute(plain(sigma), slope, torch.get_num_threads())
        ctx.save_for_backward(slope)
        return sigma.new_tensor(total)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (slope,) = ctx.saved_tensors
        return slope * grads[0], None


@cpu.implements(reference.max_pool)
def max_pool(grid: Tensor) -> Tensor:
    grid = plain(grid)
    out = torch.empty_like(grid)
    _core.max_pool(grid, out, torch.get_num_threads())
    return out
