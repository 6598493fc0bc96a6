"""Cameras: projection, rigid motions as a group, image sizes."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dymap.geometry.camera import Array, Camera, look_at
from dymap.geometry.rays import pixel_directions, pixel_grid


def camera(seed: int = 0, **options: object) -> Camera:
    rng = np.random.default_rng(seed)
    K = np.array([[90.0, 0.3, 31.0], [0, 85.0, 24.5], [0, 0, 1]])
    R, T = look_at(rng.normal(size=3) * 3 + [4, 0, 0], rng.normal(size=3) * 0.2)
    return Camera(K, R, T, 64, 48, np.array([0.1, -0.02, 1e-3, -2e-3, 1e-3]), "test", **options)  # type: ignore[arg-type]


def rigid(seed: int) -> Array:
    rng = np.random.default_rng(seed)
    M = np.eye(4)
    M[:3, :3] = cv2.Rodrigues(rng.normal(size=3))[0]
    M[:3, 3] = rng.normal(size=3)
    return M


def move(M: Array, points: Array) -> Array:
    return points @ M[:3, :3].T + M[:3, 3]


def pose(c: Camera) -> Array:
    return np.concatenate([c.R, c.T[:, None]], axis=1)


def test_position_is_the_point_that_maps_to_zero() -> None:
    c = camera()
    np.testing.assert_allclose(c.R @ c.position + c.T, 0, atol=1e-12)
    np.testing.assert_allclose((c.extrinsics @ [*c.position, 1])[:3], 0, atol=1e-12)


def test_transforms_act_as_a_group() -> None:
    c, A, B = camera(), rigid(1), rigid(2)
    np.testing.assert_allclose(pose(c.transformed(np.eye(4))), pose(c), atol=1e-12)
    np.testing.assert_allclose(pose(c.transformed(A).transformed(B)), pose(c.transformed(B @ A)), atol=1e-12)
    np.testing.assert_allclose(pose(c.transformed(A).transformed(np.linalg.inv(A))), pose(c), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_moving_camera_and_world_together_changes_no_pixel(seed: int) -> None:
    c, M = camera(seed), rigid(seed)
    points = np.random.default_rng(seed).normal(size=(20, 3)) * 0.4
    before, depth = c.project(points)
    after, moved_depth = c.transformed(M).project(move(M, points))
    np.testing.assert_allclose(after, before, atol=1e-9)
    np.testing.assert_allclose(moved_depth, depth, atol=1e-12)
    np.testing.assert_allclose(move(M, c.position), c.transformed(M).position, atol=1e-12)


def test_moved_replaces_the_pose_and_nothing_else() -> None:
    a, b = camera(1), camera(2)
    for extrinsics in (b.extrinsics, b.extrinsics[:3]):
        moved = a.moved(extrinsics)
        np.testing.assert_array_equal(pose(moved), pose(b))
        assert (moved.K == a.K).all()
        assert moved.name == a.name


@pytest.mark.parametrize("offset", [0.0, 0.5])
def test_projection_inverts_pixel_directions(offset: float) -> None:
    c = camera(pixel_offset=offset)
    depth = np.random.default_rng(0).uniform(0.5, 9, c.width * c.height)
    points = c.position + pixel_directions(c) * depth[:, None]
    np.testing.assert_allclose(c.project(points)[0], pixel_grid(c), atol=1e-9)


def test_projection_agrees_with_opencv() -> None:
    c = camera()
    c = replace(c, K=np.where(c.K == 0.3, 0, c.K))  # OpenCV knows no skew
    points = np.random.default_rng(3).normal(size=(50, 3))
    expected = cv2.projectPoints(points, cv2.Rodrigues(c.R)[0], c.T, c.K, np.zeros(5))[0][:, 0]
    front = c.project(points)[1] > 0.1
    np.testing.assert_allclose(c.project(points)[0][front], expected[front], rtol=1e-6)


@pytest.mark.parametrize("ratio", [0.5, 0.25, 2.0])
def test_scaling_scales_pixels(ratio: float) -> None:
    c = camera()
    points = np.random.default_rng(0).normal(size=(9, 3)) * 0.3
    scaled = c.scaled(ratio)
    np.testing.assert_allclose(scaled.project(points)[0], c.project(points)[0] * ratio, atol=1e-9)
    assert (scaled.width, scaled.height) == (64 * ratio, 48 * ratio)
    assert scaled.K[2].tolist() == [0, 0, 1]


def test_resizing_scales_columns_and_rows_apart() -> None:
    c = camera()
    points = np.random.default_rng(0).normal(size=(9, 3)) * 0.3
    resized = c.resized(32, 96)
    np.testing.assert_allclose(resized.project(points)[0], c.project(points)[0] * [0.5, 2.0], atol=1e-9)
    assert (resized.width, resized.height) == (32, 96)


@pytest.mark.parametrize("size", [(32, 24), (640, 480), (1280, 720), (512, 512), (30, 200), (64, 49), (1, 1)])
def test_fitting_keeps_the_shape_of_pixels_and_all_that_was_seen(size: tuple[int, int]) -> None:
    c = camera()
    fitted = c.fitted(*size)
    assert (fitted.width, fitted.height) == size
    scale = min(size[0] / c.width, size[1] / c.height)
    np.testing.assert_allclose(fitted.K[:2, :2], scale * c.K[:2, :2])
    assert fitted.K[0, 0] / fitted.K[1, 1] == pytest.approx(c.K[0, 0] / c.K[1, 1]), "never stretched"
    # The corners of the old image lie inside the new one, as far from one border as from the other.
    low = scale * np.zeros(2) + fitted.K[:2, 2] - scale * c.K[:2, 2]
    high = low + scale * np.array([c.width, c.height])
    np.testing.assert_allclose(low, np.array(size) - high, atol=1e-9)
    assert (low >= -1e-9).all()
    assert np.isclose(low, 0).any(), "one field of view stays"


def test_fitting_at_the_same_aspect_is_resizing() -> None:
    c = camera()
    np.testing.assert_allclose(c.fitted(128, 96).K, c.resized(128, 96).K, atol=1e-12)


def test_undistorted_keeps_all_but_the_distortion() -> None:
    c = camera()
    assert c.distorted
    assert not c.undistorted().distorted
    assert (c.undistorted().K == c.K).all()


def test_look_at_puts_the_target_in_the_middle_and_up_upwards() -> None:
    R, T = look_at((3, 1, 2), (0.2, 0.1, -0.3))
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1)
    local = R @ [0.2, 0.1, -0.3] + T
    np.testing.assert_allclose(local[:2], 0, atol=1e-12)
    assert local[2] > 0
    assert (R @ [0, 0, 1])[1] < 0, "y points down, so the world's up must point to smaller rows"


def test_look_at_refuses_a_view_along_up() -> None:
    with pytest.raises(ValueError, match="parallel to `up`"):
        look_at((0, 0, 3), (0, 0, 0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": np.eye(4)}, r"K has shape \(4, 4\), expected \(3, 3\)"),
        ({"T": np.array([0, np.nan, 0])}, "T holds values that are not finite"),
        ({"D": np.zeros(6)}, "D has 6 numbers; a lens of the model 'opencv' has 4, 5, 8, 12, 14"),
        ({"width": 0}, "image size 0x48 is not positive"),
    ],
)
def test_bad_cameras_are_refused_by_name(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"camera 'test': .*{message}"):
        replace(camera(), **change)


def test_rows_of_K_that_a_file_rounded_are_those_of_a_lens() -> None:
    K = camera().K
    rounded = K + np.array([[0, 0, 0], [1e-7, 0, 0], [-1e-8, 1e-9, 1e-7]])
    np.testing.assert_array_equal(replace(camera(), K=rounded).K, K)
    for wrong in ([[0, 0, 0], [0.1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0], [0, 0, 1e-3]]):
        with pytest.raises(ValueError, match=r"K is .*, expected \[\[fx"):
            replace(camera(), K=K + np.array(wrong))


def test_columns_are_accepted_for_vectors() -> None:
    c = camera()
    assert replace(c, T=c.T[:, None], D=c.D[:, None]).T.shape == (3,)
