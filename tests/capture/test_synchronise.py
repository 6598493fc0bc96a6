"""Offsets between cameras: from sound, from motion, from files."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks import synchronise
from numpy.typing import NDArray

from dymap.capture.synchronise.delay import best_motion, motion_scores, sound_delay
from dymap.capture.synchronise.estimate import SURE, up_in_pictures
from dymap.capture.synchronise.motion import Motion, evenly, motion
from dymap.capture.synchronise.offsets import read_offsets
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera, look_at
from tests.capture.clips import write_clip

RATE = 8000


def scene_sound(seconds: float, seed: int) -> NDArray[np.float64]:
    """Noise that swells and fades, with claps."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    sound = rng.normal(0, 0.05, count) * (1 + np.sin(np.arange(count) / RATE * 3)) / 2
    for at in rng.integers(0, count - 400, 6):
        sound[at : at + 400] += rng.normal(0, 0.5, 400) * np.exp(-np.arange(400) / 80)
    return sound


@pytest.mark.parametrize("delay", [0.0, 0.137, -0.521, 2.30617])
def test_sound_gives_the_delay_to_a_sample_in_echoes_and_noise(delay: float) -> None:
    rng = np.random.default_rng(3)
    scene = scene_sound(16, 0)
    start = 3.0
    first = scene[int(start * RATE) : int((start + 8) * RATE)]
    at = round((start + delay) * RATE)
    second = scene[at : at + 8 * RATE].copy()
    second[200:] += 0.4 * second[:-200]  # an echo
    second = 0.2 * second + rng.normal(0, 0.01, len(second))
    found = sound_delay(first, second, RATE, longest=5)
    assert found.seconds == pytest.approx(delay, abs=1.5 / RATE)
    assert found.confidence > 20


def test_sounds_that_have_nothing_in_common_are_not_sure() -> None:
    assert sound_delay(scene_sound(8, 1), scene_sound(8, 2), RATE, longest=4).confidence < SURE["sound"]
    assert sound_delay(np.zeros(800), np.zeros(800), RATE, longest=1).confidence == 0


def activity(times: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """How much a person moves: smooth, never the same twice."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(times))
    for _ in range(14):
        total += rng.uniform(0.3, 1) * np.cos(2 * np.pi * rng.uniform(0.3, 3) * times + rng.uniform(0, 7))
    return np.exp(0.5 * total)


def curve(times: NDArray[np.float64], amount: NDArray[np.float64]) -> NDArray[np.float64]:
    return evenly(Motion(times, amount, np.zeros(len(times))), 120)[0]


@pytest.mark.parametrize("delay", [0.0, 0.0513, -0.777, 1.204])
def test_motion_gives_the_delay_to_a_fraction_of_a_frame(delay: float) -> None:
    """Pictures at 30 a second, uneven ones in the second camera, which sees the person from elsewhere."""
    rng = np.random.default_rng(1)
    one, two = np.arange(240) / 30, np.cumsum(rng.uniform(0.026, 0.041, 240))
    a = activity(one + 5) * rng.uniform(0.9, 1.1, 240)
    b = 3 * activity(two + 5 + delay) * np.exp(rng.normal(0, 0.15, 240)) * (1 + 0.5 * np.sin(two))
    found = best_motion(*motion_scores(curve(one, a), curve(two, b), 120, 3), 120)
    assert found.seconds == pytest.approx(delay, abs=0.3 / 30)
    assert found.confidence > SURE["motion"]


def test_motions_that_have_nothing_in_common_are_not_sure() -> None:
    times = np.arange(240) / 30
    sure = [
        best_motion(
            *motion_scores(curve(times, activity(times, k)), curve(times, activity(times, 50 + k)), 120, 3), 120
        )
        for k in range(12)
    ]
    assert max(delay.confidence for delay in sure) < SURE["motion"]


def test_curves_too_short_to_compare_are_not_sure() -> None:
    nothing = np.full(1, np.nan)
    assert best_motion(*motion_scores(nothing, nothing, 120, 3), 120).confidence == 0
    assert best_motion(*motion_scores(nothing, curve(np.arange(90) / 30, np.ones(90)), 120, 3), 120).confidence == 0


def test_motion_rises_with_what_goes_up(tmp_path: Path) -> None:
    """A ball that goes up and down once a second, in a picture that is held upright and in one that is not."""
    heights = 12 * np.sin(2 * np.pi * np.arange(60) / 30)
    pictures = [np.full((96, 96, 3), 60, np.uint8) for _ in heights]
    for picture, height in zip(pictures, heights, strict=True):
        cv2.circle(picture, (48, round(48 - height)), 9, (230, 220, 40), -1, cv2.LINE_AA)
    upright = VideoFile(write_clip(tmp_path / "a.mp4", pictures))
    turned = VideoFile(write_clip(tmp_path / "b.mp4", [np.rot90(picture).copy() for picture in pictures]))
    for found in (motion(upright, 9), motion(turned, 9, up=(-1.0, 0.0))):
        expected = np.diff(heights) * 30
        assert np.corrcoef(found.rise, expected)[0, 1] > 0.9
        assert np.corrcoef(found.amount, np.abs(expected))[0, 1] > 0.7


def test_the_benchmark_prints_its_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(synchronise, "SCENES", 1)
    monkeypatch.setattr(synchronise, "LONGEST", 6)
    synchronise.main()
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["4", "6", "10", "20"]
    assert "100%" in rows[1]


def test_up_is_found_in_pictures_of_cameras_that_are_turned() -> None:
    cameras = []
    for quarter, angle in enumerate(np.arange(8) * 0.8):
        R, T = look_at([3 * np.sin(angle), 3 * np.cos(angle), 0.3], [0, 0, 0])
        turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]) if quarter == 3 else np.eye(3)
        cameras.append(Camera(np.eye(3), turn @ R, turn @ T, 10, 10))
    found = up_in_pictures(cameras)
    np.testing.assert_allclose(found, [*[(0, -1)] * 3, (1, 0), *[(0, -1)] * 4], atol=0.35)


def test_files_of_offsets(tmp_path: Path) -> None:
    names = ["cam01", "cam 2"]
    files = {
        "a.json": json.dumps({"cam01": 0.5, "cam 2": -1, "other": 3}),
        "b.json": "[0.5, -1]",
        "c.json": json.dumps({"offsets": {"cam01": 0.5, "cam 2": -1}}),
        "d.csv": "\ufeffcamera,seconds\ncam01, 0.5\n\ncam 2,-1\n",
        "e.csv": "cam01,0.5\ncam 2,-1.0\n",
        "f.toml": 'cam01 = 0.5\n"cam 2" = -1\n',
        "g.toml": '[offsets]\ncam01 = 0.5\n"cam 2" = -1\n',
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert read_offsets(tmp_path / name, names) == [0.5, -1]


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("a.json", "{", "not readable as offsets"),
        ("a.json", "3", "expected an object of names and seconds"),
        ("a.json", "[" * 100000, "not readable as offsets"),
        ("a.json", '{"cam01": 0}', "says nothing of camera 'cam02'; it knows 'cam01'"),
        ("a.json", "[1]", "lists 1 offsets, but there are 2 cameras"),
        ("a.json", '{"cam01": 0, "cam02": "soon"}', "the offset of camera 'cam02' is 'soon'; expected seconds"),
        ("a.json", '{"cam01": 0, "cam02": true}', "expected seconds"),
        ("a.json", '{"cam01": 0, "cam02": NaN}', "expected seconds"),
        ("a.json", '{"cam01": 0, "cam02": 1' + "0" * 400 + "}", "camera 'cam02' is an integer of 1329 bits; expected"),
        ("a.json", '{"cam01": 0, "cam02": 1' + "0" * 5000 + "}", "not readable as offsets"),
        (
            "a.toml",
            "cam01 = 0\ncam02 = 0x" + "f" * 6000,
            "camera 'cam02' is an integer of 24000 bits; expected seconds",
        ),
        ("a.csv", "cam01,0\ncam02," + "9" * 200_000, "not readable as offsets"),
        ("a.csv", "cam01\ncam02", "expected lines of a name and seconds"),
        ("a.toml", "cam01 = ", "not readable as offsets"),
        ("a.yaml", "", r"ends in \.json, \.csv or \.toml"),
        ("missing.json", None, "no such file"),
    ],
)
def test_files_that_are_no_offsets_are_refused(tmp_path: Path, name: str, text: str | None, match: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=match):
        read_offsets(tmp_path / name, ["cam01", "cam02"])
