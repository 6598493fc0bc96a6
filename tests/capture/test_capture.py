"""Capture: which frames and views there are, and cameras of the prepared images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.capture import Capture, open_capture, read_source
from dymap.capture.capture import split_views
from dymap.config import CaptureConfig
from tests.captures import TINY


@pytest.mark.parametrize(
    ("frames", "expected"),
    [((0, -1, 1), (0, 1, 2, 3)), ((1, -1, 1), (1, 2, 3)), ((0, 3, 2), (0, 2)), ((0, 99, 3), (0, 3)), ((3, 4, 1), (3,))],
)
def test_frame_ranges(tiny_root: Path, frames: tuple[int, int, int], expected: tuple[int, ...]) -> None:
    source = read_source(tiny_root, replace(TINY, frames=frames))
    assert source.frames == expected
    for frame, number in enumerate(expected):
        assert [path.name for path in source.files(frame, 2)] == [f"{number:06d}.png"] * 2
        np.testing.assert_array_equal(source.points(frame), np.load(tiny_root / f"vertices/{number}.npy"))


def test_views_are_split() -> None:
    config = CaptureConfig()
    assert split_views(5, config) == ((0, 1, 2, 3, 4), ())
    assert split_views(5, replace(config, test_views=(1, 3))) == ((0, 2, 4), (1, 3))
    assert split_views(5, replace(config, test_views=(1,), train_views=(4, 0))) == ((4, 0), (1,))


def test_cameras_are_those_of_the_prepared_images(tiny: Capture) -> None:
    for before, after in zip(tiny.source.cameras, tiny.cameras, strict=True):
        assert (after.width, after.height) == (before.width // 2, before.height // 2)
        np.testing.assert_allclose(after.K, before.K * [[0.5], [0.5], [1]])
        np.testing.assert_array_equal(after.position, before.position)
        assert not after.distorted
        assert after.name == before.name


def test_pixel_offset_reaches_the_cameras(tiny_root: Path) -> None:
    capture = open_capture(tiny_root, replace(TINY, frames=(0, 1, 1), pixel_offset=0.5))
    assert {camera.pixel_offset for camera in capture.cameras} == {0.5}


def test_test_frames(tiny: Capture) -> None:
    assert list(tiny.test_frames()) == [0, 2]
    assert tiny.name == "tiny"
    assert tiny.boxes.shape == (4, 2, 3)
    assert tiny.has_masks


def test_padding_widens_boxes(tiny: Capture, tiny_root: Path) -> None:
    wide = open_capture(tiny_root, replace(TINY, box_padding=0.3))
    np.testing.assert_allclose(tiny.boxes[:, 0] - wide.boxes[:, 0], 0.2, atol=1e-6)
    np.testing.assert_allclose(wide.boxes[:, 1] - tiny.boxes[:, 1], 0.2, atol=1e-6)


@pytest.mark.parametrize(("frame", "view"), [(4, 0), (0, 5)])
def test_shots_outside_the_capture(tiny: Capture, frame: int, view: int) -> None:
    with pytest.raises(IndexError):
        tiny.shot(frame, view)
