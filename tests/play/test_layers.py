"""Layers of a rendered image, against their formulas."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from dymap.geometry.box import box_corners
from dymap.geometry.camera import Camera
from dymap.pictures import error_colours
from dymap.play.layers import (
    acc_layer,
    colour_layer,
    depth_layer,
    depth_range,
    diff_layer,
)
from dymap.render.image import Image, Rendered, assemble

END = 5.0


def image_of(depth: list[float], acc: list[float]) -> Image:
    """One row of pixels that see something at `depth` with opacity `acc`; rays end at 5 m; acc 0 misses the box."""
    opacity, distance = torch.tensor([acc]), torch.tensor([depth])
    seen = opacity * distance + (1 - opacity) * END
    hit = opacity > 0
    depth, far = torch.where(hit, seen, torch.inf), torch.where(hit, END, torch.inf)
    return Image(opacity[..., None].expand(-1, -1, 3) * 0.5, opacity, depth, far, hit)


def brightness(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)


def test_near_is_bright_and_nothing_is_black() -> None:
    image = image_of([2.0, 2.5, 3.0, 3.5, 4.0, 0.0], [1, 1, 1, 1, 1, 0])
    picture = depth_layer(image, 2.0, 4.0)
    assert picture.shape == (1, 6, 3)
    assert picture.dtype == np.uint8
    light = brightness(picture)[0]
    assert (np.diff(light[:5]) < -20).all(), "a step of half a metre is seen, always in the same direction"
    assert light[0] > 190
    assert light[4] > 10, "the far end is not the background"
    assert (picture[0, 5] == 0).all()


def test_light_that_passes_does_not_move_what_is_seen() -> None:
    """Half-transparent pixels have the hue of their distance, at half the strength."""
    thin = depth_layer(image_of([2.5, 3.0, 3.5], [0.5, 0.5, 0.5]), 2.0, 4.0)
    full = depth_layer(image_of([2.5, 3.0, 3.5], [1, 1, 1]), 2.0, 4.0)
    np.testing.assert_allclose(thin, full / 2, atol=1.1)


def test_depths_outside_the_scale_take_its_ends() -> None:
    picture = depth_layer(image_of([1.0, 2.0, 4.0, 4.5], [1, 1, 1, 1]), 2.0, 4.0)
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
    clear = assemble(rendered, torch.full((count,), END), hit, camera.width)
    np.testing.assert_array_equal(colour_layer(clear, "black"), clear.over("black").numpy())
    np.testing.assert_array_equal(colour_layer(clear, "white"), clear.over("white").numpy())
    np.testing.assert_array_equal(colour_layer(clear, "transparent"), clear.rgba())


def test_difference_to_what_was_filmed() -> None:
    image = image_of([2.0, 2.0], [1.0, 0.0])
    filmed = np.array([[[0, 0, 0], [51, 51, 51]]], np.uint8)
    expected = error_colours(np.array([[[0.5] * 3, [0.2] * 3]], np.float32), np.zeros((1, 2, 3), np.float32))
    np.testing.assert_array_equal(diff_layer(image, filmed), expected)


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
