"""Density of a frame on an axis-aligned lattice."""

from __future__ import annotations

import sys

from torch import Tensor

from dymap import kernels
from dymap.field.frame import Frame


def density_lattice(frame: Frame, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Raw density [A, B, D] at all combinations of box coordinates x [A], y [B], z [D] in [0, 1].

    The hash grids are collapsed for it, however few its points are.
    """
    collapsed = frame.hash.collapsed(sys.maxsize)
    assert collapsed is not None
    return kernels.density_lattice(frame.planes, collapsed.grids, collapsed.levels, (x, y, z))
