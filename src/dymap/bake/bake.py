"""Baking: a trained field becomes a video (method.md 7)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dymap.bake.occupancy import bake_coordinates, bake_occupancy, within_hull
from dymap.config import BakeConfig
from dymap.field.decoder import PlaneDecoder
from dymap.field.field import Field
from dymap.field.frame import Frame
from dymap.field.needed import needed_lattice
from dymap.field.prepared import PreparedDecoder


@torch.no_grad()
def bake_grids(
    field: Field,
    config: BakeConfig,
    progress: Callable[[int, int], None] | None = None,
    hull: Callable[[int], Tensor] | None = None,
) -> Tensor:
    """[frames, gx, gy, gz] bool occupancy of every frame. Needs codes that the field holds itself.

    hull: frame position -> visual hull [a, b, d] bool that a field trained inside it is limited to.
    """
    grids = []
    decoder = prepare(field)
    for index in range(field.num_frames):
        grid = bake_occupancy(bake_frame(field, index, config, decoder), config)
        grids.append(grid if hull is None else within_hull(grid, hull(index)))
        if progress:
            progress(index + 1, field.num_frames)
    return torch.stack(grids)


def prepare(field: Field) -> PreparedDecoder | None:
    """The field's decoder, made ready for many frames; None if it is of another kind."""
    return PreparedDecoder(field.decoder) if isinstance(field.decoder, PlaneDecoder) else None


def bake_frame(field: Field, index: int, config: BakeConfig, decoder: PreparedDecoder | None) -> Frame:
    """The Frame that `bake_occupancy` looks at, without what it does not read of planes and MLP maps."""
    if decoder is None:
        return field.at(index)
    needed = needed_lattice(bake_coordinates(field.boxes[index], config), field.config)
    return field.at(index, needed=needed, decoder=decoder)
