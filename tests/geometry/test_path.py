"""The orbit fitted to a capture's cameras."""

from __future__ import annotations

import numpy as np
import pytest

from dymap.geometry.camera import Array, look_at
from dymap.geometry.path import orbit_path
from tests.geometry.test_camera import rigid
from tests.golden.sources import Golden


def rig(count: int = 8, radius: float = 3.0) -> Array:
    """World-to-camera matrices on a circle at height 1, looking at the axis."""
    matrices = []
    for angle in np.arange(count) * 2 * np.pi / count:
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = look_at((radius * np.cos(angle), radius * np.sin(angle), 1), (0, 0, 1))
        matrices.append(pose)
    return np.array(matrices)


def positions(path: Array) -> Array:
    return np.linalg.inv(path)[:, :3, 3]


def test_poses_are_rigid() -> None:
    path = orbit_path(rig(), 7)
    np.testing.assert_allclose(
        path[:, :3, :3] @ path[:, :3, :3].transpose(0, 2, 1), np.eye(3)[None].repeat(7, 0), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(path[:, :3, :3]), 1)
    np.testing.assert_array_equal(path[:, 3], np.tile([0, 0, 0, 1], (7, 1)))


def test_a_rig_on_a_circle_is_orbited_on_a_circle_in_its_plane() -> None:
    eyes = positions(orbit_path(rig(), 20))
    np.testing.assert_allclose(eyes[:, 2], 1, atol=1e-9)
    np.testing.assert_allclose(eyes[:, :2].mean(0), 0, atol=1e-9)
    assert np.linalg.norm(eyes[:, :2], axis=1).max() <= 1.3 * 3 + 1e-9


def test_all_cameras_look_at_one_point_below_the_rig() -> None:
    path = orbit_path(rig(), 9)
    target = np.array([0, 0, 1 - 1.3])
    local = path[:, :3, :3] @ target + path[:, :3, 3]
    np.testing.assert_allclose(local[:, :2], 0, atol=1e-9)
    assert (local[:, 2] > 0).all()


def test_a_full_turn_closes() -> None:
    np.testing.assert_allclose(orbit_path(rig(), 4, start=2 * np.pi), orbit_path(rig(), 4), atol=1e-9)


def test_parts_of_a_turn_are_parts_of_the_path() -> None:
    whole = orbit_path(rig(), 12)
    np.testing.assert_allclose(orbit_path(rig(), 4, start=np.pi / 2, length=2 * np.pi / 3), whole[3:7], atol=1e-9)


def test_orbit_moves_with_the_rig() -> None:
    M = rigid(4)
    inverse = np.linalg.inv(M)
    np.testing.assert_allclose(orbit_path(rig() @ inverse, 6), orbit_path(rig(), 6) @ inverse, atol=1e-9)


def test_two_cameras_span_no_orbit() -> None:
    with pytest.raises(ValueError, match="at least 3 cameras, got 2"):
        orbit_path(rig()[:2], 5)


def test_golden_paths(golden: Golden) -> None:
    arrays = golden.arrays("geometry")
    exts = arrays["exts"]
    arrays.check("path_5", orbit_path(exts, 5), atol=1e-9)
    arrays.check("path_12", orbit_path(exts, 12), atol=1e-9)
    arrays.check("path_12_start0.3_length2", orbit_path(exts, 12, start=0.3, length=2), atol=1e-9)


def test_golden_extrinsics_are_those_of_the_cameras(golden: Golden) -> None:
    arrays = golden.arrays("geometry")
    exts = np.concatenate([arrays["R"], arrays["T"]], axis=2)
    np.testing.assert_array_equal(arrays["exts"][:, :3], exts)


def test_a_target_of_ones_own_is_in_the_middle_of_every_view() -> None:
    ring = [np.vstack([np.column_stack(look_at((3 * np.cos(a), 3 * np.sin(a), 1.5), (0, 0, 1))), [0, 0, 0, 1]])
            for a in np.arange(8)]  # fmt: skip
    target = np.array([0.1, -0.2, 0.9])
    for pose in orbit_path(ring, 5, target=target):
        local = pose[:3, :3] @ target + pose[:3, 3]
        np.testing.assert_allclose(local[:2], 0, atol=1e-9)
        assert local[2] > 2


def test_a_raised_path_is_the_same_one_higher_up() -> None:
    ring = rig()
    down = np.linalg.inv(ring)[:, :3, 1].sum(axis=0)
    moved = positions(orbit_path(ring, 6, raised=0.4)) - positions(orbit_path(ring, 6))
    np.testing.assert_allclose(moved, np.tile(-0.4 * down / np.linalg.norm(down), (6, 1)), atol=1e-9)
