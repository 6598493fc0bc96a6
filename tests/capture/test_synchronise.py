"""Offsets between cameras: from sound, from motion, from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture.synchronise.delay import motion_delay, sound_delay
from dymap.capture.synchronise.motion import evenly
from dymap.capture.synchronise.offsets import read_offsets
from dymap.errors import InputError

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
    assert sound_delay(scene_sound(8, 1), scene_sound(8, 2), RATE, longest=4).confidence < 12
    assert sound_delay(np.zeros(800), np.zeros(800), RATE, longest=1).confidence == 0


def activity(times: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """How much a person moves: smooth, never the same twice."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(times))
    for _ in range(14):
        total += rng.uniform(0.3, 1) * np.cos(2 * np.pi * rng.uniform(0.3, 3) * times + rng.uniform(0, 7))
    return np.exp(0.5 * total)


@pytest.mark.parametrize("delay", [0.0, 0.0513, -0.777, 1.204])
def test_motion_gives_the_delay_to_a_fraction_of_a_frame(delay: float) -> None:
    """Pictures at 30 a second, uneven ones in the second camera, which sees the person from elsewhere."""
    rng = np.random.default_rng(1)
    one, two = np.arange(240) / 30, np.cumsum(rng.uniform(0.026, 0.041, 240))
    a = activity(one + 5) * rng.uniform(0.9, 1.1, 240)
    b = 3 * activity(two + 5 + delay) * np.exp(rng.normal(0, 0.15, 240)) * (1 + 0.5 * np.sin(two))
    found = motion_delay(evenly(one, a, 120), evenly(two, b, 120), 120, longest=3)
    assert found.seconds == pytest.approx(delay, abs=0.3 / 30)
    assert found.confidence > 4


def test_motions_that_have_nothing_in_common_are_not_sure() -> None:
    times = np.arange(240) / 30
    sure = [
        motion_delay(evenly(times, activity(times, k), 120), evenly(times, activity(times, 50 + k), 120), 120, 3)
        for k in range(8)
    ]
    assert np.median([delay.confidence for delay in sure]) < 3.5


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
