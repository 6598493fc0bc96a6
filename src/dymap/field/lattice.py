"""Density on an axis-aligned lattice, from its 2D parts.

Within a frame everything is a sum of 2D functions: sigma(x, y, z) = (Fxy + Fxz + Fyz) . (Dxy + Dxz + Dyz). On a
lattice the products of two different planes are matrix products that share one axis, so a lattice of A x B x D
points costs A B + A D + B D plane samples and three batched products, and is exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dymap.field.frame import Frame
from dymap.kernels import PLANE_AXES


def density_lattice(frame: Frame, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Raw density [A, B, D] at all combinations of box coordinates x [A], y [B], z [D] in [0, 1]."""
    fxy, dxy = _plane(frame, x, y, 0)  # [A, B, C]
    fxz, dxz = _plane(frame, x, z, 1)  # [A, D, C]
    fyz, dyz = _plane(frame, y, z, 2)  # [B, D, C]

    def cross(f: Tensor, d: Tensor, g: Tensor, e: Tensor) -> Tensor:
        """f . e + g . d for planes that share their first axis: [n, p, C], [n, q, C] -> [n, p, q]."""
        return torch.cat([f, d], -1) @ torch.cat([e, g], -1).transpose(1, 2)

    sigma = cross(fxy, dxy, fxz, dxz)  # [A, B, D]
    sigma += cross(fxy.transpose(0, 1), dxy.transpose(0, 1), fyz, dyz).transpose(0, 1)
    sigma += cross(*(p.transpose(0, 1) for p in (fxz, dxz, fyz, dyz))).permute(1, 2, 0)
    sigma += (fxy * dxy).sum(-1)[:, :, None] + (fxz * dxz).sum(-1)[:, None, :] + (fyz * dyz).sum(-1)
    return sigma


def _plane(frame: Frame, first: Tensor, second: Tensor, plane: int) -> tuple[Tensor, Tensor]:
    """Features and density coefficients of one plane alone, [A, B, C] each."""
    axes = PLANE_AXES[plane]
    position = torch.zeros(len(first), len(second), 3, device=first.device, dtype=first.dtype)
    position[..., axes[0]] = first[:, None]
    position[..., axes[1]] = second[None, :]
    feature, coefficients = frame.features(position.reshape(-1, 3), (plane,))
    return feature.reshape(len(first), len(second), -1), coefficients.reshape(len(first), len(second), -1)
