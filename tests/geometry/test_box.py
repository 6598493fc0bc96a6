"""Boxes around points, and their projections."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dymap.geometry.box import bounding_rectangle, box_corners, box_of_points, projected_box_mask, scale_box
from dymap.geometry.camera import Camera, look_at
from tests.geometry.test_rays import golden_camera
from tests.golden.sources import Golden


def camera() -> Camera:
    R, T = look_at((3, 0.5, 0.8), (0, 0, 0.2))
    return Camera(np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]]), R, T, 64, 48)


def test_box_holds_its_points_with_padding() -> None:
    points = np.random.default_rng(0).normal(size=(100, 3))
    box = box_of_points(points, 0.1)
    np.testing.assert_allclose(points.min(0) - box[0], 0.1, atol=1e-6)
    np.testing.assert_allclose(box[1] - points.max(0), 0.1, atol=1e-6)
    assert box.dtype == np.float32


def test_scaling_keeps_the_centre_and_shifting_the_size() -> None:
    box = box_of_points(np.random.default_rng(0).normal(size=(100, 3)))
    scaled = scale_box(box, 0.8, (0.1, 0.2, 0.4))
    np.testing.assert_allclose(scaled.mean(0), box.mean(0) + np.array([0.1, 0.2, 0.4]), atol=1e-6)
    np.testing.assert_allclose(np.ptp(scaled, axis=0), 0.8 * np.ptp(box, axis=0), atol=1e-6)
    np.testing.assert_allclose(scale_box(scale_box(box, 0.5), 2.0), box, atol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (5, 2), (3,)])
def test_points_of_a_box_have_a_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \[n, 3\]"):
        box_of_points(np.zeros(shape))


def test_corners_are_all_combinations() -> None:
    corners = box_corners([[0, 1, 2], [10, 11, 12]])
    assert {tuple(c) for c in corners} == {(x, y, z) for x in (0, 10) for y in (1, 11) for z in (2, 12)}
    assert corners[1].tolist() == [0, 1, 12], "z runs fastest"


def test_projected_mask_holds_every_point_of_the_box() -> None:
    box = np.array([[-0.3, -0.4, -0.2], [0.5, 0.3, 0.7]])
    points = np.random.default_rng(0).uniform(box[0], box[1], size=(5000, 3))
    pixels = np.round(camera().project(points)[0]).astype(int)
    mask = projected_box_mask(box, camera())
    assert cv2.dilate(mask, np.ones((3, 3)))[pixels[:, 1], pixels[:, 0]].all(), "up to the corners' rounding"
    # and it is no larger than the corners' rectangle
    x, y, width, height = bounding_rectangle(mask)
    corners = np.round(camera().project(box_corners(box))[0])
    assert (x, y) == tuple(corners.min(0))
    assert (x + width - 1, y + height - 1) == tuple(corners.max(0))


def test_a_box_out_of_sight_has_an_empty_mask() -> None:
    mask = projected_box_mask([[-20, 30, 0], [-19.9, 30.1, 0.1]], camera())
    assert not mask.any()
    assert bounding_rectangle(mask) == (0, 0, 0, 0)


def test_a_box_larger_than_the_image_fills_it() -> None:
    assert projected_box_mask([[-9, -12, -12], [-8, 12, 12]], camera()).all()


@pytest.mark.parametrize("target", [(3, 0.5, 0.8), (9, 1.5, 2.4)])
def test_a_camera_in_or_behind_the_box_is_an_error(target: tuple[float, float, float]) -> None:
    box = np.stack([np.array(target) - 0.5, np.array(target) + 0.5])
    with pytest.raises(ValueError, match="camera 'left' stands inside the box or looks away"):
        projected_box_mask(box, replace(camera(), name="left"))


def test_golden_boxes(golden: Golden) -> None:
    arrays = golden.arrays("geometry")
    vertices, padding = arrays["vertices"], float(arrays["box_padding"])
    arrays.check("bounds", box_of_points(vertices, padding), atol=1e-6)
    arrays.check("bounds_scale", scale_box(box_of_points(vertices, padding), 0.8, (0, 0, 0.4)), atol=1e-6)
    M = arrays["transform"]
    moved = vertices @ M[:3, :3].T + M[:3, 3]
    arrays.check("bounds_transform", box_of_points(moved, padding), atol=1e-6)


@pytest.mark.parametrize("c", range(6))
def test_golden_projected_masks(golden: Golden, c: int) -> None:
    arrays = golden.arrays("geometry")
    arrays.check(f"bound_mask_c{c}", projected_box_mask(arrays["wbounds"], golden_camera(arrays, c)))
