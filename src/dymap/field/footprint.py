"""The footprint of a part of space: the pixels of the planes and the networks of the MLP maps that its points read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from dymap.config import FieldConfig
from dymap.kernels import PLANE_AXES


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
