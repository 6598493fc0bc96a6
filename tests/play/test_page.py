"""The page: self-contained, escaped, and shown by a browser as it should be."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from dymap.play.movie import film_writer
from dymap.play.page import Clip, Pair, write_page

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no headless browser (chromium) on this machine")
WINDOW = (1080, 1200)
RED, GREEN, BLUE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((64, 64, 3), colour, np.uint8)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    film = tmp_path / "film.mp4"
    with film_writer(film, 24.0) as write:
        for _ in range(24):
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


def test_text_is_escaped_and_missing_numbers_are_said(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "view 3 &lt;b&gt;" in text
    assert "<title>A &lt;title&gt;</title>" in text
    assert "2 &gt; 1" in text
    assert "<dt>PSNR</dt><dd>20.12</dd>" in text
    assert "<dt>LPIPS</dt><dd>not measured</dd>" in text
    assert "<dt>SSIM</dt><dd>not measured</dd>" in text


def browse(page: Path, script: str, option: str) -> str:
    """Open a copy of the page in which `script` runs once everything is loaded; what the browser prints.

    option: what a headless browser is to do then. The page must not complain on its console.
    """
    assert BROWSER is not None
    visited = page.with_name("visited.html")
    body = f"<script>addEventListener('load', async () => {{ {script} }});</script></body>"
    visited.write_text(page.read_text(encoding="utf-8").replace("</body>", body), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    command += [f"--user-data-dir={page.parent / 'profile'}", f"--window-size={WINDOW[0]},{WINDOW[1]}"]
    command += ["--virtual-time-budget=5000", option, visited.as_uri()]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not complaints, complaints
    return done.stdout


def photograph(page: Path, script: str = "") -> np.ndarray:
    """[H, W, 3] int, what the window shows."""
    shot = page.with_name("shot.png")
    browse(page, script, f"--screenshot={shot}")
    picture = cv2.imread(str(shot))
    assert picture is not None
    return picture[..., ::-1].astype(int)


def told(page: Path, script: str) -> dict[str, Any]:
    """What `script` has put into its object `told` at its end."""
    script = f"const told = {{}}; {script} document.body.dataset.told = JSON.stringify(told);"
    found = re.search(r'data-told="([^"]*)"', browse(page, script, "--dump-dom"))
    assert found, "the script did not come to its end"
    return json.loads(html.unescape(found[1]))


def area(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """[n, 2] row and column of the comparison's pixels of a colour; films stand below it."""
    return np.argwhere((np.abs(picture - colour).max(axis=-1) < 12)[:, : WINDOW[0] * 3 // 5][: WINDOW[1] * 2 // 3])


def slide(percent: float) -> str:
    return f"const cut = document.getElementById('cut'); cut.value = {percent}; cut.dispatchEvent(new Event('input'));"


@needs_browser
@pytest.mark.parametrize("percent", [None, 20, 85])
def test_slider_stands_between_truth_and_prediction(page: Path, percent: int | None) -> None:
    """Truth on its left, prediction on its right, at the same height; in the middle at first."""
    picture = photograph(page, "" if percent is None else slide(percent))
    truth, prediction = area(picture, RED), area(picture, GREEN)
    assert len(truth) + len(prediction) > 200_000
    assert len(truth) / (len(truth) + len(prediction)) == pytest.approx((percent or 50) / 100, abs=0.01)
    assert truth[:, 1].max() < prediction[:, 1].min()
    assert truth[:, 0].min() == prediction[:, 0].min()


@needs_browser
def test_buttons_show_the_error_and_the_other_view(page: Path) -> None:
    error = photograph(page, "document.getElementById('errors').click();")
    assert len(area(error, RED)) == len(area(error, GREEN)) == 0
    assert len(area(error, BLUE)) > 200_000
    other = photograph(page, "document.querySelectorAll('#tabs button')[1].click();")
    assert len(area(other, RED)) == len(area(other, GREEN)) == 0
    assert len(area(other, BLUE)) > 200_000


@needs_browser
def test_pointer_moves_the_slider(page: Path) -> None:
    script = """
        const pair = document.querySelector(".pair"), place = pair.getBoundingClientRect();
        const where = {clientX: place.left + place.width / 4, clientY: place.top + 5, bubbles: true};
        pair.dispatchEvent(new PointerEvent("pointermove", where));
        told.cut = document.getElementById("cut").value;
        told.clip = getComputedStyle(pair.querySelector(".truth")).clipPath;
    """
    found = told(page, script)
    assert float(found["cut"]) == pytest.approx(25, abs=0.5)
    assert float(re.findall(r"[\d.]+(?=%)", found["clip"])[0]) == pytest.approx(75, abs=0.5)


@needs_browser
def test_films_play(page: Path) -> None:
    """A film runs, and what it shows is what was written into it."""
    script = """
        const film = document.querySelector("video");
        await film.play();
        while (film.currentTime < 0.1) await new Promise(done => setTimeout(done, 20));
        const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
        const brush = canvas.getContext("2d");
        brush.drawImage(film, 0, 0);
        told.pixel = [...brush.getImageData(32, 32, 1, 1).data];
        told.size = [film.videoWidth, film.videoHeight];
        told.length = film.duration;
    """
    found = told(page, script)
    assert found["size"] == [64, 64]
    assert found["length"] == pytest.approx(1, abs=0.05)
    np.testing.assert_allclose(found["pixel"], [*BLUE, 255], atol=12)


@needs_browser
def test_complaints_are_heard(page: Path) -> None:
    """The tests above would not miss an error in the page's script."""
    with pytest.raises(AssertionError, match="nothing is not defined"):
        browse(page, "nothing.here();", "--dump-dom")


@needs_browser
def test_narrow_windows_do_not_scroll_sideways(page: Path) -> None:
    script = """
        document.querySelectorAll("script").forEach(script => script.remove());
        const frame = Object.assign(document.createElement("iframe"), {srcdoc: document.documentElement.outerHTML});
        frame.style = "width: 360px; height: 600px";
        const loaded = new Promise(done => { frame.onload = done; });
        document.body.append(frame);
        await loaded;
        told.width = frame.contentDocument.documentElement.scrollWidth;
    """
    assert told(page, script)["width"] <= 360
