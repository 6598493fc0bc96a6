"""The page: self-contained, escaped, and shown by a browser as it should be."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from dymap.play.movie import film_writer
from dymap.play.page import Clip, Pair, write_page

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no headless browser (chromium) on this machine")
RED, GREEN, BLUE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((64, 64, 3), colour, np.uint8)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    film = tmp_path / "film.mp4"
    with film_writer(film, 24.0) as write:
        for _ in range(3):
            write(plain(BLUE))
    pairs = [Pair("view 3 <b>", plain(RED), plain(GREEN), plain(BLUE)), Pair("view 7", *[plain(BLUE)] * 3)]
    clips = [Clip("Free & easy", "time runs", film)]
    return write_page(
        tmp_path / "index.html", "A <title>", pairs, clips, {"PSNR": 20.123, "LPIPS": None, "SSIM": float("nan")},
        {"machine": "2 > 1"}, {"next": "dymap info DIR"},
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing(page: Path) -> None:
    tags = Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    assert tags.open == []
    assert len(tags.sources) == 2 * 3 + 1
    assert all(source.startswith(("data:image/png;base64,", "data:video/mp4;base64,")) for source in tags.sources)
    assert not re.search(r"https?://", page.read_text(encoding="utf-8"))


def test_text_is_escaped_and_missing_numbers_are_dashes(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "view 3 &lt;b&gt;" in text
    assert "<title>A &lt;title&gt;</title>" in text
    assert "2 &gt; 1" in text
    assert "<dt>PSNR</dt><dd>20.12</dd>" in text
    assert "<dt>LPIPS</dt><dd>-</dd>" in text
    assert "<dt>SSIM</dt><dd>-</dd>" in text


@needs_browser
def test_browser_shows_truth_on_the_left_and_prediction_on_the_right(page: Path, tmp_path: Path) -> None:
    assert BROWSER is not None
    shot = tmp_path / "shot.png"
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1080,900"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    picture = cv2.imread(str(shot))[..., ::-1]
    red, green = ((np.abs(picture.astype(int) - colour).max(axis=-1) < 12) for colour in (RED, GREEN))
    assert red.sum() > 10_000
    assert abs(int(red.sum()) - int(green.sum())) < 0.05 * red.sum()  # the slider stands in the middle
    assert np.nonzero(red)[1].max() < np.nonzero(green)[1].min()
    assert np.nonzero(red)[0].min() == np.nonzero(green)[0].min()  # at the same height
