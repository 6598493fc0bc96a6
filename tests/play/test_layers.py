"""Layers of a rendered image, against their formulas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from dymap.geometry.box import box_corners
from dymap.geometry.camera import Camera, look_at
from dymap.geometry.rays import camera_rays
from dymap.pictures import error_colours
from dymap.play import layers
from dymap.play.layers import (
    acc_layer,
    colour_layer,
    depth_layer,
    depth_range,
    diff_layer,
    far_side,
)
from dymap.render.image import Image, assemble
from dymap.render.volume import Rendered

END = 5.0


def image_of(depth: list[float], acc: list[float]) -> Image:
    """One row of pixels that see something at `depth` with opacity `acc`; rays end at 5 m; acc 0 misses the box."""
    opacity, distance = torch.tensor([acc]), torch.tensor([depth])
    seen = opacity * distance + (1 - opacity) * END
    hit = opacity > 0
    return Image(opacity[..., None].expand(-1, -1, 3) * 0.5, opacity, torch.where(hit, seen, torch.inf), hit)


def brightness(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def test_near_is_bright_and_nothing_is_black() -> None:
    image = image_of([2.0, 2.5, 3.0, 3.5, 4.0, 0.0], [1, 1, 1, 1, 1, 0])
    picture = depth_layer(image, torch.full((1, 6), END), 2.0, 4.0)
    assert picture.shape == (1, 6, 3)
    assert picture.dtype == np.uint8
    light = brightness(picture)[0]
    assert (np.diff(light[:5]) < -20).all(), "a step of half a metre is seen, always in the same direction"
    assert light[0] > 190
    assert light[4] > 10, "the far end is not the background"
    assert (picture[0, 5] == 0).all()


def test_light_that_passes_does_not_move_what_is_seen() -> None:
    """Half-transparent pixels have the hue of their distance, at half the strength."""
    end = torch.full((1, 3), END)
    thin = depth_layer(image_of([2.5, 3.0, 3.5], [0.5, 0.5, 0.5]), end, 2.0, 4.0)
    full = depth_layer(image_of([2.5, 3.0, 3.5], [1, 1, 1]), end, 2.0, 4.0)
    np.testing.assert_allclose(thin, full / 2, atol=1.1)


def test_depths_outside_the_scale_take_its_ends() -> None:
    end = torch.full((1, 4), END)
    picture = depth_layer(image_of([1.0, 2.0, 4.0, 4.5], [1, 1, 1, 1]), end, 2.0, 4.0)
    np.testing.assert_array_equal(picture[0, 0], picture[0, 1])
    np.testing.assert_array_equal(picture[0, 2], picture[0, 3])


def test_opacity_is_grey() -> None:
    picture = acc_layer(image_of([2.0] * 4, [0, 0.2, 0.5, 1]))
    np.testing.assert_array_equal(picture[0], np.repeat([[0], [51], [128], [255]], 3, axis=1))


def test_backgrounds() -> None:
    """What assemble makes of the same rays; straight alpha for transparent."""
    camera = Camera(np.diag([9.0, 9, 1]), np.eye(3), np.zeros(3), 4, 3)
    generator = torch.Generator().manual_seed(1)
    hit = torch.rand(12, generator=generator) > 0.3
    count = int(hit.sum())
    acc = torch.rand(count, generator=generator)
    rendered = Rendered(torch.rand(count, 3, generator=generator) * acc[:, None], acc, torch.ones(count))
    clear = assemble(rendered, hit, camera, "transparent")
    np.testing.assert_array_equal(colour_layer(clear, "black"), assemble(rendered, hit, camera, "black").numpy())
    np.testing.assert_array_equal(colour_layer(clear, "white"), assemble(rendered, hit, camera, "white").numpy())
    np.testing.assert_array_equal(colour_layer(clear, "transparent"), clear.rgba())


def test_difference_to_what_was_filmed() -> None:
    image = image_of([2.0, 2.0], [1.0, 0.0])
    filmed = np.array([[[0, 0, 0], [51, 51, 51]]], np.uint8)
    expected = error_colours(np.array([[[0.5] * 3, [0.2] * 3]], np.float32), np.zeros((1, 2, 3), np.float32))
    np.testing.assert_array_equal(diff_layer(image, filmed), expected)


def test_far_side_is_the_end_of_the_rays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the image comes in several bands."""
    R, T = look_at((3.0, 0.5, 0.2), (0, 0, 0))
    camera = Camera(np.array([[12.0, 0, 8], [0, 12, 5], [0, 0, 1]]), R, T, 17, 11)
    box = torch.tensor([[-0.5, -0.5, -0.5], [0.5, 0.7, 0.5]])
    rays, hit = camera_rays(camera, box)
    assert hit.any()
    assert not hit.all()
    expected = torch.zeros(17 * 11)
    expected[hit] = rays.far
    for band in (2**18, 40):
        monkeypatch.setattr(layers, "BAND_PIXELS", band)
        assert torch.equal(far_side(camera, box), expected.reshape(11, 17))


def test_depth_range_holds_all_of_every_box() -> None:
    generator = np.random.default_rng(5)
    eyes = generator.normal(0, 3, (6, 3))
    low = generator.normal(0, 1, (6, 3))
    boxes = np.stack([low, low + generator.uniform(0.2, 2, (6, 3))], axis=1)
    near, far = depth_range(eyes, boxes)
    inside = boxes[:, :1] + generator.uniform(0, 1, (6, 20_000, 3)) * (boxes[:, 1:] - boxes[:, :1])
    distances = np.linalg.norm(inside - eyes[:, None], axis=-1)
    assert near <= distances.min() < near + 0.1
    corners = np.stack([box_corners(box) for box in boxes])
    assert far == pytest.approx(np.linalg.norm(corners - eyes[:, None], axis=-1).max())
    assert depth_range([[0.1, 0, 0]], [[[-1, -1, -1], [1, 1, 1]]])[0] == 0, "a camera inside"
