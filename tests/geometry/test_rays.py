"""Rays through pixels, and where they meet a box."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import Rays, Rig, camera_rays, pixel_directions, pixel_grid, slab_test
from tests.golden.sources import Arrays, Golden

BOX = torch.tensor([[-0.5, -0.4, -0.1], [0.6, 0.5, 1.5]])


def random_rays(count: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    origins = torch.randn(count, 3) * 2
    directions = torch.randn(count, 3)
    return origins, directions / directions.norm(dim=1, keepdim=True)


def golden_camera(arrays: Arrays, c: int, offset: float = 0.0) -> Camera:
    height, width = (int(v) for v in arrays["HW"])
    K, R, T = (arrays[key][c] for key in "KRT")
    return Camera(K, R, T, width, height, pixel_offset=offset)


def test_pixel_grid_runs_along_rows() -> None:
    R, T = look_at((3, 0, 0), (0, 0, 0))
    grid = pixel_grid(Camera(np.eye(3), R, T, 4, 3))
    assert grid[:5].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]]
    assert len(grid) == 12


def test_near_and_far_lie_on_the_surface_and_between_them_is_inside() -> None:
    o, d = random_rays()
    near, far, hit = slab_test(o, d, BOX)
    assert 10 < hit.sum() < 490

    def outside(t: torch.Tensor) -> torch.Tensor:
        """How far the points at t are outside the box (negative: inside), the largest axis."""
        p = (o + t[:, None] * d)[hit]
        return torch.maximum(BOX[0] - p, p - BOX[1]).amax(dim=1)

    middle = (near + far) / 2
    assert outside(near).abs().max() < 1e-4
    assert outside(far).abs().max() < 1e-4
    assert (outside(middle) < 0).all()


def test_rays_that_miss_never_enter() -> None:
    o, d = random_rays(200)
    _, _, hit = slab_test(o, d, BOX)
    t = torch.linspace(-10, 10, 4001)
    points = o[~hit, None] + t[:, None] * d[~hit, None]
    inside = ((points > BOX[0] + 1e-3) & (points < BOX[1] - 1e-3)).all(dim=-1)
    assert not inside.any()


def test_near_is_negative_inside_the_box() -> None:
    near, far, hit = slab_test(torch.zeros(1, 3), torch.tensor([[0.0, 0.6, 0.8]]), BOX)
    assert hit.all()
    assert near < 0 < far


def test_each_ray_has_its_own_origin() -> None:
    """The published slab test used the first ray's origin for all rays of a batch (method.md 15)."""
    o, d = random_rays(50)
    together = slab_test(o, d, BOX)
    alone = [
        torch.cat(parts) for parts in zip(*(slab_test(o[i : i + 1], d[i : i + 1], BOX) for i in range(50)), strict=True)
    ]
    for a, b in zip(together, alone, strict=True):
        assert torch.equal(a, b)


def test_no_rays() -> None:
    near, _, hit = slab_test(torch.zeros(0, 3), torch.zeros(0, 3), BOX)
    assert len(near) == len(hit) == 0


def test_chosen_pixels_are_rows_of_the_whole_image() -> None:
    R, T = look_at((3, 0.2, 0.3), (0, 0, 0.7))
    camera = Camera(np.array([[40.0, 0, 20], [0, 40, 15], [0, 0, 1]]), R, T, 40, 30)
    rays, hit = camera_rays(camera, BOX)
    chosen = np.random.default_rng(0).integers(0, 1200, 50)
    some, some_hit = camera_rays(camera, BOX, pixel_grid(camera)[chosen])
    assert torch.equal(some_hit, hit[chosen])
    row_of = torch.cumsum(hit, 0) - 1
    expected = rays[row_of[chosen][some_hit]]
    assert torch.equal(some.directions, expected.directions)
    assert torch.equal(some.near, expected.near)
    assert torch.equal(Rays.cat([some[:3], some[3:]]).far, some.far)


@pytest.mark.parametrize("c", [0, 1])
@pytest.mark.parametrize("centre", [0, 1])
def test_golden_rays(golden: Golden, c: int, centre: int) -> None:
    arrays = golden.arrays("geometry")
    camera = golden_camera(arrays, c, offset=0.5 * centre)
    arrays.check(f"rays_c{c}_center{centre}_o", camera.position, atol=1e-12)
    directions = pixel_directions(camera)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-12)
    arrays.check(f"rays_c{c}_center{centre}_d", directions.reshape(camera.height, camera.width, 3), atol=1e-12)


def test_golden_float32_rays(golden: Golden) -> None:
    """Rays that the published code makes in float32 differ from ours by rounding only."""
    arrays = golden.arrays("geometry")
    camera = golden_camera(arrays, 0)
    arrays.check("rays_torch_c0_o", camera.position.astype(np.float32), atol=1e-6)
    arrays.check("rays_torch_c0_d", pixel_directions(camera).astype(np.float32), atol=2e-6)


@pytest.mark.parametrize("c", range(6))
def test_golden_slab_tests(golden: Golden, c: int) -> None:
    arrays = golden.arrays("geometry")
    rays, hit = camera_rays(golden_camera(arrays, c), arrays.tensor("wbounds"))
    arrays.check(f"mask_at_box_c{c}", hit)
    arrays.check(f"near_c{c}", rays.near, atol=2e-6)
    arrays.check(f"far_c{c}", rays.far, atol=2e-6)


@pytest.mark.parametrize("which", ["special", "special2"])
def test_golden_axis_parallel_rays(golden: Golden, which: str) -> None:
    arrays = golden.arrays("geometry")
    near, far, hit = slab_test(arrays.tensor(f"{which}_o"), arrays.tensor("special_d"), arrays.tensor("wbounds"))
    arrays.check(f"{which}_mask", hit)
    arrays.check(f"{which}_near", near[hit], rtol=1e-6)
    arrays.check(f"{which}_far", far[hit], rtol=1e-6)


def test_a_rig_makes_the_rays_of_its_cameras() -> None:
    cameras = [
        Camera(np.array([[f, 0, 40], [0, f, 30], [0, 0, 1]]), *look_at(eye, (0, 0, 0.7)), 80, 60, pixel_offset=offset)
        for f, eye, offset in ((70, (3, 1, 1), 0), (40, (-1, 2, 2), 0.5))
    ]
    rng = np.random.default_rng(0)
    which, pixels = rng.integers(0, 2, 200), rng.integers(0, 80, (200, 2))
    rays, hit = Rig(cameras).rays(which, pixels, BOX)
    for k, camera in enumerate(cameras):
        expected, same = camera_rays(camera, BOX, pixels[which == k])
        assert torch.equal(hit[torch.from_numpy(which == k)], same)
        own = rays[torch.from_numpy(which == k)[hit]]
        for a, b in zip(vars(own).values(), vars(expected).values(), strict=True):
            torch.testing.assert_close(a, b)
