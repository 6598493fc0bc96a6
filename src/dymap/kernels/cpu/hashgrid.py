"""Hash grids over time: their collapse to one time, and look-ups point by point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.cpu.backend import bits, core_levels, cpu, plain
from dymap.kernels.reference import hashgrid as reference
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.planes import ALL_PLANES


@cpu.implements(reference.collapse_time)
def collapse_time(tables: Sequence[Tensor], levels: HashLevels, t: float) -> Tensor:
    return _CollapseTime.apply(levels, t, *tables)


@cpu.implements(reference.collapse_time_into)
def collapse_time_into(
    out: Tensor, before: Tensor | None, tables: Sequence[Tensor], levels: HashLevels, t: float, footprint: Tensor
) -> Tensor:
    held, sizes = [plain(table) for table in tables], core_levels(levels, out.shape[2])
    _core.collapse_time(sizes, t, held, plain(footprint), before, out, torch.get_num_threads())
    return out


class _CollapseTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, levels: HashLevels, t: float, *tables: Tensor) -> Tensor:
        ctx.levels, ctx.t, ctx.tables = levels, t, tables
        features = tables[0].shape[1]
        out = tables[0].new_empty(len(tables), levels.plane_offsets[-1], features)
        held = [plain(table) for table in tables]
        _core.collapse_time(core_levels(levels, features), t, held, None, None, out, torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gradient, sizes = plain(grads[0]), core_levels(ctx.levels, grads[0].shape[2])
        held = [_accumulator(table) for table in ctx.tables]
        into = [gradient.new_zeros(table.shape) if a is None else a for a, table in zip(held, ctx.tables, strict=True)]
        _core.collapse_time_backward(sizes, ctx.t, gradient, into, torch.get_num_threads())
        # What was added to `.grad` is not returned: it would be added again.
        return None, None, *(new if a is None else None for a, new in zip(held, into, strict=True))


def _accumulator(table: Tensor) -> Tensor | None:
    """A table's gradient so far, if it is kept (see `keep_gradient`) and can be added to in place."""
    found = table.grad if getattr(table, "keeps_gradient", False) else None
    return found if found is not None and found.is_contiguous() else None


@cpu.implements(reference.hash_encode_3d)
def hash_encode_3d(
    tables: Sequence[Tensor], levels: HashLevels, t: float, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    return _HashEncode.apply(levels, t, plain(position), bits(which), *tables)


class _HashEncode(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, levels: HashLevels, t: float, position: Tensor, which: int, *tables: Tensor) -> Tensor:
        ctx.levels, ctx.t, ctx.which, ctx.shape = levels, t, which, tables[0].shape
        ctx.save_for_backward(position)
        out = position.new_empty(len(position), levels.levels * ctx.shape[1])
        held = [plain(table) for table in tables]
        _core.hash_encode(core_levels(levels, ctx.shape[1]), t, held, which, position, out, torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (position,) = ctx.saved_tensors
        into = [position.new_zeros(ctx.shape) for _ in range(3)]
        held = core_levels(ctx.levels, ctx.shape[1])
        _core.hash_encode_backward(held, ctx.t, into, ctx.which, position, plain(grads[0]), torch.get_num_threads())
        return None, None, None, None, *into
