"""Density of a frame on an axis-aligned lattice."""

from __future__ import annotations

import sys

import torch
from torch import Tensor

from dymap import kernels
from dymap.field.frame import Frame


def density_lattice(frame: Frame, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Raw density [A, B, D] at all combinations of box coordinates x [A], y [B], z [D] in [0, 1].

    The hash grids are collapsed for it, however few its points are, unless they are of a kind that is never collapsed.
    """
    lines = (x, y, z)
    collapsed = frame.hash.collapsed(sys.maxsize)
    if collapsed is None:
        planes = (frame.features(kernels.plane_points(lines, plane), (plane,)) for plane in kernels.ALL_PLANES)
        return kernels.join_planes([torch.cat(plane, dim=1) for plane in planes], lines)
    return kernels.density_lattice(frame.planes, collapsed.grids, collapsed.levels, lines)
