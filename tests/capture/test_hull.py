"""Visual hull: what the masks leave, conservatively."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture.hull import carve, crossing
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.grid import grid_shape

BOX = np.array([[-1, -1, -1], [1, 1, 1]], np.float32)
RADIUS = 0.5


def rig(count: int = 8) -> list[Camera]:
    cameras = []
    for k, angle in enumerate(np.arange(count) * 2 * np.pi / count):
        R, T = look_at((4 * np.cos(angle), 4 * np.sin(angle), 1.5 * (-1) ** k), (0, 0, 0))
        cameras.append(Camera(np.array([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]]), R, T, 100, 80))
    return cameras


def ball_mask(camera: Camera, centre: tuple[float, float, float] = (0, 0, 0)) -> NDArray[np.uint8]:
    """Pixels whose ray meets the ball of radius RADIUS."""
    row, column = np.mgrid[: camera.height, : camera.width]
    d = np.stack([column, row, np.ones_like(row)], -1) @ np.linalg.inv(camera.K).T
    d /= np.linalg.norm(d, axis=-1, keepdims=True)
    local = camera.R @ np.array(centre) + camera.T
    distance2 = local @ local - (d @ local) ** 2
    return (distance2 < RADIUS**2).astype(np.uint8)


def voxels(shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """[gx, gy, gz, 3] centres."""
    axes = [BOX[0, k] + (BOX[1, k] - BOX[0, k]) * (np.arange(n) + 0.5) / n for k, n in enumerate(shape)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1)


def test_nothing_of_the_scene_is_lost() -> None:
    cameras = rig()
    grid = carve(cameras, [ball_mask(c) for c in cameras], BOX, (20, 21, 22))
    distance = np.linalg.norm(voxels((20, 21, 22)), axis=-1)
    assert grid[distance < RADIUS].all()


def test_most_of_the_rest_is_gone() -> None:
    cameras = rig()
    grid = carve(cameras, [ball_mask(c) for c in cameras], BOX, (40, 40, 40))
    distance = np.linalg.norm(voxels((40, 40, 40)), axis=-1)
    assert not grid[distance > RADIUS * 1.6].any()
    assert grid.mean() < 2 * (distance < RADIUS).mean()


def test_each_camera_carves_on() -> None:
    cameras = rig()
    masks = [ball_mask(c) for c in cameras]
    volumes = [carve(cameras[:n], masks[:n], BOX, (16, 16, 16)) for n in range(1, 9)]
    for more, fewer in itertools.pairwise(volumes):
        assert not (fewer & ~more).any()


def test_a_view_says_nothing_about_what_it_does_not_see() -> None:
    """A camera that looks elsewhere with an empty mask carves nothing."""
    cameras = rig(4)
    masks = [ball_mask(c) for c in cameras]
    R, T = look_at((4, 0, 0), (9, 0, 0))
    away = Camera(cameras[0].K, R, T, 100, 80)
    with_away = carve([*cameras, away], [*masks, np.zeros((80, 100), np.uint8)], BOX, (12, 12, 12))
    np.testing.assert_array_equal(with_away, carve(cameras, masks, BOX, (12, 12, 12)))
    nowhere = carve([away], [np.ones((80, 100), np.uint8)], BOX, (12, 12, 12))
    assert not nowhere.any(), "what no camera sees is empty"


def test_voxels_are_nearly_cubes() -> None:
    box = np.array([[0, 0, 0], [1.0, 0.5, 2.03]], np.float32)
    shape = grid_shape(box, 64)
    assert shape == (32, 16, 64)
    assert grid_shape(np.array([[0, 0, 0], [1e-3, 1, 1]], np.float32), 8) == (1, 8, 8)


def test_lines_of_sight_cross_by_their_angle() -> None:
    """Cameras that face each other, or stand side by side, cross by nothing; three by more than two."""
    cameras, centre = rig(8), np.zeros((1, 3))

    def crossed(*views: int) -> float:
        shown = np.isin(np.arange(8), views)[:, None]
        return float(crossing(cameras, centre, shown)[0])

    def angle_of(a: int, b: int) -> float:
        p, q = cameras[a].position, cameras[b].position
        return float(np.abs(p @ q) / np.linalg.norm(p) / np.linalg.norm(q))

    for a, b in itertools.combinations(range(8), 2):
        assert crossed(a, b) == pytest.approx(1 - angle_of(a, b))
    assert crossed(3) == pytest.approx(0)
    assert crossed(0, 2, 5) > max(crossed(0, 2), crossed(0, 5), crossed(2, 5))


def test_so_many_views_as_allowed_may_be_outvoted() -> None:
    """One bad mask carves all of the scene away; outvoted, none of it. Two are more than one."""
    cameras = rig()
    masks = [ball_mask(c) for c in cameras]
    good = carve(cameras, masks, BOX, (16, 16, 16), 5, 0.8)
    for bad in (0, 3):
        masks[bad] = np.zeros_like(masks[bad])
        assert carve(cameras, masks, BOX, (16, 16, 16), 5, 0.8, against=1)[good].all() == (bad == 0)
        assert not carve(cameras, masks, BOX, (16, 16, 16), 5, 0.8).any()


def test_blocks_give_what_voxels_one_by_one_give() -> None:
    """Whatever is asked of the cameras, a voxel is judged the same inside a block and for itself."""
    cameras = rig(5)
    masks = [ball_mask(c, (0.2, 0.1, 0.3)) for c in cameras]
    shape = (19, 18, 17)
    size = (BOX[1] - BOX[0]) / np.array(shape)
    for asked in ((1, 0.0, 0), (3, 0.8, 0), (3, 0.8, 1), (5, 0.0, 0)):
        grid = carve(cameras, masks, BOX, shape, *asked)
        for index in np.random.default_rng(0).integers(0, shape, (60, 3)):
            corner = (BOX[0] + index * size).astype(np.float32)
            one = carve(cameras, masks, np.stack([corner, corner + size]).astype(np.float32), (1, 1, 1), *asked)
            assert one.item() == grid[tuple(index)], (asked, index)
