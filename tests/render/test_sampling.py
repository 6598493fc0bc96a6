"""Samples inside the hull: where they lie, and what length they stand for."""

from __future__ import annotations

import pytest
import torch

from dymap.geometry.grid import lookup, scattered_lines
from dymap.geometry.rays import Rays
from dymap.kernels import Depths, hull_depths
from dymap.kernels.reference.depths import BINS
from dymap.render.volume import integrate, render_rays
from tests.field.models import tiny_field
from tests.render.scenes import BOX, analytic, ball, rays


def hull(size: int = 16) -> torch.Tensor:
    """Voxels whose middle is within 0.75 of the centre."""
    line = (torch.arange(size) + 0.5) / size * 2 - 1
    return torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1).norm(dim=-1) < 0.75


def occupied(r: Rays, z: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """[R, N] whether points at depths z lie in occupied voxels."""
    points = r.origins[:, None] + r.directions[:, None] * z[..., None]
    voxel = ((points - BOX[0]) / (BOX[1] - BOX[0]) * torch.tensor(grid.shape)).long()
    voxel = torch.minimum(voxel.clamp(min=0), torch.tensor(grid.shape) - 1)
    return grid[tuple(voxel.unbind(-1))]


def sigma_grid() -> torch.Tensor:
    line = (torch.arange(16, dtype=torch.float64) + 0.5) / 16 * 2 - 1
    return ball(torch.stack(torch.meshgrid(line, line, line, indexing="ij"), -1))


each_density = pytest.mark.parametrize("drawn", [False, True], ids=["even", "drawn by density"])


def depths_of(r: Rays, grid: torch.Tensor, jitter: torch.Tensor, sigma: torch.Tensor | None = None) -> Depths:
    return hull_depths(r.origins, r.directions, r.near, r.far, BOX.to(r.near), grid, jitter, sigma)


def depths(r: Rays, drawn: bool, count: int = 24, grid: torch.Tensor | None = None) -> Depths:
    jitter = torch.rand(len(r), count, dtype=torch.float64)
    return depths_of(r, hull() if grid is None else grid, jitter, sigma_grid() if drawn else None)


@each_density
def test_samples_are_in_order_and_in_the_hull(drawn: bool) -> None:
    r = rays(200)
    z, dist, hit = depths(r, drawn)
    assert hit.any()
    assert (z[hit].diff(dim=1) >= 0).all()
    assert (dist[hit] >= -1e-9).all()
    width = ((r.far - r.near) / BINS)[:, None]
    near_hull = occupied(r, z, hull()) | occupied(r, z - width, hull()) | occupied(r, z + width, hull())
    assert near_hull[hit].all(), "bins are kept or dropped as a whole"


@each_density
def test_lengths_sum_to_the_length_inside_the_hull(drawn: bool) -> None:
    r = rays(200)
    _, dist, hit = depths(r, drawn)
    fine = r.near[:, None] + (r.far - r.near)[:, None] * (torch.arange(4000) + 0.5) / 4000
    inside = occupied(r, fine, hull()).double().mean(1) * (r.far - r.near)
    assert ((dist.sum(1) - inside).abs() <= 4 * (r.far - r.near) / BINS).all()
    assert not dist[~hit].abs().sum() > 1e-9


def test_a_full_hull_without_density_is_stratified_sampling() -> None:
    r = rays(30)
    jitter = torch.rand(30, 8, dtype=torch.float64)
    z, dist, hit = depths_of(r, torch.ones(4, 4, 4, dtype=torch.bool), jitter)
    s = (torch.arange(8) + jitter) / 8
    torch.testing.assert_close(z, r.near[:, None] + (r.far - r.near)[:, None] * s)
    torch.testing.assert_close(dist, ((r.far - r.near) / 8)[:, None].expand(30, 8))
    assert hit.all()


def test_an_empty_hull_is_missed() -> None:
    z, dist, hit = depths(rays(9), False, grid=torch.zeros(4, 4, 4, dtype=torch.bool))
    assert not hit.any()
    assert not dist.any()
    assert torch.isfinite(z).all()


@each_density
def test_images_converge_to_those_of_the_whole_box(drawn: bool) -> None:
    """The scene lies inside the hull, so leaving the rest out changes nothing but noise."""
    r = rays(60)
    expected = render_rays(analytic(ball), r, 3000)
    z, dist, hit = depths(r, drawn, count=800)
    some = torch.nonzero(hit)[:, 0]
    seen = integrate(analytic(ball), r[some], z[some], dist[some]).among(r, some)
    torch.testing.assert_close(seen.acc, expected.acc, atol=0.02, rtol=0)
    torch.testing.assert_close(seen.rgb, expected.rgb, atol=0.02, rtol=0)


def test_density_draws_samples_to_what_is_seen() -> None:
    """Of an opaque ball only the front is seen: samples move there from its back."""
    r = rays(60)
    middle = -(r.origins * r.directions).sum(1, keepdim=True)  # where a ray is nearest to the ball's centre
    front = []
    for sigma in (None, 100 * sigma_grid()):
        z, _, hit = depths_of(r, hull(), torch.full((60, 32), 0.5, dtype=torch.float64), sigma)
        front.append(float((z < middle)[hit].double().mean()))
    assert front[0] < 0.55
    assert front[1] > 0.7


def test_some_samples_ignore_the_density() -> None:
    """A fully opaque wall in front of the hull leaves the share UNIFORM_SHARE spread over the rest."""
    r = rays(30)
    wall = torch.full((16, 16, 16), 1e6, dtype=torch.float64)
    z, _, hit = depths_of(r, torch.ones(16, 16, 16, dtype=torch.bool), torch.full((30, 40), 0.5).double(), wall)
    assert hit.all()
    beyond = (z > (r.near + 0.1 * (r.far - r.near))[:, None]).double().mean(1)
    assert (beyond > 0.3).all()
    assert (beyond < 0.5).all()


def test_scattered_lines_has_one_point_in_every_interval() -> None:
    for n, line in zip((3, 4, 7), scattered_lines([torch.rand(n) for n in (3, 4, 7)]), strict=True):
        assert torch.equal((line * n).long(), torch.arange(n))


def test_lookup_finds_the_voxel_of_each_point() -> None:
    """A grid finer or coarser than the lattice; brute force over all combinations."""
    grid = torch.rand(5, 6, 7)
    axes = [torch.rand(n) for n in (4, 3, 9)]
    found = lookup(grid, axes)
    for i, x in enumerate(axes[0]):
        for j, y in enumerate(axes[1]):
            for k, z in enumerate(axes[2]):
                assert found[i, j, k] == grid[int(x * 5), int(y * 6), int(z * 7)]
    assert lookup(grid, [torch.ones(1)] * 3).item() == grid[-1, -1, -1]


def test_samples_have_no_gradients() -> None:
    field = tiny_field()
    sigma = field.at(0).density_lattice(scattered_lines([torch.rand(4)] * 3))
    sigma.sum().backward()
    assert field.hash.xyt.grad is not None
    r = rays(5)
    single = Rays(*(value.float() for value in vars(r).values()))
    z = depths_of(single, torch.ones(6, 7, 5, dtype=torch.bool), torch.rand(5, 6), sigma).z
    assert not z.requires_grad
