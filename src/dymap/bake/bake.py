"""Baking: a trained field becomes a video (method.md 7)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dymap.bake.occupancy import bake_coordinates, bake_occupancy, within_hull
from dymap.config import BakeConfig
from dymap.field.field import Field
from dymap.field.sparse import SparseField
from dymap.progress import Progress


@torch.no_grad()
def bake_grids(
    field: Field,
    config: BakeConfig,
    progress: Progress | None = None,
    hull: Callable[[int], Tensor] | None = None,
) -> Tensor:
    """[frames, gx, gy, gz] bool occupancy of every frame. Needs codes that the field holds itself.

    hull: frame position -> visual hull [a, b, d] bool that a field trained inside it is limited to.
    """
    sparse = SparseField(field)
    grids = []
    for index in range(field.num_frames):
        lines = bake_coordinates(field.boxes[index], config)
        grid = bake_occupancy(sparse.on_lattice(index, lines), lines, config)
        grids.append(grid if hull is None else within_hull(grid, hull(index)))
        if progress:
            progress(index + 1, field.num_frames)
    return torch.stack(grids)
