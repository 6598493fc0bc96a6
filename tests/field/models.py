"""A field small enough for anything, in float64 if asked."""

from __future__ import annotations

from dataclasses import replace

import torch

from dymap.config import FieldConfig, HashConfig
from dymap.field.field import Field
from dymap.field.frame import GridFrame

TINY = FieldConfig(
    hash=HashConfig(levels=3, log2_size=8, features=2, base=4, finest=16),
    code_dim=6,
    width=16,
    plane_size=16,
    map_size=4,
    hidden=5,
)
BOXES = torch.tensor([[[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]], [[-0.6, -0.3, 0.0], [0.5, 0.6, 1.4]]])


def tiny_field(dtype: torch.dtype = torch.float32, density: float = 1.0, **changes: object) -> Field:
    """Two frames of random parameters that matter: hash tables of unit scale, densities multiplied by `density`."""
    field = Field(replace(TINY, **changes), BOXES).to(dtype)  # type: ignore[arg-type]
    with torch.no_grad():
        for table in field.hash.tables:
            table.normal_()
        field.decoder.density.weight.mul_(density)
        field.decoder.density.bias.mul_(density)
    return field


def frame_at(field: Field, index: int, collapse: bool) -> GridFrame:
    """The Frame at a position, its hash grids collapsed or not yet."""
    frame = field.at(index)
    if collapse:
        frame.hash.collapse()
    return frame
