"""Visual hull: what the masks leave, conservatively."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from dymap.capture.hull import carve
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
