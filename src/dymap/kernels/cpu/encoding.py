"""Encodings of points within a frame, and densities, forward and backward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import bits, core_levels, cpu, plain
from dymap.kernels.reference import encoding as reference
from dymap.kernels.reference import hashgrid as hashgrid_reference
from dymap.kernels.reference import planes as planes_reference
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.planes import ALL_PLANES


@cpu.implements(reference.encode)
def encode(
    planes: Tensor | None, grids: Tensor | None, levels: HashLevels, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    return _Encode.apply(planes, grids, levels, plain(position), bits(which))


@cpu.implements(reference.density)
def density(planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
    return _Density.apply(planes, grids, levels, plain(position))


@cpu.implements(planes_reference.sample_planes)
def sample_planes(planes: Tensor, position: Tensor, which: Sequence[int] = ALL_PLANES) -> Tensor:
    return _Encode.apply(planes, None, None, plain(position), bits(which))


@cpu.implements(hashgrid_reference.hash_encode_at)
def hash_encode_at(position: Tensor, grids: Tensor, levels: HashLevels, which: Sequence[int] = ALL_PLANES) -> Tensor:
    return _Encode.apply(None, grids, levels, plain(position), bits(which))


def encoded(
    planes: Tensor | None, grids: Tensor | None, levels: HashLevels | None, position: Tensor, which: int
) -> Tensor:
    held = None if grids is None or levels is None else core_levels(levels, grids.shape[2])
    channels = 0
    if planes is not None:
        channels = planes.shape[3]
    elif grids is not None and levels is not None:
        channels = levels.levels * grids.shape[2]
    out = position.new_empty(len(position), channels)
    planes, grids = (None if t is None else plain(t) for t in (planes, grids))
    _core.encode(planes, grids, held, which, position, out, torch.get_num_threads())
    return out


def _spread(
    planes: Tensor | None,
    grids: Tensor | None,
    levels: HashLevels | None,
    position: Tensor,
    which: int,
    gradient: Tensor,
) -> tuple[Tensor | None, Tensor | None]:
    """Gradients of planes and grids from that of the encoding; both tensors only give their shapes."""
    d_planes, d_grids = (None if t is None else t.new_zeros(t.shape) for t in (planes, grids))
    if d_planes is None and d_grids is None:
        return None, None
    held = None if d_grids is None or levels is None else core_levels(levels, d_grids.shape[2])
    _core.encode_backward(d_planes, d_grids, held, which, position, gradient, torch.get_num_threads())
    return d_planes, d_grids


class _Encode(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, planes: Tensor | None, grids: Tensor | None, levels: HashLevels | None, position: Tensor, which: int
    ) -> Tensor:
        ctx.save_for_backward(planes, grids, position)
        ctx.levels, ctx.which = levels, which
        return encoded(planes, grids, levels, position, which)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        planes, grids, position = ctx.saved_tensors
        planes, grids = (t if need else None for t, need in zip((planes, grids), ctx.needs_input_grad, strict=False))
        return (*_spread(planes, grids, ctx.levels, position, ctx.which, plain(grads[0])), None, None, None)


class _Density(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
        pairs = encoded(planes, grids, levels, position, 7)  # [N, 2 C]
        sigma = pairs.new_empty(len(pairs))
        _core.pair_dot(pairs, sigma, torch.get_num_threads())
        ctx.save_for_backward(planes, grids, position, pairs)
        ctx.levels = levels
        ctx.set_materialize_grads(False)
        return sigma, pairs[:, : pairs.shape[1] // 2]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        planes, grids, position, pairs = ctx.saved_tensors
        d_sigma, d_feature = grads
        d_sigma = pairs.new_zeros(len(pairs)) if d_sigma is None else plain(d_sigma)
        gradient = torch.empty_like(pairs)
        d_feature = None if d_feature is None else plain(d_feature)
        _core.pair_dot_backward(pairs, d_sigma, d_feature, gradient, torch.get_num_threads())
        return (*_spread(planes, grids, ctx.levels, position, 7, gradient), None, None)
