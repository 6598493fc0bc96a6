"""Orbits: the person fills the film, whatever the clip, the size and the world."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dymap.geometry.camera import look_at
from dymap.play.film import Film, fixed_time_film, fixed_view_film, orbit_film
from dymap.play.orbit import FILL, FILL_WIDTH, Orbit, framed, occupied_points, spread_directions
from dymap.play.video import Video, load
from dymap.runs.demonstration import PACKAGED
from tests.golden.sources import Golden
from tests.video.videos import BOXES, cameras, painted_video


@pytest.fixture(scope="module")
def dancer() -> Video:
    return load(PACKAGED)


def extent(video: Video, film: Film) -> tuple[float, float]:
    """Shares of the height and the width that the person fills in the film, all its images together, by alpha."""
    seen = [video.render(step.camera, step.frame, renderer="fast").acc.numpy() > 0.5 for step in film]
    shares = []
    for axis in (1, 0):
        lines = np.nonzero(np.any([mask.any(axis=axis) for mask in seen], axis=0))[0]
        shares.append((np.ptp(lines) + 1) / seen[0].shape[1 - axis])
    return shares[0], shares[1]


@pytest.mark.parametrize("size", [(96, 96), (128, 72)])
def test_the_person_fills_four_fifths_of_every_film(dancer: Video, size: tuple[int, int]) -> None:
    films = {
        "orbit": orbit_film(dancer, dancer.num_frames, size), "time": fixed_time_film(dancer, 12, 8, size),
        "view": fixed_view_film(dancer, "orbit", dancer.num_frames, size),
    }  # fmt: skip
    for name, film in films.items():
        high, wide = extent(dancer, film)
        assert 0.78 <= high <= 0.88, name
        assert wide <= FILL_WIDTH
        single = np.mean([extent(dancer, [step])[0] for step in film])
        assert single > 0.74, name
    assert extent(dancer, orbit_film(dancer, 8, size, published=True))[0] < 0.7, "as published"


def test_a_narrow_film_is_filled_in_its_width(dancer: Video) -> None:
    high, wide = extent(dancer, orbit_film(dancer, dancer.num_frames, (60, 160)))
    assert 0.6 < wide <= 1
    assert high < FILL


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
    points = occupied_points(BOXES, grid)
    size = BOXES[1, 1] - BOXES[1, 0]
    low, high = (BOXES[1, 0] + (np.array(v) + 0.5) / (12, 12, 20) * size for v in ((3, 4, 2), (5, 7, 8)))
    np.testing.assert_allclose([points.min(axis=0), points.max(axis=0)], [low, high], atol=1e-6)
    assert len(occupied_points(BOXES, torch.zeros(5, 2, 2, 2, dtype=torch.bool))) == 40, "corners, if all is empty"


def test_directions_are_spread_over_the_sphere() -> None:
    directions = spread_directions(64)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=0.02)


def test_a_lens_that_cannot_be_fitted_stays() -> None:
    lens = cameras()[0]
    R, T = look_at((0, 0, 0.5), (1, 0, 0.5))
    inside = replace(lens, R=R, T=T).extrinsics
    assert framed(lens, [inside], np.array([[1.0, 0, 0], [-1, 0, 0]])) is lens
    assert framed(lens, [inside], np.array([[2.0, 0, 0.5]])) is lens, "a point has no height"
    assert framed(lens, [inside], np.zeros((0, 3))) is lens
