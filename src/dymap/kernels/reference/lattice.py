"""Density on an axis-aligned lattice, from its 2D parts, and what is asked of such a lattice in training.

Within a frame everything is a sum of 2D functions: sigma(x, y, z) = (Fxy + Fxz + Fyz) . (Dxy + Dxz + Dyz). On a
lattice the products of two different planes are matrix products that share one axis, so a lattice of A x B x D
points costs A B + A D + B D plane samples and three batched products, and is exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dymap.kernels.dispatch import operation
from dymap.kernels.reference.compositing import opacity
from dymap.kernels.reference.encoding import encode
from dymap.kernels.reference.hashgrid import HashLevels
from dymap.kernels.reference.planes import ALL_PLANES, PLANE_AXES


def plane_points(lines: Sequence[Tensor], plane: int) -> Tensor:
    """Box coordinates [n * m, 3] of the lattice of two of the three lines x, y, z; zero along the third."""
    first, second = PLANE_AXES[plane]
    points = lines[0].new_zeros(len(lines[first]), len(lines[second]), 3)
    points[..., first] = lines[first][:, None]
    points[..., second] = lines[second]
    return points.view(-1, 3)


@operation
def density_lattice(planes: Tensor, grids: Tensor, levels: HashLevels, lines: Sequence[Tensor]) -> Tensor:
    """Raw density [A, B, D] at all combinations of box coordinates, lines: x [A], y [B], z [D].

    planes: [3, P, P, 2 C]; grids: [3, rows, F]; see `encode`.
    """
    encoded = (encode(planes, grids, levels, plane_points(lines, plane), (plane,)) for plane in ALL_PLANES)
    return join_planes(list(encoded), lines)


def join_planes(encoded: Sequence[Tensor], lines: Sequence[Tensor]) -> Tensor:
    """Raw density [A, B, D] from what `encode` gives for each plane by itself [n * m, 2 C], at its `plane_points`."""
    parts = [
        each.view(len(lines[first]), len(lines[second]), -1).chunk(2, dim=2)
        for each, (first, second) in zip(encoded, PLANE_AXES, strict=True)
    ]
    (fxy, dxy), (fxz, dxz), (fyz, dyz) = parts  # [A, B, C], [A, D, C], [B, D, C]

    def cross(f: Tensor, d: Tensor, g: Tensor, e: Tensor) -> Tensor:
        """f . e + g . d for planes that share their first axis: [n, p, C], [n, q, C] -> [n, p, q]."""
        return torch.cat([f, d], -1) @ torch.cat([e, g], -1).transpose(1, 2)

    sigma = cross(fxy, dxy, fxz, dxz)  # [A, B, D]
    sigma += cross(fxy.transpose(0, 1), dxy.transpose(0, 1), fyz, dyz).transpose(0, 1)
    sigma += cross(*(p.transpose(0, 1) for p in (fxz, dxz, fyz, dyz))).permute(1, 2, 0)
    sigma += (fxy * dxy).sum(-1)[:, :, None] + (fxz * dxz).sum(-1)[:, None, :] + (fyz * dyz).sum(-1)
    return sigma


@operation
def opacity_sum(sigma: Tensor, mask: Tensor, length: float) -> Tensor:
    """Sum of the opacities over a length of the densities that a mask chooses; both of any one shape."""
    return opacity(sigma[mask], length).sum()


@operation
def total_variation(sigma: Tensor, length: float) -> Tensor:
    """Sum of |differences| between the opacities over a length of neighbours along each axis of a grid of densities
    [a, b, d]: about the area of the surfaces in it, in sides of voxels."""
    alpha = opacity(sigma, length)
    return torch.stack([alpha.diff(dim=axis).abs().sum() for axis in range(3)]).sum()


@operation
def max_pool(grid: Tensor) -> Tensor:
    """The largest of each value of a grid [a, b, d] and its 26 neighbours; without gradient.

    One axis after the other, faster than pooling in 3D.
    """
    grid = grid.detach()
    for axis in range(3):
        out = grid.clone()
        n = grid.shape[axis]
        inner, outer = out.narrow(axis, 0, n - 1), out.narrow(axis, 1, n - 1)
        torch.maximum(inner, grid.narrow(axis, 1, n - 1), out=inner)
        torch.maximum(outer, grid.narrow(axis, 0, n - 1), out=outer)
        grid = out
    return grid
