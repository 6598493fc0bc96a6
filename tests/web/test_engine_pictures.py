"""The browser's engine in headless Chromium, whose WebGPU is in software: its pictures are the marching renderer's."""

from __future__ import annotations

import numpy as np
import pytest

from dymap.geometry.camera import Camera
from dymap.play.layers import acc_layer, depth_layer, depth_range
from tests.browser import needs_browser
from tests.web.engine import numbers, pixels, view_of
from tests.web.world import DANCER, HALVES, LARGE, SIDE, World, render, seen_by

pytestmark = needs_browser


@pytest.mark.parametrize(
    ("file", "camera", "frame"), [(DANCER, 0, 0), (DANCER, 5, 7), (DANCER, 11, 23), (HALVES, 1, 4), (LARGE, 0, 1)]
)
def test_pictures_are_those_of_the_marching_renderer(world: World, file: str, camera: int, frame: int) -> None:
    video = world.open(file)
    exact = render(video, camera, frame)
    colours, depths = numbers(world.page, view_of(camera, frame), SIDE, SIDE)
    assert exact.acc.max() > 0.5
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4
    assert np.abs(colours[..., 3] - exact.acc.numpy()).mean() < 1e-4
    assert np.array_equal(np.isfinite(depths), exact.hit.numpy())
    assert np.abs(depths[exact.hit] - exact.depth.numpy()[exact.hit]).mean() < 1e-3
    assert not world.page.complaints


def test_two_segments_are_mixed_where_they_overlap(world: World) -> None:
    video = world.open(HALVES)
    exact = render(video, 2, 2)
    assert len(video.baked.frame_model(2)) == 2
    colours, depths = numbers(world.page, view_of(2, 2), SIDE, SIDE)
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4
    assert np.abs(depths[exact.hit] - exact.depth.numpy()[exact.hit]).mean() < 1e-3


def test_a_lens_may_be_a_field_of_view(world: World) -> None:
    """Its principal point is in the middle of the picture, and pixel centres are at + 0.5."""
    video = world.open(DANCER)
    camera = seen_by(video, 3)
    focal = 32 / 2 / np.tan(0.6 / 2)
    K = np.array([[focal, 0, 40 / 2], [0, focal, 32 / 2], [0, 0, 1]])
    exact = video.render(Camera(K, camera.R, camera.T, 40, 32, pixel_offset=0.5), 2)
    colours, _ = numbers(world.page, view_of(3, 2, K=None, fov=0.6), 40, 32)
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4


def test_layers_and_backgrounds_are_those_of_films(world: World) -> None:
    video = world.open(DANCER)
    image, camera, page = render(video, 2, 9), seen_by(video, 2), world.page
    white = pixels(page, view_of(2, 9, background=[1, 1, 1]), SIDE, SIDE)
    assert np.abs(white[..., :3].astype(int) - image.over("white").numpy()).mean() < 0.1
    assert white[..., 3].min() == 255
    opacity = pixels(page, view_of(2, 9, layer="opacity"), SIDE, SIDE)
    assert np.abs(opacity[..., :3].astype(int) - acc_layer(image)).mean() < 0.1
    depth = pixels(page, view_of(2, 9, layer="depth"), SIDE, SIDE)
    near, far = depth_range([camera.position] * video.num_frames, video.boxes)
    assert np.abs(depth[..., :3].astype(int) - depth_layer(image, near, far)).mean() < 1
    clear = pixels(page, view_of(2, 9, background=None), SIDE, SIDE)
    assert np.abs(clear[..., 3].astype(int) - image.rgba()[..., 3]).mean() < 0.1
    solid = clear[..., 3] > 128
    assert np.abs(clear[..., :3].astype(int) - image.rgba()[..., :3])[solid].mean() < 1
    voxels = pixels(page, view_of(2, 9, layer="occupancy"), SIDE, SIDE)
    assert (voxels[..., 0] > 0)[image.acc.numpy() > 0.1].mean() > 0.98
    assert voxels[0, 0].tolist() == [0, 0, 0, 255]


def test_exposure_is_in_linear_light(world: World) -> None:
    world.open(DANCER)
    plain, bright = (pixels(world.page, view_of(2, 9, exposure=stops), SIDE, SIDE) / 255 for stops in (0, 1))
    linear = np.where(plain <= 0.04045, plain / 12.92, ((plain + 0.055) / 1.055) ** 2.4)
    light = np.minimum(2 * linear, 1)
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(bright - expected)[..., :3].max() < 0.02


def test_drafts_are_near_to_exact_pictures(world: World) -> None:
    """Consecutive samples share a colour."""
    video = world.open(DANCER)
    exact = render(video, 6, 12).rgb.numpy()
    colours, _ = numbers(world.page, view_of(6, 12, moving=True), SIDE, SIDE)
    error = np.abs(colours[..., :3] - exact).mean()
    assert 1e-5 < error < 1 / 255
