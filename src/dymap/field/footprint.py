"""The footprint of a part of space: the pixels of the planes and the networks of the MLP maps that its points read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from dymap.config import FieldConfig
from dymap.kernels import PLANE_AXES, HashLevels


class Footprint(NamedTuple):
    """The parts of planes and maps that some points read; planes in the order xy, xz, yz.

    pixels: [3, P, P] bool (row = second axis, column = first axis).
    networks: [3, S * S] bool, index = first * S + second.
    """

    pixels: Tensor
    networks: Tensor


def footprint_of_voxels(occupied: Tensor, config: FieldConfig) -> Footprint:
    """What points anywhere in the occupied voxels [gx, gy, gz] bool over the box read.

    Voxels count as wider than they are, by one pixel of the planes on each side, against rounding.
    """
    pixels, networks = [], []
    for axes in PLANE_AXES:
        shadow = occupied.any(dim=3 - sum(axes))  # along the axis that the plane leaves out: [first, second]
        pixels.append(_spread(shadow, config.plane_size, config.plane_size, overlap=True).T)
        networks.append(_spread(shadow, config.map_size, config.plane_size, config.overlap).flatten())
    return Footprint(torch.stack(pixels), torch.stack(networks))


def footprint_of_lattice(lines: Sequence[Tensor], config: FieldConfig) -> Footprint:
    """What the density reads at all combinations of box coordinates, lines: x, y, z, each [n] in [0, 1]: no networks.

    A coordinate that falls on a pixel, or nearly, counts on both sides of it, against rounding.
    """
    size = config.plane_size
    rows = []
    for line in lines:
        at = line.double() * (size - 1)
        read = torch.zeros(size, dtype=torch.bool, device=line.device)
        for near in (at - 0.01, at + 0.01):
            for pixel in (near.floor(), near.floor() + 1):
                read[pixel.long().clamp(0, size - 1)] = True
        rows.append(read)
    pixels = torch.stack([rows[second][:, None] & rows[first] for first, second in PLANE_AXES])
    return Footprint(pixels, pixels.new_zeros(3, config.map_size**2))


def _spread(shadow: Tensor, size: int, plane_size: int, overlap: bool) -> Tensor:
    """[a, b] bool voxels -> [size, size] bool vertices (without overlap: cells) that points in them read."""
    first, second = (_read(count, size, 1 / (plane_size - 1), overlap).to(shadow.device) for count in shadow.shape)
    return first.float().T @ shadow.float() @ second.float() > 0


@cache
def _read(voxels: int, size: int, margin: float, overlap: bool) -> Tensor:
    """[voxels, size] bool along one axis: which of `size` vertices (without overlap: cells) a voxel's points read."""
    faces = torch.arange(voxels + 1, dtype=torch.float64) / voxels
    low, high = (faces[:-1] - margin).clamp(min=0), (faces[1:] + margin).clamp(max=1)
    if overlap:
        first, last = (low * (size - 1)).floor(), (high * (size - 1)).floor() + 1
    else:
        first, last = (low * size).floor(), (high * size).floor().clamp(max=size - 1)
    place = torch.arange(size)
    return (first[:, None] <= place) & (place <= last[:, None])


def touched_entries(occupied: Tensor, margins: Tensor, times: Sequence[float], levels: HashLevels) -> Tensor:
    """Entries [3, entries] bool of the tables xyt, xzt, yzt that points in the occupied voxels of any frame read.

    occupied: [frames, gx, gy, gz] bool; margins: [frames, 3], by how much voxels count as wider on each side, in box
    coordinates; times: of each frame, on the time axis of the hash grids.
    """
    touched = torch.zeros(len(PLANE_AXES), levels.offsets[-1], dtype=torch.bool)
    for grid, margin, t in zip(occupied.cpu(), margins.double().cpu(), times, strict=True):
        for axes, table in zip(PLANE_AXES, touched, strict=True):
            shadow = grid.any(dim=3 - sum(axes))
            sums = torch.nn.functional.pad(shadow.long().cumsum(0).cumsum(1), (1, 0, 1, 0))
            for level, (scale, resolution) in enumerate(zip(levels.scales, levels.resolutions, strict=True)):
                (a0, a1), (b0, b1) = (
                    _readers(count, resolution, scale, float(margin[axis]))
                    for axis, count in zip(axes, shadow.shape, strict=True)
                )
                inside = sums[a1][:, b1] - sums[a0][:, b1] - sums[a1][:, b0] + sums[a0][:, b0] > 0
                a, b = torch.nonzero(inside, as_tuple=True)
                for near in {math.floor(t * scale - 1e-4), math.floor(t * scale + 1e-4)}:
                    for cell in (max(near, 0), near + 1):
                        table[levels.index(level, a, b, torch.tensor(cell))] = True
    return touched


def _readers(voxels: int, resolution: int, scale: float, margin: float) -> tuple[Tensor, Tensor]:
    """First voxel and the one after the last [resolution] along an axis whose points read a vertex of a hash level."""
    vertex = torch.arange(resolution, dtype=torch.float64)
    first = ((vertex - 1) / scale - margin) * voxels
    last = ((vertex + 1) / scale + margin) * voxels
    return first.floor().clamp(0, voxels).long(), (last.floor() + 1).clamp(0, voxels).long()
