"""dymap pack, and what dymap info says of its files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dymap.play.video import load
from dymap.video.container import FIRST_REQUEST, open_container
from dymap.video.model_file import load_video, save_video
from tests.cli.conftest import Run
from tests.golden.sources import Golden
from tests.video.videos import painted_video


@pytest.fixture
def exact(trimmed: Golden, tmp_path: Path) -> Path:
    save_video(tmp_path / "exact.dymap", painted_video(trimmed))
    return tmp_path / "exact.dymap"


def test_a_baked_file_is_packed_and_told_of(dymap: Run, exact: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.dymap"
    said = dymap("pack", exact, "--out", out, "--title", "A body", "--author", "me", "--licence", "CC0-1.0")
    assert said.code == 0
    assert "MB a frame (" in said.out
    assert out.stat().st_size < exact.stat().st_size / 2
    told = dymap("info", out).out
    for row in ("scene A body", "author me", "licence CC0-1.0", "frames 5 at 12.5 fps", "cameras 6 of 40"):
        assert row in told
    assert "decoder" in told
    video = load(out)
    difference = video.render(video.cameras[1], 2).rgb - load(exact).render(video.cameras[1], 2).rgb
    assert -10 * np.log10(difference.square().mean().item()) > 38
    assert video.baked.poster.startswith(b"\xff\xd8")


def test_only_the_header_is_read_for_info(dymap: Run, exact: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.dymap"
    assert dymap("pack", exact, "--out", out).code == 0
    data = bytearray(out.read_bytes())
    first = open_container(out).chunks[0].offset
    assert first < FIRST_REQUEST
    data[first:] = bytes(len(data) - first)
    out.write_bytes(data)
    assert dymap("info", out).code == 0
    damaged = dymap("render", out, "--out", tmp_path / "film.mp4")
    assert damaged.code == 1
    assert "damaged file (its poster is not what was written" in damaged.err


def test_a_rate_is_kept_and_packing_again_is_told(dymap: Run, exact: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.dymap", tmp_path / "second.dymap"
    assert dymap("pack", exact, "--out", first).code == 0
    rate = first.stat().st_size / 5 * 0.8 / 1e6
    said = dymap("pack", first, "--out", second, "--rate", rate)
    assert "it was quantised before" in said.out
    assert second.stat().st_size < first.stat().st_size * 0.81 + 20_000
    again = dymap("pack", second, "--out", tmp_path / "third.dymap", "--title", "named")
    assert "quantised before" not in again.out
    assert (load_video(tmp_path / "third.dymap").field.hash.xyt == load_video(second).field.hash.xyt).all()


@pytest.mark.parametrize(
    ("rate", "words"), [("0.0001", "is least"), ("0", "above 0"), ("-1", "above 0"), ("nan", "above 0")]
)
def test_rates_that_cannot_be(dymap: Run, exact: Path, tmp_path: Path, rate: str, words: str) -> None:
    said = dymap("pack", exact, "--out", tmp_path / "small.dymap", "--rate", rate)
    assert said.code == 1
    assert words in said.err
    assert not (tmp_path / "small.dymap").exists()
