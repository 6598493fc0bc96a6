"""High dynamic range and wide gamuts become BT.709, by the formulas of their standards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dymap.capture.dynamic_range import (
    PEAK,
    TO_BT709,
    WHITE,
    Primaries,
    Transfer,
    hlg_scene_light,
    pq_light,
    pq_signal,
    rolled_off,
    to_bt709,
)
from dymap.capture.videos import VideoFile
from tests.capture.clips import write_clip


def display_light(signal: NDArray[np.float64], transfer: Transfer) -> NDArray[np.float64]:
    """cd/m2 (a white of WHITE in standard range), [n, 3]: brute force."""
    if transfer == "sdr":
        return WHITE * signal**2.4
    if transfer == "pq":
        return np.minimum(pq_light(signal), PEAK)
    scene = hlg_scene_light(signal)
    return np.asarray(PEAK * (scene @ [0.2627, 0.6780, 0.0593])[:, None] ** 0.2 * scene)


@pytest.mark.parametrize("transfer", ["sdr", "pq", "hlg"])
@pytest.mark.parametrize("primaries", ["bt709", "bt2020", "p3"])
def test_bytes_agree_with_the_formulas(transfer: Transfer, primaries: Primaries) -> None:
    signal = np.random.default_rng(0).uniform(0.02, 0.98, (4000, 3))
    light = display_light(signal, transfer) @ TO_BT709[primaries].T
    if transfer != "sdr":
        brightest = light.max(axis=1, keepdims=True)
        light *= rolled_off(brightest) / brightest
    expected = np.clip(light / WHITE, 0, 1) ** (1 / 2.4) * 255
    found = to_bt709(np.rint(signal * 65535).astype(np.uint16)[None], transfer, primaries)[0]
    error = np.abs(found - expected)
    assert error.mean() < 0.5
    assert np.quantile(error, 0.999) < 3  # 4096 steps of a steep curve


def test_curves_have_the_values_that_their_standards_print() -> None:
    assert pq_light(np.array(0.58068881)) == pytest.approx(203, rel=1e-4)  # BT.2408: 58 % PQ is 203 cd/m2
    assert hlg_scene_light(np.array(0.75)) == pytest.approx(0.26496, abs=1e-4)  # BT.2408: 75 % HLG
    assert abs(PEAK * 0.26496**1.2 - 203) < 1
    light = np.array([0.1, 10.0, 100.0, 500.0, 1000.0])
    np.testing.assert_allclose(pq_light(pq_signal(light)), light, rtol=1e-9)


def test_the_roll_off_keeps_what_is_dark_and_rises_to_white() -> None:
    light = np.linspace(0.01, PEAK, 2000)
    mapped = rolled_off(light)
    np.testing.assert_allclose(mapped[light < 85], light[light < 85], rtol=1e-9)
    assert (np.diff(mapped) > -1e-9).all()
    assert mapped[-1] == pytest.approx(WHITE, rel=1e-6)
    assert rolled_off(np.array(WHITE)) > 0.6 * WHITE


def test_grey_stays_grey() -> None:
    grey = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None], 3, axis=2)
    for transfer in ("sdr", "pq", "hlg"):
        picture = to_bt709(grey, transfer, "bt2020").astype(int)
        assert np.ptp(picture, axis=2).max() <= 1
        assert (np.diff(picture[0, :, 0]) >= 0).all()
        assert picture[0, 0, 0] <= 2
        assert picture[0, -1, 0] == 255


@pytest.mark.parametrize(("number", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_video_of_high_dynamic_range_is_told_and_tone_mapped(tmp_path: Path, number: int, name: str) -> None:
    picture = np.full((48, 64, 3), 0, np.uint16)
    picture[:] = np.array([0.5, 0.45, 0.4]) * 65535
    colours = {"color_trc": number, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    path = write_clip(
        tmp_path / "a.mp4", [picture] * 3, codec="libx265", pix_fmt="yuv420p10le", colours=colours,
        options={"x265-params": "log-level=none"},
    )  # fmt: skip
    video = VideoFile(path)
    assert video.told == f"{name} is tone-mapped to BT.709"
    assert video.facts.bits == 10
    assert video.facts.primaries == "bt2020"
    expected = to_bt709(picture, "pq" if number == 16 else "hlg", "bt2020")
    assert np.abs(video.picture(1).astype(int) - expected).mean() < 4
