"""Frame: the density on a lattice is the density at its points; a frame says its memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from dymap.field.frame import Frame
from tests.field.models import BOXES, frame_at, tiny_field
from tests.render.scenes import analytic, ball
from tests.variants import with_all_kernels


def grid_frame() -> Frame:
    return tiny_field(torch.float64).at(1)


def function() -> Frame:
    """A Frame that says no more than it must."""
    return analytic(ball)


each_frame = pytest.mark.parametrize("make", [grid_frame, function])


@each_frame
@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 7, 3), (2, 11, 6)])
@torch.no_grad()
def test_density_on_a_lattice_is_that_at_its_points(make: Callable[[], Frame], sizes: tuple[int, int, int]) -> None:
    frame = make()
    lines = [torch.rand(n, dtype=torch.float64) for n in sizes]
    points = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1).reshape(-1, 3)
    expected = frame.density(points)[0].reshape(sizes)
    torch.testing.assert_close(frame.density_lattice(lines), expected)


@each_frame
@torch.no_grad()
def test_faces_and_corners_of_the_box_are_inside(make: Callable[[], Frame]) -> None:
    frame = make()
    line = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    torch.testing.assert_close(frame.density_lattice([line, line, line]).reshape(-1), frame.density(points)[0])


@pytest.mark.parametrize("collapse", [True, False])
def test_single_planes_sum_to_all(collapse: bool) -> None:
    frame = frame_at(tiny_field(), 1, collapse)
    position = torch.rand(37, 3)
    single = [frame.features(position, (plane,)) for plane in range(3)]
    for part, whole in zip(zip(*single, strict=True), frame.features(position), strict=True):
        torch.testing.assert_close(sum(part), whole)
    outside = position.index_fill(1, torch.tensor([2]), -1.0)  # where xz and yz give zeros
    for part, whole in zip(frame.features(position, (0,)), frame.features(outside), strict=True):
        torch.testing.assert_close(part, whole)


@with_all_kernels
@pytest.mark.parametrize("collapse", [True, False])
@torch.no_grad()
def test_bytes_of_a_frame_are_those_of_its_tensors(collapse: bool) -> None:
    """The collapsed hash grids belong to the Frame; the tables of the field do not. What is derived counts too."""
    field = tiny_field()
    frame = frame_at(field, 0, collapse)
    grids = 3 * field.hash.levels.plane_offsets[-1] * field.config.hash.features * 4 if collapse else 0
    assert frame.nbytes == BOXES[0].nbytes + frame.planes.nbytes + frame.maps.nbytes + grids
    before, networks = frame.nbytes, frame.networks
    assert frame.nbytes == before + networks.first.nbytes + networks.second.nbytes
    before = frame.nbytes
    frame.hash.collapse()
    assert frame.nbytes == before + (0 if collapse else 3 * field.hash.levels.plane_offsets[-1] * 2 * 4)


def test_a_frame_of_a_function_takes_its_box() -> None:
    assert function().nbytes == function().box.nbytes
    assert function().tracer(torch.ones(2, 2, 2, dtype=torch.bool), 0.1, fast=True) is None
