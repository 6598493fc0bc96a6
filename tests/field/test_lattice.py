"""Density on a lattice equals density at its points."""

from __future__ import annotations

import pytest
import torch

from dymap.field.lattice import density_lattice
from tests.field.models import tiny_field


@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 7, 3), (2, 11, 6)])
@torch.no_grad()
def test_lattice_equals_pointwise(sizes: tuple[int, int, int]) -> None:
    frame = tiny_field(torch.float64).at(1)
    x, y, z = (torch.rand(n, dtype=torch.float64) for n in sizes)
    points = torch.stack(torch.meshgrid(x, y, z, indexing="ij"), -1).reshape(-1, 3)
    expected = frame.density(points)[0].reshape(sizes)
    torch.testing.assert_close(density_lattice(frame, x, y, z), expected)


@torch.no_grad()
def test_faces_and_corners_of_the_box_are_inside() -> None:
    frame = tiny_field(torch.float64).at(0)
    line = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
    points = torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    torch.testing.assert_close(density_lattice(frame, line, line, line).reshape(-1), frame.density(points)[0])


@pytest.mark.parametrize("collapse", [True, False])
def test_planes_alone_sum_to_all(collapse: bool) -> None:
    frame = tiny_field().at(1, collapse=collapse)
    position = torch.rand(37, 3)
    alone = [frame.features(position, (plane,)) for plane in range(3)]
    for part, whole in zip(zip(*alone, strict=True), frame.features(position), strict=True):
        torch.testing.assert_close(sum(part), whole)
    outside = position.index_fill(1, torch.tensor([2]), -1.0)  # where xz and yz give zeros
    for part, whole in zip(frame.features(position, (0,)), frame.features(outside), strict=True):
        torch.testing.assert_close(part, whole)
