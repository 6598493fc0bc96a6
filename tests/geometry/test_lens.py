"""Lenses: every number of coefficients, pictures undistorted and distorted again, lenses that fold."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dymap.geometry.camera import Camera
from dymap.geometry.lens import Lens, distort, folds, undistort, undistort_nearest

K = np.array([[70.0, 0, 32.3], [0, 72.0, 23.1], [0, 0, 1]])
WIDTH, HEIGHT = 64, 48
LENSES: list[tuple[Lens, list[float]]] = [
    ("opencv", [0.1, -0.02, 1e-3, -2e-3]),
    ("opencv", [0.1, -0.02, 1e-3, -2e-3, 1e-3]),
    ("opencv", [0.1, -0.02, 1e-3, -2e-3, 1e-3, 0.02, -0.01, 0.003]),
    ("opencv", [0.1, -0.02, 1e-3, -2e-3, 1e-3, 0.02, -0.01, 0.003, 0.01, -0.003, 0.004, 0.002]),
    ("opencv", [0.1, -0.02, 1e-3, -2e-3, 1e-3, 0.02, -0.01, 0.003, 0.01, -0.003, 0.004, 0.002, 0.02, -0.01]),
    ("fisheye", [0.05, -0.01, 0.003, -0.001]),
    ("fisheye", [0.0, 0.0, 0.0, 0.0]),
]


def camera(D: list[float], lens: Lens) -> Camera:
    return Camera(K, np.eye(3), np.zeros(3), WIDTH, HEIGHT, np.array(D), "lens", lens=lens)


@pytest.mark.parametrize(("lens", "D"), LENSES)
def test_an_undistorted_picture_shows_at_each_pixel_what_the_lens_showed(lens: Lens, D: list[float]) -> None:
    c = camera(D, lens)
    assert c.distorted
    assert not c.undistorted().distorted
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    flat = undistort(np.stack([columns, rows, np.ones_like(rows)], axis=-1), c.K, c.D, c.lens)
    seen = flat[..., 2] > 0.999  # whole pixels of the real picture
    ideal = np.stack([(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1]], axis=-1).reshape(-1, 2)
    expected = distort(ideal.astype(np.float64), c.K, c.D, c.lens).reshape(HEIGHT, WIDTH, 2)
    np.testing.assert_allclose(flat[seen][:, :2], expected[seen], atol=0.05)  # maps are rounded to 1/32 pixel
    assert seen.mean() > 0.7


@pytest.mark.parametrize(("lens", "D"), [LENSES[0], LENSES[-2]])
def test_a_skew_is_a_real_lens_s_too(lens: Lens, D: list[float]) -> None:
    """OpenCV leaves it out: the picture is the one without skew, sheared."""
    skewed = K + np.array([[0, 9.0, 0], [0, 0, 0], [0, 0, 0]])
    points = np.random.default_rng(0).uniform(-0.3, 0.3, (20, 2))
    straight, found = distort(points, K, np.array(D), lens), distort(points, skewed, np.array(D), lens)
    np.testing.assert_allclose(found[:, 1], straight[:, 1], atol=1e-9)
    np.testing.assert_allclose(found[:, 0], straight[:, 0] + 9 / 72 * (straight[:, 1] - K[1, 2]), atol=1e-6)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    flat = undistort(np.stack([columns, rows, np.ones_like(rows)], axis=-1), skewed, np.array(D), lens)
    seen = flat[..., 2] > 0.999
    pixels = np.stack([columns, rows, np.ones_like(rows)], axis=-1).reshape(-1, 3).astype(np.float64)
    expected = distort((pixels @ np.linalg.inv(skewed).T)[:, :2], skewed, np.array(D), lens)
    np.testing.assert_allclose(flat[seen][:, :2], expected.reshape(HEIGHT, WIDTH, 2)[seen], atol=0.05)
    assert not folds(skewed, np.array(D), lens, WIDTH, HEIGHT)


def test_a_fisheye_picture_follows_the_angle_to_the_axis() -> None:
    x = np.array([[np.tan(0.7), 0.0]])
    theta = 0.7 * (1 + 0.05 * 0.7**2)
    np.testing.assert_allclose(
        distort(x, K, np.array([0.05, 0, 0, 0]), "fisheye"), [[K[0, 0] * theta + K[0, 2], K[1, 2]]]
    )


@pytest.mark.parametrize(("lens", "D"), LENSES)
def test_labels_are_never_mixed(lens: Lens, D: list[float]) -> None:
    c = camera(D, lens)
    labels = np.random.default_rng(0).choice(np.array([0, 1, 100], np.uint8), (HEIGHT, WIDTH))
    assert set(np.unique(undistort_nearest(labels, c.K, c.D, c.lens))) <= {0, 1, 100}


def test_a_lens_that_turns_round_inside_the_picture_folds() -> None:
    assert folds(K, np.array([-1.5, 0, 0, 0, 0]), "opencv", WIDTH, HEIGHT)
    assert folds(K, np.array([-2.0, 0, 0, 0]), "fisheye", WIDTH, HEIGHT)
    for lens, D in LENSES:
        assert not folds(K, camera(D, lens).D, lens, WIDTH, HEIGHT), (lens, D)


def test_a_barrel_lens_that_turns_only_outside_the_picture_does_not_fold() -> None:
    D = np.array([-0.28, 0.0, 0.0, 0.0, 0.0])  # turns at a radius of 1.09; the corners are at 0.57
    assert not folds(K, D, "opencv", WIDTH, HEIGHT)


def test_four_coefficients_are_five_with_a_zero() -> None:
    assert camera([0.1, 0.2, 0.3, 0.4], "opencv").D.tolist() == [0.1, 0.2, 0.3, 0.4, 0.0]
    image = np.random.default_rng(0).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    four = camera([0.1, -0.02, 1e-3, 2e-3], "opencv")
    np.testing.assert_array_equal(undistort(image, K, four.D), cv2.undistort(image, K, four.D[:4]))
