"""The hot loops of the house, and the one place that decides which implementation runs.

Every operation exists in plain torch (`dymap.kernels.twin`: readable, differentiable, any device and precision: the
truth) and in the native CPU core (`dymap.kernels.native`: float32 on the CPU). The core runs where it can. The variable
DYMAP_KERNELS forces one of the core's instruction sets (avx512, avx2, portable) or the twin (torch);
DYMAP_REQUIRE_NATIVE=1 makes a missing core an error. Callers import from `dymap.kernels` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from torch import Tensor

from dymap.kernels import twin
from dymap.kernels.choice import available, backend, core, describe, multiplies_half, runs_native, using
from dymap.kernels.memory import Memory
from dymap.kernels.twin.adam import AdamStep
from dymap.kernels.twin.convolve import PANEL, Squares, Taps
from dymap.kernels.twin.convolve import pack_squares as _pack_squares
from dymap.kernels.twin.convolve import pack_taps as _pack_taps
from dymap.kernels.twin.gather import gather_sum
from dymap.kernels.twin.hashgrid import HashLevels, hash_encode
from dymap.kernels.twin.lattice import join_planes, plane_points
from dymap.kernels.twin.mlp_maps import CellWeights, cell_weights
from dymap.kernels.twin.planes import ALL_PLANES, PLANE_AXES

if core is not None or TYPE_CHECKING:
    from dymap.kernels import native
    from dymap.kernels.native_scene import Cancel, Scene
else:

    class Scene:
        """There is none without the core."""

    class Cancel:
        """Without the core images are not cancelled: they are finished."""

        def cancel(self) -> None:
            """Nothing looks at it."""


def _for(*tensors: Tensor | None) -> ModuleType:
    """The implementation for these tensors."""
    return native if runs_native(*tensors) else twin


def encode(
    planes: Tensor | None, grids: Tensor | None, levels: HashLevels, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """See `dymap.kernels.twin.encoding.encode`."""
    return _for(planes, grids, position).encode(planes, grids, levels, position, which)


def density(planes: Tensor, grids: Tensor, levels: HashLevels, position: Tensor) -> tuple[Tensor, Tensor]:
    """See `dymap.kernels.twin.encoding.density`."""
    return _for(planes, grids, position).density(planes, grids, levels, position)


def density_lattice(planes: Tensor, grids: Tensor, levels: HashLevels, lines: Sequence[Tensor]) -> Tensor:
    """See `dymap.kernels.twin.lattice.density_lattice`."""
    return _for(planes, grids, *lines).density_lattice(planes, grids, levels, lines)


def total_variation(sigma: Tensor, length: float) -> Tensor:
    """See `dymap.kernels.twin.lattice.total_variation`."""
    return (_for(sigma) if sigma.numel() else twin).total_variation(sigma, length)


def sum_opacity(sigma: Tensor, counts: Tensor, length: float) -> Tensor:
    """See `dymap.kernels.twin.lattice.sum_opacity`."""
    return _for(sigma).sum_opacity(sigma, counts, length)


def largest_around(grid: Tensor) -> Tensor:
    """See `dymap.kernels.twin.lattice.largest_around`."""
    return _for(grid).largest_around(grid)


def sample_planes(planes: Tensor, position: Tensor, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """See `dymap.kernels.twin.planes.sample_planes`."""
    return _for(planes, position).sample_planes(planes, position, which)


def hash_encode_at(position: Tensor, grids: Tensor, levels: HashLevels, which: Sequence[int] = ALL_PLANES) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.hash_encode_at`."""
    return _for(position, grids).hash_encode_at(position, grids, levels, which)


def hash_encode_3d(
    tables: Sequence[Tensor], levels: HashLevels, t: float, position: Tensor, which: Sequence[int] = ALL_PLANES
) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.hash_encode_3d`."""
    return _for(*tables, position).hash_encode_3d(tables, levels, t, position, which)


def collapse_time(
    tables: Sequence[Tensor],
    levels: HashLevels,
    t: float,
    gradients: Sequence[Tensor] | None = None,
    needed: Tensor | None = None,
    memory: Memory | None = None,
) -> Tensor:
    """See `dymap.kernels.twin.hashgrid.collapse_time`."""
    return _for(*tables).collapse_time(tables, levels, t, gradients, needed, memory)


def mlp_maps(features: Tensor, views: Tensor, ray: Tensor | None, position: Tensor, networks: CellWeights) -> Tensor:
    """See `dymap.kernels.twin.mlp_maps.mlp_maps`."""
    return _for(features, views, position, networks.first).mlp_maps(features, views, ray, position, networks)


def convolve(x: Tensor, at: Tensor, offset: Tensor, taps: Taps, to: Tensor, out: Tensor) -> None:
    """See `dymap.kernels.twin.convolve.convolve`."""
    packed = taps.panels.shape[2] == PANEL
    (_for(x, taps.panels, taps.bias, out) if packed else twin).convolve(x, at, offset, taps, to, out)


def pack_taps(weight: Tensor, bias: Tensor, slope: float = 1.0) -> Taps:
    """See `dymap.kernels.twin.convolve.pack_taps`; in panels only where the core runs: plain torch wants one matrix."""
    return _pack_taps(weight, bias, slope, PANEL if runs_native(weight, bias) else weight.shape[2])


def convolve_squares(
    x: Tensor,
    wanted: Tensor,
    squares: Squares,
    out: Tensor,
    first: tuple[int, int] = (0, 0),
    to: int = 0,
    out_side: int = 0,
    step: int = 1,
) -> None:
    """See `dymap.kernels.twin.convolve.convolve_squares`."""
    kernels = twin if squares.points is None else _for(x, squares.points, squares.bias, out)
    kernels.convolve_squares(x, wanted, squares, out, first, to, out_side, step)


def pack_squares(weight: Tensor, bias: Tensor, slope: float = 1.0) -> Squares:
    """See `dymap.kernels.twin.convolve.pack_squares`."""
    return _pack_squares(weight, bias, slope, runs_native(weight, bias))


def march_intervals(
    origins: Tensor, directions: Tensor, t: Tensor, t_max: Tensor, box: Tensor, grid: Tensor, step: float, limit: int
) -> tuple[Tensor, Tensor, Tensor]:
    """See `dymap.kernels.twin.march.march_intervals`."""
    return _for(origins, box).march_intervals(origins, directions, t, t_max, box, grid, step, limit)


def adam(parameter: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, how: AdamStep) -> None:
    """See `dymap.kernels.twin.adam.adam`."""
    _for(parameter, gradient, mean, square).adam(parameter, gradient, mean, square, how)


def hull_depths(
    rays: tuple[Tensor, Tensor, Tensor, Tensor],
    box: Tensor,
    hull: Tensor,
    jitter: Tensor,
    sigma: Tensor | None,
    pieces: int,
    explore: float,
) -> tuple[Tensor, Tensor, Tensor] | None:
    """The core's `dymap.render.sampling.hull_depths`; None where it does not run.

    rays: origins, directions [R, 3], near, far [R]; sigma: densities whose neighbourhood counts already.
    """
    if not runs_native(*rays, box, jitter, sigma) or hull.device.type != "cpu":
        return None
    return native.hull_depths(rays, box, hull, jitter, sigma, pieces, explore)


def open_scene(
    planes: Tensor,
    grids: Tensor,
    levels: HashLevels,
    networks: CellWeights,
    directions: tuple[str, int],
    box: Tensor,
    occupied: Tensor,
    step: float,
) -> Scene | None:
    """The fused renderer of whole images, exact or fast; None where the core does not run. Its twin is render/march.py.

    planes: [3, P, P, 2 C] features and density coefficients; grids: collapsed hash grids; networks: from
    `cell_weights`; directions: kind and degree of their embedding; box: [2, 3] world, metres; occupied: [gx, gy, gz]
    bool over it; step: metres between samples.
    """
    if not runs_native(planes, grids, networks.first, box) or occupied.device.type != "cpu":
        return None
    return Scene(planes, grids, levels, networks, directions, box, occupied, step)


__all__ = [
    "ALL_PLANES",
    "PLANE_AXES",
    "AdamStep",
    "Cancel",
    "CellWeights",
    "HashLevels",
    "Memory",
    "Scene",
    "Squares",
    "Taps",
    "adam",
    "available",
    "backend",
    "cell_weights",
    "collapse_time",
    "convolve",
    "convolve_squares",
    "density",
    "density_lattice",
    "describe",
    "encode",
    "gather_sum",
    "hash_encode",
    "hash_encode_3d",
    "hash_encode_at",
    "hull_depths",
    "join_planes",
    "largest_around",
    "march_intervals",
    "mlp_maps",
    "multiplies_half",
    "open_scene",
    "pack_squares",
    "pack_taps",
    "plane_points",
    "runs_native",
    "sample_planes",
    "sum_opacity",
    "total_variation",
    "using",
]
