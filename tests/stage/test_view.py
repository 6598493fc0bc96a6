"""Views become cameras: what a camera of the capture saw, and a lens in the middle of a window."""

from __future__ import annotations

import numpy as np
import pytest

from dymap.geometry.camera import Camera, look_at
from dymap.stage.message import View
from dymap.stage.view import camera_of, full_size, scaled

R, T = look_at((0, -3, 1), (0, 0, 1))


def test_a_lens_by_its_angle_fills_the_window() -> None:
    view = View(0, 0, R, T, (800, 400), fov=0.8)
    for width, height in ((800, 400), (200, 100), (101, 50)):
        camera = camera_of(view, width, height)
        top = camera.R.T @ np.linalg.inv(camera.K) @ (width / 2, 0, 1)
        right = camera.R.T @ np.linalg.inv(camera.K) @ (width, height / 2, 1)
        middle = camera.R.T @ (0, 0, 1)
        assert np.tan(0.4) == pytest.approx(np.linalg.norm(top - middle))
        assert 2 * np.tan(0.4) == pytest.approx(np.linalg.norm(right - middle))
        np.testing.assert_allclose(camera.position, (0, -3, 1), atol=1e-12)
        assert camera.pixel_offset == 0.5


def test_a_capture_s_camera_is_itself_in_its_own_window() -> None:
    own = Camera(np.array([[90, 0, 40], [0, 95, 33], [0, 0, 1.0]]), R, T, 90, 60)
    view = View(0, 0, R, T, (90, 60), K=own.K, image=(90, 60))
    same = camera_of(view, 90, 60)
    np.testing.assert_array_equal(same.K, own.K)
    np.testing.assert_allclose(camera_of(view, 45, 30).K, own.resized(45, 30).K)


def test_pictures_have_the_window_s_shape_and_no_more_than_so_many_pixels() -> None:
    assert full_size((300, 200), 512) == (300, 200)
    assert full_size((3000, 2000), 512) == (512, 341)
    assert full_size((16384, 1), 512) == (512, 1)
    assert scaled((512, 341), 0.25) == (128, 85)
    assert scaled((512, 20), 0.01) == (16, 16)
    assert scaled((1, 1), 0.2) == (1, 1)
