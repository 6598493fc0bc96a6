"""Densities on a lattice, and sums over them: every back end against the reference, that against its points."""

from __future__ import annotations

import pytest
import torch

from dymap import kernels
from dymap.kernels import using
from tests.kernels.cases import LEVELS, compare, each_variant, strided

ENCODED = LEVELS.levels * 2
SIZES = [(1, 1, 1), (5, 7, 3), (2, 11, 40)]


@each_variant
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("channels", [ENCODED, 13])
def test_density_lattice(variant: str, channels: int, sizes: tuple[int, ...]) -> None:
    lines = [torch.rand(n, 2)[:, 0] for n in sizes]  # not contiguous
    planes, grids = strided(3, 9, 9, 2 * channels), strided(3, LEVELS.plane_offsets[-1], 2)
    compare(variant, lambda a, b: kernels.density_lattice(a, b, LEVELS, lines), planes, grids)


@each_variant
def test_density_lattice_without_gradients_in_most_places(variant: str) -> None:
    lines = [torch.rand(n) for n in (4, 9, 70)]
    planes, grids = strided(3, 9, 9, 2 * ENCODED), strided(3, LEVELS.plane_offsets[-1], 2)
    some = torch.rand(4, 9, 70) * (torch.rand(4, 9, 70) < 0.02)
    compare(variant, lambda a, b: (kernels.density_lattice(a, b, LEVELS, lines) * some).sum(dim=0), planes, grids)


@pytest.mark.parametrize("sizes", SIZES)
def test_reference_on_a_lattice_is_density_at_its_points(sizes: tuple[int, ...]) -> None:
    lines = [torch.rand(n, dtype=torch.float64) for n in sizes]
    planes = torch.randn(3, 9, 9, 2 * ENCODED, dtype=torch.float64)
    grids = torch.randn(3, LEVELS.plane_offsets[-1], 2, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(*lines, indexing="ij"), -1).view(-1, 3)
    with using("torch"):
        expected = kernels.density(planes, grids, LEVELS, points)[0].view(sizes)
        torch.testing.assert_close(kernels.density_lattice(planes, grids, LEVELS, lines), expected)


@each_variant
@pytest.mark.parametrize("shape", [(0,), (1,), (3, 5, 7), (40, 30, 33)])
def test_opacity_sum(variant: str, shape: tuple[int, ...]) -> None:
    mask = torch.rand(*shape[::-1]).permute(*range(len(shape))[::-1]) < 0.7
    compare(variant, lambda sigma: kernels.opacity_sum(sigma, mask, 0.3)[None], strided(*shape))


@each_variant
def test_opacity_sum_of_what_is_no_number_is_none(variant: str) -> None:
    sigma = torch.randn(50)
    sigma[33] = float("nan")
    with using(variant):
        assert kernels.opacity_sum(sigma, torch.ones(50, dtype=torch.bool), 0.1).isnan()
        assert kernels.total_variation(sigma.view(1, 5, 10), 0.1).isnan()


@each_variant
@pytest.mark.parametrize("shape", [(0, 3, 3), (1, 1, 1), (4, 1, 9), (3, 5, 7), (40, 30, 33)])
def test_total_variation(variant: str, shape: tuple[int, ...]) -> None:
    compare(variant, lambda sigma: kernels.total_variation(sigma, 0.3)[None], strided(*shape))


@pytest.mark.parametrize("variant", [*kernels.available()])
def test_total_variation_of_a_block_is_its_surface(variant: str) -> None:
    sigma = torch.full((6, 7, 9), -1.0)
    sigma[2:4, 3:6, 1:5] = 1e6
    with using(variant):
        assert kernels.total_variation(sigma, 0.1).item() == 2 * (2 * 3 + 2 * 4 + 3 * 4)


@pytest.mark.parametrize("variant", [*kernels.available()])
@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 1, 9), (7, 6, 2)])
def test_max_pool(variant: str, shape: tuple[int, ...]) -> None:
    grid = strided(*shape)
    expected = torch.nn.functional.max_pool3d(grid[None], 3, stride=1, padding=1)[0]
    with using(variant):
        torch.testing.assert_close(kernels.max_pool(grid), expected, rtol=0, atol=0)
