"""The footprint of occupied voxels and of lattices, against what points in them really read."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dymap.config import FieldConfig
from dymap.field.field import Field
from dymap.field.footprint import Footprint, footprint_of_lattice, footprint_of_voxels, touched_entries
from dymap.kernels import HashLevels, hash_encode_3d
from tests.field.models import BOXES, TINY

GRIDS = [(5, 7, 11), (24, 24, 48), (3, 1, 2), (64, 48, 40)]


def points_in(occupied: Tensor, count: int) -> Tensor:
    """[count, 3] box coordinates in occupied voxels; half of them lie on a voxel's faces, edges and corners."""
    voxels = torch.nonzero(occupied)
    voxels = voxels[torch.randint(len(voxels), (count,))]
    inside = torch.rand(count, 3)
    inside[::2] = (inside[::2] * 3).floor() / 2
    return (voxels + inside) / torch.tensor(occupied.shape)


def read_by(position: Tensor, config: FieldConfig) -> Footprint:
    """Pixels and networks that get a gradient from points [N, 3] in box coordinates."""
    frame = Field(config, BOXES).at(0)
    sigma, feature = frame.density(position)
    directions = F.normalize(torch.randn(len(position), 3), dim=1)
    seen = frame.colour(position, feature.detach(), directions)
    planes, maps = torch.autograd.grad(sigma.sum() + seen.sum(), (frame.planes, frame.maps))
    return Footprint((planes != 0).any(-1), (maps != 0).any(-1))


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("grid", GRIDS)
def test_all_that_points_read_is_in_the_footprint(grid: tuple[int, int, int], overlap: bool) -> None:
    config = replace(TINY, plane_size=64, map_size=8, overlap=overlap)
    occupied = torch.rand(grid) < 0.02
    occupied[0, 0, 0] = occupied[-1, -1, -1] = True
    footprint, read = footprint_of_voxels(occupied, config), read_by(points_in(occupied, 5000), config)
    assert read.pixels.any()
    assert read.networks.any()
    assert not (read.pixels & ~footprint.pixels).any()
    assert not (read.networks & ~footprint.networks).any()


@pytest.mark.parametrize("overlap", [True, False])
def test_the_footprint_is_little_more_than_what_is_read(overlap: bool) -> None:
    """One voxel has its pixels and one more on each side, and the networks around it."""
    config = replace(TINY, plane_size=64, map_size=8, overlap=overlap)
    occupied = torch.zeros(6, 8, 10, dtype=torch.bool)
    occupied[2, 5, 7] = True
    footprint, read = footprint_of_voxels(occupied, config), read_by(points_in(occupied, 5000), config)
    wider = F.max_pool2d(read.pixels.float(), 5, 1, 2) > 0
    assert not (footprint.pixels & ~wider).any()
    near = F.max_pool2d(read.networks.reshape(3, 8, 8).float(), 3, 1, 1).flatten(1) > 0
    assert not (footprint.networks & ~near).any()


def test_axes_are_in_their_order() -> None:
    """Rows of a plane are its second axis; a network's index is first * S + second."""
    config = replace(TINY, plane_size=16, map_size=4)
    occupied = torch.zeros(4, 4, 4, dtype=torch.bool)
    occupied[0, 1, 3] = True
    pixels, networks = footprint_of_voxels(occupied, config)
    assert pixels[0, 5, 1]
    assert pixels[1, 15, 1]
    assert pixels[2, 15, 5]
    assert not pixels[0, 1, 5]
    assert not pixels[2, 5, 15]
    assert torch.nonzero(networks.reshape(3, 4, 4)[1]).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]


def test_no_voxels_read_nothing_and_all_read_everything() -> None:
    nothing = footprint_of_voxels(torch.zeros(4, 4, 4, dtype=torch.bool), TINY)
    assert not nothing.pixels.any()
    assert not nothing.networks.any()
    everything = footprint_of_voxels(torch.ones(1, 1, 1, dtype=torch.bool), TINY)
    assert everything.pixels.all()
    assert everything.networks.all()


def test_a_lattices_footprint_is_the_pixels_that_it_reads() -> None:
    config = replace(TINY, plane_size=32)
    lines = [torch.arange(n + 1) / n for n in (5, 8, 62)]
    footprint = footprint_of_lattice(lines, config)
    read = read_by(torch.cartesian_prod(*lines), config)
    assert not (read.pixels & ~footprint.pixels).any()
    assert footprint.pixels.sum() < 3 * 32 * 32
    assert not footprint.networks.any()


@pytest.mark.parametrize("grid", GRIDS)
def test_entries_that_points_read_are_touched(grid: tuple[int, int, int]) -> None:
    """Entries of the hash tables that get a gradient from points in the occupied voxels at the frames' times."""
    levels = HashLevels(levels=3, log2_size=10, base=4, finest=60)
    occupied = torch.rand(2, *grid) < 0.01
    occupied[:, 0, 0, 0] = True
    times = [0.0, 0.31]
    touched = touched_entries(occupied, torch.full((2, 3), 1e-4), times, levels)
    tables = [torch.ones(levels.offsets[-1], 2, requires_grad=True) for _ in range(3)]
    for voxels, t in zip(occupied, times, strict=True):
        hash_encode_3d(tables, levels, t, points_in(voxels, 2000).clamp(0, 1)).sum().backward()
    for table, mask in zip(tables, touched, strict=True):
        assert table.grad is not None
        read = table.grad.abs().sum(1) > 0
        assert not (read & ~mask).any()
    nothing = touched_entries(torch.zeros_like(occupied), torch.full((2, 3), 1e-4), times, levels)
    assert not nothing.any()
