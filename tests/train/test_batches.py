"""Which rays a step sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dymap.capture import Capture, open_capture
from dymap.capture.images import FACE, Shot, edge_band
from dymap.config import TrainConfig
from dymap.geometry.box import projected_box_mask
from dymap.geometry.rays import slab_test
from dymap.train.batches import BatchSampler, Item, draw_pixels, pixel_pools
from tests.captures import TINY

CONFIG = TrainConfig(items=6, rays=128, seed=5)


def pixels(capture: Capture, item: Item, view: int) -> np.ndarray:
    """[R, 2] (column, row) of an item's rays in a view."""
    points = item.rays.origins + 2 * item.rays.directions
    return np.round(capture.cameras[view].project(points.numpy())[0]).astype(int)


def view_of(capture: Capture, item: Item) -> int:
    """The camera whose position all rays start from."""
    positions = np.stack([camera.position for camera in capture.cameras])
    away = np.linalg.norm(item.rays.origins.numpy()[:, None] - positions, axis=-1)
    view = int(away[0].argmin())
    assert away[:, view].max() < 1e-5
    return view


def shot(height: int = 30, width: int = 40) -> Shot:
    mask = np.zeros((height, width), np.uint8)
    mask[10:20, 10:30] = 1
    mask[10:13, 15:20] = FACE
    return Shot(np.zeros((height, width, 3), np.uint8), mask, 0, 0)


def test_shares_of_the_published_recipe() -> None:
    """floor(0.7 n) on the foreground, floor(0.1 n) on the face, the rest anywhere in the box mask."""
    s = shot()
    inside = np.zeros(s.mask.shape, bool)
    inside[5:25, 5:35] = True
    drawn = draw_pixels(pixel_pools(s, inside, TrainConfig()), 1024, TrainConfig(), np.random.default_rng(0))
    flat = s.mask.reshape(-1)[drawn]
    assert len(drawn) == 1024
    assert (flat[:716] > 0).all()
    assert (flat[716 : 716 + 102] == FACE).all()
    rest = drawn[716 + 102 :]
    assert inside.reshape(-1)[rest].all()
    assert 0 < (s.mask.reshape(-1)[rest] == 0).mean() < 1


def test_without_face_or_foreground_the_rest_is_anywhere() -> None:
    s = shot()
    inside = np.ones(s.mask.shape, bool)
    s.mask[s.mask == FACE] = 1
    drawn = draw_pixels(pixel_pools(s, inside, TrainConfig()), 100, TrainConfig(), np.random.default_rng(0))
    assert (s.mask.reshape(-1)[drawn[:70]] > 0).all()
    assert len(drawn) == 100
    s.mask[:] = 0
    assert (
        len(
            np.unique(draw_pixels(pixel_pools(s, inside, TrainConfig()), 1200, TrainConfig(), np.random.default_rng(0)))
        )
        > 500
    )


def test_draws_are_uniform_with_replacement() -> None:
    s = shot()
    config = TrainConfig(foreground=1.0, face=0.0)
    drawn = draw_pixels(pixel_pools(s, s.mask > 0, config), 200 * 200, config, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=s.mask.size)[s.mask.reshape(-1) > 0]
    assert len(counts) == 200
    assert ((counts - 200) ** 2 / 200).sum() < 270, "chi squared of 199 degrees: 99.9 % lie below 267"


def test_items_are_what_was_filmed(tiny: Capture) -> None:
    """Every ray goes through a pixel of its camera and carries that pixel's colour and mask."""
    for item in BatchSampler(tiny, CONFIG).draw(0):
        view = view_of(tiny, item)
        assert view in tiny.train_views
        column, row = pixels(tiny, item, view).T
        rgb, mask = tiny.image(item.frame, view)
        np.testing.assert_array_equal(np.rint(item.rgb.numpy() * 255), rgb[row, column])
        np.testing.assert_array_equal(item.mask.numpy(), mask[row, column] != 0)
        assert not item.edge.any()
        assert len(item.rays) == len(item.rgb) == CONFIG.rays


def test_rays_lie_in_both_box_masks(tiny: Capture) -> None:
    for item in BatchSampler(tiny, CONFIG).draw(1):
        box = torch.from_numpy(tiny.boxes[item.frame])
        near, far, hit = slab_test(item.rays.origins, item.rays.directions, box)
        assert hit.all(), "rays that miss the box are drawn again"
        torch.testing.assert_close(near, item.rays.near)
        torch.testing.assert_close(far, item.rays.far)
        view = view_of(tiny, item)
        column, row = pixels(tiny, item, view).T
        assert projected_box_mask(tiny.boxes[item.frame], tiny.cameras[view])[row, column].all()


def test_shares_of_foreground(tiny: Capture) -> None:
    """At least 0.7 of the rays, plus what the rest meets by chance."""
    items = BatchSampler(tiny, replace(CONFIG, items=20)).draw(2)
    shares = torch.stack([item.mask for item in items]).mean(1)
    assert (shares >= int(0.7 * 128) / 128).all()
    assert shares.max() < 1


def test_a_step_depends_on_seed_and_number_alone(tiny: Capture) -> None:
    """So a resumed run sees what an uninterrupted one does."""
    a = BatchSampler(tiny, CONFIG)
    a.draw(0)
    first, again = a.draw(7), BatchSampler(tiny, CONFIG).draw(7)
    for x, y in zip(first, again, strict=True):
        assert x.frame == y.frame
        assert torch.equal(x.rays.directions, y.rays.directions)
        assert torch.equal(x.rgb, y.rgb)
    other = BatchSampler(tiny, replace(CONFIG, seed=6)).draw(7)
    assert any(not torch.equal(x.rays.directions, y.rays.directions) for x, y in zip(first, other, strict=True))


def test_all_items_are_drawn_sooner_or_later(tiny: Capture) -> None:
    sampler = BatchSampler(tiny, replace(CONFIG, items=40, rays=4))
    drawn = {(item.frame, view_of(tiny, item)) for step in range(6) for item in sampler.draw(step)}
    assert drawn == {(frame, view) for frame in range(4) for view in (0, 2, 4)}


@pytest.mark.parametrize(("views", "expected"), [(0, 3), (2, 2)])
def test_items_of_one_frame_and_many_cameras(tiny: Capture, views: int, expected: int) -> None:
    config = replace(CONFIG, batches="frames", views_per_item=views, rays=100)
    for item in BatchSampler(tiny, config).draw(0):
        origins, counts = torch.unique(item.rays.origins, dim=0, return_counts=True)
        assert len(origins) == expected
        assert counts.sum() == 100
        assert counts.max() - counts.min() <= 1, "rays are shared out evenly"


def test_edge_band_where_the_capture_asks_for_it(tiny_root: Path) -> None:
    capture = open_capture(tiny_root, replace(TINY, edge_band=True))
    seen = 0
    for item in BatchSampler(capture, CONFIG).draw(0):
        view = view_of(capture, item)
        column, row = pixels(capture, item, view).T
        expected = edge_band(capture.image(item.frame, view)[1])[row, column]
        np.testing.assert_array_equal(item.edge.numpy(), expected)
        seen += int(item.edge.sum())
    assert seen > 0


def test_hull_holds_what_training_masks_agree_on(tiny: Capture) -> None:
    sampler = BatchSampler(tiny, replace(CONFIG, hull_grid=24))
    grid = sampler.hull(1)
    assert max(grid.shape) == 24
    assert grid.dtype == torch.bool
    assert 0 < grid.float().mean() < 0.7
    assert torch.equal(grid, sampler.hull(1))
    low, high = tiny.boxes[1]
    index = torch.nonzero(~grid).numpy()
    centres = low + (high - low) * (index + 0.5) / np.array(grid.shape)
    hidden = np.ones(len(centres), bool)
    for view in tiny.train_views:
        camera = tiny.cameras[view]
        column, row = np.round(camera.project(centres)[0]).astype(int).T
        within = (column >= 0) & (row >= 0) & (column < camera.width) & (row < camera.height)
        mask = tiny.image(1, view)[1]
        hidden &= within & (mask[row.clip(0, camera.height - 1), column.clip(0, camera.width - 1)] != 0)
    assert not hidden.any(), "no voxel whose centre all masks hold is carved away"
