"""The layout of SelfCap: cameras that did not begin together, chosen by their times."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dymap.capture import read_source
from dymap.capture.masking.places import MaskPlaces
from dymap.capture.readers.selfcap import score
from dymap.capture.writers.easymocap import write_calibration
from dymap.config import CaptureConfig
from dymap.errors import InputError
from tests.capture.calibrations.cameras import assert_same, rig
from tests.capture.clips import numbered, numbered_clip
from tests.capture.test_easymocap import numbers
from tests.captures import write_rgb

OFFSETS = {"01": 0.1, "02": 0.0, "03": 0.2}
"""Seconds: three, no and six pictures of 30 a second."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_calibration(tmp_path, rig())
    (tmp_path / "videos").mkdir()
    for name in OFFSETS:
        numbered_clip(tmp_path / f"videos/{name}.mp4", 12)
    return tmp_path


def options(**given: Any) -> CaptureConfig:
    return CaptureConfig(layout="selfcap", options=given)


@pytest.mark.parametrize(
    ("name", "content", "given"),
    [
        ("sync.json", json.dumps(OFFSETS), {}),
        ("offsets.json", json.dumps({"offsets": [0.1, 0.0, 0.2]}), {}),
        ("sync.csv", "camera,frames\n01,3\n02,0\n03,6\n", {"offset_unit": "frames"}),
        ("offsets.toml", "01 = 100\n02 = 0\n03 = 200\n", {"offset_unit": "ms"}),
        (
            "late.json",
            json.dumps({name: -offset for name, offset in OFFSETS.items()}),
            {"negative": True, "offsets": "late.json"},
        ),
    ],
)
def test_pictures_of_one_time(root: Path, name: str, content: str, given: dict[str, Any]) -> None:
    (root / name).write_text(content)
    source = read_source(root, options(**given))
    assert numbers(source, 0) == [3, 6, 0]
    assert numbers(source, len(source.frames) - 1) == [8, 11, 5]


@pytest.mark.parametrize("given", [{}, {"fps": 15.0}])
def test_masks_have_the_numbers_of_their_own_videos(root: Path, given: dict[str, Any]) -> None:
    (root / "sync.json").write_text(json.dumps(OFFSETS))
    for name in OFFSETS:
        for number in range(12):
            mask = np.zeros((48, 64, 3), np.uint8)
            mask[: number + 1] = 255
            write_rgb(root / f"masks/{name}/{number:06d}.png", mask)
    source = read_source(root, options(**given))
    for frame in range(len(source.frames)):
        for view, number in enumerate(numbers(source, frame)):
            assert source.masked(frame, view)
            mask = source.mask(frame, view)
            assert mask is not None
            assert mask[:, 0].sum() == number + 1
            assert source.number(frame, view) == number
    shutil.rmtree(root / "masks")
    source = read_source(root, options(**given))
    names = [MaskPlaces(source).of(1, view).name for view in range(3)]
    assert names == [f"{number:06d}.png" for number in numbers(source, 1)]


def test_frames_of_a_common_clock(root: Path) -> None:
    (root / "sync.json").write_text(json.dumps(OFFSETS))
    source = read_source(root, options(fps=15.0))
    assert [numbers(source, frame) for frame in range(2)] == [[3, 6, 0], [5, 8, 2]]


def test_times_of_the_calibration(root: Path) -> None:
    assert score(root) == 0.5
    with (root / "extri.yml").open("a") as file:
        file.write("".join(f"t_{name}: {offset}\n" for name, offset in OFFSETS.items()))
    assert score(root) == 0.95
    source = read_source(root, CaptureConfig())
    assert source.layout == "selfcap"
    assert numbers(source, 0) == [3, 6, 0]


def test_optimised_cameras_count_before(root: Path) -> None:
    better = tuple(replace(camera, T=camera.T + 0.01) for camera in rig())
    (root / "optimized").mkdir()
    write_calibration(root / "optimized", better)
    (root / "sync.json").write_text(json.dumps(OFFSETS))
    assert_same(read_source(root, CaptureConfig()).cameras, better)


def test_images_have_frames_for_a_clock(root: Path) -> None:
    shutil.rmtree(root / "videos")
    for name in OFFSETS:
        for frame in range(8):
            write_rgb(root / f"images/{name}/{frame}.png", numbered(frame))
    (root / "sync.json").write_text(json.dumps(OFFSETS))
    with pytest.raises(InputError, match=r"have no clock.*capture.options.fps=30"):
        read_source(root, options())
    source = read_source(root, options(fps=30.0))
    assert source.frames == tuple(range(14))
    assert numbers(source, 6) == [3, 6, 0]
    assert numbers(source, 0) == [None, 0, None]


def test_faults_are_named(root: Path) -> None:
    (root / "sync.json").write_text(json.dumps({"01": 0, "02": 0}))
    with pytest.raises(InputError, match=r"sync\.json: says nothing of camera '03'"):
        read_source(root, CaptureConfig())
    (root / "sync.json").write_text(json.dumps({"01": 0, "02": 0, "03": 60}))
    with pytest.raises(InputError, match="no moment"):
        read_source(root, CaptureConfig())
    with pytest.raises(InputError, match="leaves the capture's folder"):
        read_source(root, options(offsets="../sync.json"))
    with pytest.raises(InputError, match=r"capture.options.fps = -1.0: expected a number from 0"):
        read_source(root, options(fps=-1.0))
