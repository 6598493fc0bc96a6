"""The viewer's cameras: what a browser reports <-> a Camera; which way is up; where orbit controls begin."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dymap.geometry.camera import Camera, look_at, up_direction
from dymap.play.viewer.camera import (
    MIN_SIDE,
    OrbitPose,
    View,
    camera_of,
    draft_side,
    first_pose,
    matrix_to_quaternion,
    picture_size,
    pose_at,
    quaternion_to_matrix,
    view_of,
)
from tests.video.videos import cameras

BOX = np.array([[-0.6, -0.5, -0.1], [0.6, 0.7, 1.8]])
RNG = np.random.default_rng(3)
TURNS = [*RNG.normal(size=(20, 3)), np.zeros(3), *(np.pi * np.eye(3)), np.array([np.pi, np.pi, 0]) / np.sqrt(2)]


def level_camera(
    position: tuple[float, float, float], width: int = 64, height: int = 48, up: tuple[float, ...] = (0, 0, 1)
) -> Camera:
    """Looks at the box, with square pixels and the principal point in the middle (centres at + 0.5)."""
    K = np.array([[70.0, 0, width / 2], [0, 70.0, height / 2], [0, 0, 1]])
    return Camera(K, *look_at(position, BOX.mean(axis=0), up), width, height, pixel_offset=0.5)


def rotation(pose: OrbitPose) -> np.ndarray:
    """World -> camera, as orbit controls hold it."""
    return look_at(pose.position, pose.look_at, pose.up)[0]


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: np.array2string(turn, precision=2))
def test_quaternions_and_rotations_come_back(turn: np.ndarray) -> None:
    """Against OpenCV's rotation vectors, half turns included."""
    matrix = cv2.Rodrigues(turn)[0]
    q = matrix_to_quaternion(matrix)
    assert q[0] >= 0
    np.testing.assert_allclose(np.linalg.norm(q), 1, atol=1e-12)
    np.testing.assert_allclose(quaternion_to_matrix(q), matrix, atol=1e-12)
    np.testing.assert_allclose(quaternion_to_matrix(-3 * q), matrix, atol=1e-12)
    half = np.linalg.norm(turn) / 2
    expected = np.concatenate([[np.cos(half)], np.sinc(half / np.pi) * turn / 2])
    np.testing.assert_allclose(abs(q @ expected), 1, atol=1e-12)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (50, 50)])
def test_cameras_come_back(size: tuple[int, int]) -> None:
    for position in ((3.0, 0, 1), (-1, 2, 3), (0.1, -4, -1)):
        camera = level_camera(position, *size)
        back = camera_of(view_of(camera), max(size))
        assert (back.width, back.height, back.pixel_offset) == (*size, 0.5)
        for key in ("K", "R", "T"):
            np.testing.assert_allclose(getattr(back, key), getattr(camera, key), atol=1e-9)


def test_views_come_back() -> None:
    view = View(np.array([1.0, 2, 3]), matrix_to_quaternion(cv2.Rodrigues(TURNS[0])[0]), 0.7, 1.5)
    back = view_of(camera_of(view, 300))
    np.testing.assert_allclose([*back.position, *back.wxyz], [*view.position, *view.wxyz], atol=1e-12)
    assert (back.fov, back.aspect) == pytest.approx((view.fov, view.aspect))


def test_what_is_seen_does_not_depend_on_the_resolution() -> None:
    """A point is at the same share of the window; the corners of the window are those of the field of view."""
    view = View(
        np.array([0.0, -3, 1]), matrix_to_quaternion(look_at((0, -3, 1), (0, 0, 1))[0].T), np.radians(40), 16 / 9
    )
    points = BOX.mean(axis=0) + RNG.normal(size=(5, 3)) * 0.3
    shares = []
    for side in (32, 333, 1000):
        camera = camera_of(view, side)
        pixels, _ = camera.project(points)
        shares.append((pixels + 0.5) / (camera.width, camera.height))
    np.testing.assert_allclose(shares[1:], [shares[0]] * 2, atol=1e-9)
    top = np.array([0, np.tan(view.fov / 2), 1.0])
    corner = view.position + quaternion_to_matrix(view.wxyz) @ (top * (1, -1, 1) + (top[1] * view.aspect, 0, 0))
    np.testing.assert_allclose(camera.project([corner])[0][0] + 0.5, (camera.width, 0), atol=1e-6)


def test_pictures_have_the_window_s_shape() -> None:
    assert picture_size(2.0, 512) == (512, 256)
    assert picture_size(0.5, 512) == (256, 512)
    assert picture_size(1.0, 512) == (512, 512)
    assert picture_size(1e-3, 64) == (MIN_SIDE, 64)
    assert picture_size(1e3, 64) == (64, MIN_SIDE)


def test_drafts_are_as_large_as_there_is_time_for() -> None:
    assert draft_side(512, None, 0.05) == 256
    assert draft_side(512, 0.04, 0.05) == 512
    assert draft_side(500, 0.05, 0.05) == 500
    assert draft_side(512, 0.2, 0.05) == 256
    assert draft_side(512, 100.0, 0.05) == 128
    assert draft_side(64, 100.0, 0.05) == 16


def test_up_is_found_from_cameras_that_are_held_level() -> None:
    for up in ((0, 0, 1.0), (0, 1.0, 0), (0, -0.6, 0.8)):
        middle = BOX.mean(axis=0)
        around = np.linalg.svd(np.array([up]))[2][1:]
        places = [middle + 3 * (np.cos(a) * around[0] + np.sin(a) * around[1]) + np.array(up) for a in (0, 0.7, 1.5)]
        ring = [level_camera(tuple(place), up=up) for place in places]  # all pitched downwards, on one side
        np.testing.assert_allclose(up_direction(ring), up, atol=1e-9)
        np.testing.assert_allclose(up_direction(ring[:1]), -ring[0].R[1], atol=1e-12)
    np.testing.assert_allclose(up_direction([]), (0, 0, 1))


def test_orbit_controls_can_show_exactly_what_a_camera_sees() -> None:
    """Exactly, rolled cameras and those that are upside down too; they turn around a point near the middle."""
    middle = BOX.mean(axis=0)
    for camera in cameras(6):
        for roll in (0, 0.3, np.pi / 2, np.pi):
            rolled = replace(camera, R=cv2.Rodrigues(np.array([0.0, 0, roll]))[0] @ camera.R)
            rolled = replace(rolled, T=-rolled.R @ camera.position)
            pose = pose_at(rolled, (0, 0, 1), middle)
            np.testing.assert_allclose(rotation(pose), rolled.R, atol=1e-9)
            np.testing.assert_allclose(pose.position, camera.position, atol=1e-9)
            assert np.linalg.norm(pose.look_at - middle) < 0.3
            assert pose.fov == pytest.approx(2 * np.arctan(camera.height / 2 / camera.K[1, 1]))
        level = pose_at(camera, (0, 0, 1), middle)
        np.testing.assert_allclose(level.up, (0, 0, 1), atol=1e-9)
    away = level_camera((0, -3, 1))
    turned = replace(away, R=away.R * [[-1], [1], [-1]], T=away.T * [-1, 1, -1])
    np.testing.assert_allclose(rotation(pose_at(turned, (0, 0, 1), middle)), turned.R, atol=1e-9)


def test_the_first_pose_is_at_the_first_camera() -> None:
    ring = cameras(6)
    pose = first_pose(ring, BOX, (0, 0, 1))
    np.testing.assert_allclose(pose.position, ring[0].position)
    np.testing.assert_allclose(pose.look_at, BOX.mean(axis=0))
    np.testing.assert_allclose(pose.up, (0, 0, 1))


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 1, 0), (1, 0, 0)])
def test_without_cameras_the_first_pose_is_outside_the_box(up: tuple[int, int, int]) -> None:
    pose = first_pose([], BOX, up)
    assert 0.9 * pose.fov > 2 * np.arctan(
        0.5 * np.linalg.norm(BOX[1] - BOX[0]) / np.linalg.norm(pose.position - pose.look_at)
    )
    assert (pose.position - pose.look_at) @ np.array(up) == pytest.approx(0)
    if up == (0, 0, 1):
        assert pose.position[1] < BOX[0, 1]
