"""Orbits: the person fills the film, whatever the clip, the size and the world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dymap.geometry.camera import Camera, look_at
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film
from dymap.play.orbit import FILL, Orbit, framed, occupied_points, spread_directions
from dymap.play.video import Video, load
from dymap.runs.demonstration import PACKAGED
from tests.golden.sources import Golden
from tests.video.videos import BOXES, cameras, painted_video


@pytest.fixture(scope="module")
def dancer() -> Video:
    return load(PACKAGED)


def extents(video: Video, film: Film) -> np.ndarray:
    """[images, 4] by alpha: first and last row, first and last column of the person, as shares of height and width."""
    shares = []
    for step in film:
        seen = video.render(step.camera, step.frame, renderer="fast").acc.numpy() > 0.5
        for axis in (1, 0):
            lines = np.nonzero(seen.any(axis=axis))[0]
            shares += [lines[0] / seen.shape[1 - axis], (lines[-1] + 1) / seen.shape[1 - axis]]
    return np.array(shares).reshape(-1, 4)


@pytest.mark.parametrize("size", [(96, 96), (128, 72)])
def test_the_person_fills_four_fifths_of_the_images_of_every_film(dancer: Video, size: tuple[int, int]) -> None:
    """By the silhouettes that are rendered; of no image anything is cut off."""
    films = {
        "orbit": orbit_film(dancer, dancer.num_frames, size), "time": fixed_time_film(dancer, 12, 8, size),
        "view": fixed_view_film(dancer, "orbit", dancer.num_frames, size),
    }  # fmt: skip
    for name, film in films.items():
        top, bottom, left, right = extents(dancer, film).T
        assert np.median(bottom - top) >= 0.8, name
        assert 0.7 < (bottom - top).min() <= (bottom - top).max() <= 0.92, name
        assert min(top.min(), left.min()) > 0.01, name
        assert max(bottom.max(), right.max()) < 0.99, name
    top, bottom, *_ = extents(dancer, orbit_film(dancer, 8, size, published=True)).T
    assert np.median(bottom - top) < 0.7, "as published"


def test_a_narrow_film_is_filled_in_its_width(dancer: Video) -> None:
    top, bottom, left, right = extents(dancer, orbit_film(dancer, dancer.num_frames, (60, 160))).T
    assert 0.6 < right.max() - left.min() <= 0.97
    assert (bottom - top).max() < FILL


def test_of_a_jump_nothing_is_cut_off() -> None:
    """No moment is tall, but all together fill what a film has."""
    lens = cameras()[0]
    R, T = look_at((3, 0, 1), (0, 0, 1))
    pose = replace(lens, R=R, T=T).extrinsics
    low, high = (np.array([[0, 0, z], [0, 0, z + 0.5]]) for z in (0.0, 1.5))
    still = framed(lens, [pose], [low])
    np.testing.assert_allclose(abs(np.ptp(rows(still, pose, low))), FILL * lens.height)
    both = framed(lens, [pose], [low, high])
    places = np.concatenate([rows(both, pose, points) for points in (low, high)])
    np.testing.assert_allclose([places.min(), places.max()], np.array([0.025, 0.975]) * lens.height - 0.5)


def rows(lens: Camera, pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[n] rows of points, pixels."""
    return lens.moved(pose).project(points)[0][:, 1]


def test_zoom_height_turns_and_start(dancer: Video) -> None:
    usual = dancer.orbit(12)
    close = dancer.orbit(12, way=Orbit(zoom=2))
    np.testing.assert_allclose(close[0].K[0, 0], 2 * usual[0].K[0, 0])
    assert np.array_equal(close[3].R, usual[3].R)
    higher = dancer.orbit(12, way=Orbit(height=0.5))
    np.testing.assert_allclose(
        [b.position[2] - a.position[2] for a, b in zip(usual, higher, strict=True)], 0.5, atol=0.02
    )
    for k, other in ((3, 6), (2, 4)):
        np.testing.assert_allclose(
            dancer.orbit(12, way=Orbit(turns=2))[k].extrinsics, usual[other].extrinsics, atol=1e-9
        )
    np.testing.assert_allclose(dancer.orbit(12, way=Orbit(turns=-1))[1].extrinsics, usual[11].extrinsics, atol=1e-9)
    later = dancer.orbit(12, way=Orbit(start=90))
    np.testing.assert_allclose(later[0].extrinsics, usual[3].extrinsics, atol=1e-9)
    assert {tuple(camera.K.ravel()) for camera in usual + later} == {tuple(usual[0].K.ravel())}, "one lens for all"


def test_a_moved_world_is_filmed_alike(trimmed: Golden) -> None:
    """A rigid transform of the capture moves boxes and cameras: in the picture nothing changes."""
    baked = painted_video(trimmed)
    matrix = np.eye(4)
    matrix[:3, 3] = (0.3, -2, 0.1)
    inverse = np.linalg.inv(matrix)
    before = tuple(camera.transformed(inverse) for camera in baked.cameras)
    moved = Video(replace(baked, cameras=tuple(c.transformed(matrix) for c in before), transform=tuple(matrix.ravel())))
    for a, b in zip(moved.orbit(3), Video(baked).orbit(3), strict=True):
        np.testing.assert_allclose(a.extrinsics, b.extrinsics, atol=1e-6)
        np.testing.assert_allclose(a.K, b.K, rtol=1e-6)


def test_what_is_occupied_not_the_padded_box() -> None:
    grid = torch.zeros(5, 12, 12, 20, dtype=torch.bool)
    grid[1, 3:6, 4:8, 2:9] = True
    (points,) = occupied_points(BOXES, grid)
    size = BOXES[1, 1] - BOXES[1, 0]
    low, high = (BOXES[1, 0] + (np.array(v) + 0.5) / (12, 12, 20) * size for v in ((3, 4, 2), (5, 7, 8)))
    np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], [low, high], atol=1e-6)
    corners = occupied_points(BOXES, torch.zeros(5, 2, 2, 2, dtype=torch.bool))
    assert [len(points) for points in corners] == 5 * [8], "if all is empty"


def test_directions_are_spread_over_the_sphere() -> None:
    directions = spread_directions(64)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=0.02)


def test_a_lens_that_cannot_be_fitted_stays() -> None:
    lens = cameras()[0]
    R, T = look_at((0, 0, 0.5), (1, 0, 0.5))
    inside = replace(lens, R=R, T=T).extrinsics
    assert framed(lens, [inside], [np.array([[1.0, 0, 0], [-1, 0, 0]])]) is lens
    assert framed(lens, [inside], [np.array([[2.0, 0, 0.5]])]) is lens, "a point has no height"
    assert framed(lens, [inside], []) is lens
