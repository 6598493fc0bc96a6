"""The operations of the twin on the native CPU core: the same arguments, results and gradients.

Every function here takes contiguous or strided float32 tensors on the CPU; `dymap.kernels` sees to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from dymap import _core
from dymap.kernels.memory import Memory
from dymap.kernels.twin.adam import AdamStep
from dymap.kernels.twin.convolve import Squares, Taps
from dymap.kernels.twin.hashgrid import HashLevels
from dymap.kernels.twin.lattice import plane_points
from dymap.kernels.twin.mlp_maps import CellWeights
from dymap.kernels.twin.planes import ALL_PLANES, PLANE_AXES


@cache
def core_levels(levels: HashLevels, features: int) -> _core.Levels:
    return _core.Levels(features, levels.scales, levels.resolutions, levels.lengths)


def plain(tensor: Tensor) -> Tensor:
    """Contiguous, without gradient: what the core reads."""
    return tensor.detach().contiguous()


def _bits(which: Sequence[int]) -> int:
    return sum(1 << plane for plane in which)


def encode(
    planes: Tensor | None, grids: Tensor | None, levels: HashLevels, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """See `dymap.kernels.twin.encoding.encode`."""
    return _Encode.apply(planes, grids, levels, plain(position), _bits(which))


def density(planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
    """See `dymap.kernels.twin.encoding.density`."""
    return _Density.apply(planes, grids, levels, plain(position))


def sample_planes(planes: Tensor, position: Tensor, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """See `dymap.kernels.twin.planes.sample_planes`."""
    return _Encode.apply(planes, None, None, plain(position), _bits(which))


def hash_encode_at(position: Tensor, grids: Tensor, levels: HashLevels, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.hash_encode_at`."""
    return _Encode.apply(None, grids, levels, plain(position), _bits(which))


def _encoded(
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
    """Gradients of planes and grids from that of the encoding; both tensors are given for their shapes alone."""
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
        return _encoded(planes, grids, levels, position, which)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        planes, grids, position = ctx.saved_tensors
        planes, grids = (t if need else None for t, need in zip((planes, grids), ctx.needs_input_grad, strict=False))
        return (*_spread(planes, grids, ctx.levels, position, ctx.which, plain(grads[0])), None, None, None)


class _Density(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
        encoded = _encoded(planes, grids, levels, position, 7)
        sigma = encoded.new_empty(len(encoded))
        _core.pair_dot(encoded, sigma, torch.get_num_threads())
        ctx.save_for_backward(planes, grids, position, encoded)
        ctx.levels = levels
        ctx.set_materialize_grads(False)
        return sigma, encoded[:, : encoded.shape[1] // 2]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        planes, grids, position, encoded = ctx.saved_tensors
        d_sigma, d_feature = grads
        d_sigma = encoded.new_zeros(len(encoded)) if d_sigma is None else plain(d_sigma)
        gradient = torch.empty_like(encoded)
        d_feature = None if d_feature is None else plain(d_feature)
        _core.pair_dot_backward(encoded, d_sigma, d_feature, gradient, torch.get_num_threads())
        return (*_spread(planes, grids, ctx.levels, position, 7, gradient), None, None)


def density_lattice(planes: Tensor, grids: Tensor, levels: HashLevels, lines: Sequence[Tensor]) -> Tensor:
    """See `dymap.kernels.twin.lattice.density_lattice`."""
    return _DensityLattice.apply(planes, grids, levels, *(plain(line) for line in lines))


class _DensityLattice(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, planes: Tensor, grids: Tensor, levels: HashLevels, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
        lines = (x, y, z)
        points = [plane_points(lines, plane) for plane in ALL_PLANES]
        ab, ac, bc = (
            _encoded(planes, grids, levels, points[plane], 1 << plane).view(len(lines[a]), len(lines[b]), -1)
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


def sum_opacity(sigma: Tensor, counts: Tensor, length: float) -> Tensor:
    """See `dymap.kernels.twin.lattice.sum_opacity`."""
    counts = counts.contiguous()
    return _Sum.apply(sigma, lambda s, slope, n: _core.sum_opacity(s, counts, length, slope, n))


def total_variation(sigma: Tensor, length: float) -> Tensor:
    """See `dymap.kernels.twin.lattice.total_variation`."""
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


def largest_around(grid: Tensor) -> Tensor:
    """See `dymap.kernels.twin.lattice.largest_around`."""
    grid = plain(grid)
    out = torch.empty_like(grid)
    _core.largest_around(grid, out, torch.get_num_threads())
    return out


def collapse_time(
    tables: Sequence[Tensor],
    levels: HashLevels,
    t: float,
    gradients: Sequence[Tensor] | None = None,
    needed: Tensor | None = None,
    memory: Memory | None = None,
) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.collapse_time`."""
    if needed is None:
        return _CollapseTime.apply(levels, t, gradients, *tables)
    shape = (len(tables), levels.plane_offsets[-1], tables[0].shape[1])
    needed = plain(needed)
    out, before = (memory or Memory()).take(shape, tables[0], needed)
    held = [plain(table) for table in tables]
    _core.collapse_time(core_levels(levels, shape[2]), t, held, needed, before, out, torch.get_num_threads())
    return out


class _CollapseTime(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, levels: HashLevels, t: float, gradients: Sequence[Tensor] | None, *tables: Tensor) -> Tensor:
        ctx.levels, ctx.t, ctx.gradients, ctx.shape = levels, t, gradients, tables[0].shape
        features = tables[0].shape[1]
        out = tables[0].new_empty(len(tables), levels.plane_offsets[-1], features)
        held = [plain(table) for table in tables]
        _core.collapse_time(core_levels(levels, features), t, held, None, None, out, torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        gradient = plain(grads[0])
        given = ctx.gradients
        into = [gradient.new_zeros(ctx.shape) for _ in gradient] if given is None else [t.contiguous() for t in given]
        held = core_levels(ctx.levels, ctx.shape[1])
        _core.collapse_time_backward(held, ctx.t, gradient, into, torch.get_num_threads())
        if given is None:
            return None, None, None, *into
        for own, written in zip(given, into, strict=True):
            if own is not written:  # it was not contiguous
                own.copy_(written)
        return None, None, None, *([None] * len(into))


def hash_encode_3d(
    tables: Sequence[Tensor], levels: HashLevels, t: float, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.hash_encode_3d`."""
    return _HashEncode.apply(levels, t, plain(position), _bits(which), *tables)


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


def mlp_maps(features: Tensor, views: Tensor, ray: Tensor | None, position: Tensor, networks: CellWeights) -> Tensor:
    """See `dymap.kernels.twin.mlp_maps.mlp_maps`."""
    ray = None if ray is None else ray.detach().to(torch.int32).contiguous()
    shape = (networks.size, networks.overlap)
    return _MlpMaps.apply(features, plain(views), ray, plain(position), networks.first, networks.second, shape)


class _MlpMaps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        views: Tensor,
        ray: Tensor | None,
        position: Tensor,
        first: Tensor,
        second: Tensor,
        shape: tuple[int, bool],
    ) -> Tensor:
        features, first, second = plain(features), plain(first), plain(second)
        ctx.save_for_backward(features, views, ray, position, first, second)
        ctx.shape = shape
        out = features.new_empty(len(features), 3)
        _core.mlp_maps(first, second, *shape, features, views, ray, position, out, torch.get_num_threads())
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        features, views, ray, position, first, second = ctx.saved_tensors
        d_features, d_first, d_second = (torch.empty_like(t) for t in (features, first, second))
        _core.mlp_maps_backward(
            first,
            second,
            ctx.shape[0],
            ctx.shape[1],
            features,
            views,
            ray,
            position,
            plain(grads[0]),
            d_features,
            d_first,
            d_second,
            torch.get_num_threads(),
        )
        return d_features, None, None, None, d_first, d_second, None


def convolve(x: Tensor, at: Tensor, offset: Tensor, taps: Taps, to: Tensor, out: Tensor) -> None:
    """See `dymap.kernels.twin.convolve.convolve`."""
    x, at, offset, to = (plain(t) for t in (x, at, offset, to))
    _core.convolve(x, at, offset, taps.panels, taps.bias, taps.slope, to, out, torch.get_num_threads())


def convolve_squares(
    x: Tensor,
    wanted: Tensor,
    squares: Squares,
    out: Tensor,
    first: tuple[int, int],
    to: int,
    out_side: int,
    step: int,
) -> None:
    """See `dymap.kernels.twin.convolve.convolve_squares`."""
    assert squares.points is not None
    side, out_side = math.isqrt(len(x)), out_side or len(wanted) or 1
    x, wanted = plain(x), plain(wanted)
    points, bias, slope, threads = squares.points, squares.bias, squares.slope, torch.get_num_threads()
    _core.convolve_squares(x, side, wanted, *first, points, squares.tile, bias, slope, out, to, out_side, step, threads)


def march_intervals(
    origins: Tensor, directions: Tensor, t: Tensor, t_max: Tensor, box: Tensor, grid: Tensor, step: float, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    """See `dymap.kernels.twin.march.march_intervals`."""
    intervals = t.new_empty(len(t), limit, 2)
    counts, stand = torch.empty(len(t), dtype=torch.int64), torch.empty_like(t)
    origins, directions, t, t_max, box, grid = (plain(a) for a in (origins, directions, t, t_max, box, grid))
    _core.march_intervals(
        origins, directions, t, t_max, box, grid, step, limit, intervals, counts, stand, torch.get_num_threads()
    )
    return intervals, counts, stand


def adam(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, how: AdamStep) -> None:
    """See `dymap.kernels.twin.adam.adam`."""
    _core.adam(
        parameter,
        gradient,
        mean,
        square,
        how.rate,
        *how.betas,
        how.epsilon,
        *how.corrections,
        how.clip,
        how.lazy,
        torch.get_num_threads(),
    )


def hull_depths(
    rays: tuple[Tensor, Tensor, Tensor, Tensor],
    box: Tensor,
    hull: Tensor,
    jitter: Tensor,
    sigma: Tensor | None,
    pieces: int,
    explore: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """See `dymap.kernels.hull_depths`."""
    origins, directions, near, far = (plain(a) for a in rays)
    z, dist = torch.empty(jitter.shape), torch.empty(jitter.shape)  # contiguous, unlike jitter perhaps
    hit = torch.empty(len(near), dtype=torch.bool)
    _core.hull_depths(
        origins,
        directions,
        near,
        far,
        plain(box),
        plain(hull),
        plain(jitter),
        None if sigma is None else plain(sigma),
        pieces,
        explore,
        z,
        dist,
        hit,
        torch.get_num_threads(),
    )
    return z, dist, hit
