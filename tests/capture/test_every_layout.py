"""The same capture in every layout: the same rays and pictures, and the same training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dymap.capture import open_capture, read_source
from dymap.capture.layouts import READERS
from dymap.capture.source import Source
from dymap.config import CaptureConfig
from dymap.geometry.camera import Camera
from dymap.train.loop import train
from tests.capture.many_layouts import LAYOUTS, ball
from tests.train.runs import fresh_field, short, state

TRAINED = CaptureConfig(boxes="hull", test_views=(1,))


@pytest.fixture(scope="module")
def source() -> Source:
    return ball()


@pytest.fixture(scope="module")
def roots(source: Source, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The capture in every layout."""
    folder = tmp_path_factory.mktemp("layouts")
    for layout, write in LAYOUTS.items():
        write(source, folder / layout)
    return {layout: folder / layout for layout in LAYOUTS}


def directions(camera: Camera) -> NDArray[np.float64]:
    """[n, 3] of the rays of all pixels; world."""
    i, j = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    d = np.stack([i, j, np.ones_like(i)], -1).reshape(-1, 3) @ np.linalg.inv(camera.K).T @ camera.R
    return d / np.linalg.norm(d, axis=1, keepdims=True)


def test_every_layout_is_tried() -> None:
    assert set(LAYOUTS) == set(READERS)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rays_and_pictures_are_the_same(layout: str, source: Source, roots: dict[str, Path]) -> None:
    found = read_source(roots[layout], CaptureConfig())
    assert found.layout == layout, "it is known without being named"
    assert len(found.frames) == len(source.frames)
    for a, b in zip(found.cameras, source.cameras, strict=True):
        assert not a.distorted
        np.testing.assert_allclose(a.position, b.position, atol=1e-4)
        np.testing.assert_allclose(directions(a), directions(b), atol=1e-4)
    for frame in range(len(source.frames)):
        for view in range(len(source.cameras)):
            picture, mask = found.read(frame, view)
            np.testing.assert_array_equal(picture, source.read(frame, view)[0])
            np.testing.assert_array_equal(mask, source.mask(frame, view))


def trained(root: Path) -> dict[str, torch.Tensor]:
    config = short(steps=2, rays=16, items=1)
    capture = open_capture(root, TRAINED)
    field = fresh_field(capture, config)
    train(field, capture, config, None)
    return state(field)


def test_a_training_is_the_same_from_each(roots: dict[str, Path]) -> None:
    expected = trained(roots["zjumocap"])
    for layout, root in roots.items():
        found = trained(root)
        for name, value in expected.items():
            torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4, msg=f"{layout}: {name}")
