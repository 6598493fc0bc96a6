"""The page: self-contained, escaped, and driven in a browser by mouse, finger and keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from dymap.evaluate.report import MEANINGS, TITLES
from dymap.pictures import error_colours
from dymap.play.movie import film_writer
from dymap.play.page import Clip, NextStep, Number, Pair, write_page
from tests.browser import Page, browser, needs_browser

WIDE, PHONE = (1440, 900), (390, 844)
RED, GREEN, BLUE, WHITE = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255))


def plain(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((64, 64, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    film = folder / "film.mp4"
    with film_writer(film, 24.0) as write:
        for _ in range(24):
            write(plain(BLUE))
    pairs = [
        Pair("camera 3 <b>", plain(RED), plain(GREEN), plain(BLUE)),
        Pair("camera 7", *map(plain, (BLUE, WHITE, RED))),
    ]
    clips = [Clip("Free & easy.", "Time runs.", film, plain(WHITE)), Clip("Fixed.", "It stands.", film, plain(WHITE))]
    numbers = [
        Number("PSNR", 20.123, "dB", "How close > far."), Number("LPIPS", None, "", "How different."),
        Number("SSIM", float("nan"), "", "How alike."),
    ]  # fmt: skip
    steps = [NextStep("Look", "Around it.", "dymap view run\ndymap info 'a b'")]
    return write_page(
        folder / "index.html", "A <title>", "Lead.", clips, pairs, "Drag.", steps, numbers, {"machine": "2 > 1"}
    )


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all tests: starting one takes seconds."""
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [value or "" for key, value in attrs if key in ("src", "href", "poster")]
        if tag == "img":
            assert "alt" in dict(attrs)
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_well_formed_and_loads_nothing(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert len(tags.sources) == 2 * (3 + 1) + 1 + 2 * 2, "pairs with thumbnails, the legend, films with posters"
    assert all(source.startswith(("data:image/jpeg;base64,", "data:video/mp4;base64,")) for source in tags.sources)
    assert not re.search(r"https?://", text)


def test_text_is_escaped_and_missing_numbers_are_said(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "camera 3 &lt;b&gt;" in text
    assert "<title>A &lt;title&gt;</title>" in text
    assert "2 &gt; 1" in text
    assert "<th scope=row>PSNR</th><td>20.12 dB</td><td>How close &gt; far.</td>" in text
    assert "<th scope=row>LPIPS</th><td>not measured</td>" in text
    assert "<th scope=row>SSIM</th><td>not measured</td>" in text


def test_films_come_first_and_numbers_last(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    order = [
        "Lead.",
        "Free & easy.",
        "Drag.",
        'id="wipe"',
        'type="radio"',
        'class="ramp"',
        "dymap</span>",
        "PSNR",
        "machine",
    ]
    places = [text.index(part.replace("&", "&amp;"), text.index("<body>")) for part in order]
    assert places == sorted(places)


def test_every_number_has_a_sentence() -> None:
    assert list(MEANINGS) == list(TITLES)
    assert all(re.fullmatch(r"[A-Z].*\.", meaning) for meaning in MEANINGS.values())


def wipe(visited: Page) -> tuple[float, float]:
    """Where the line is, in percent: as it is told to screen readers, and as it is seen."""
    visited.settle()
    said = float(visited.evaluate("document.getElementById('wipe').getAttribute('aria-valuenow')"))
    clip = visited.evaluate("getComputedStyle(document.querySelector('.pair:not([hidden]) .filmed')).clipPath")
    return said, 100 - float(re.findall(r"([\d.]+)%", clip)[0])


@needs_browser
@pytest.mark.parametrize("phone", [False, True], ids=["mouse", "finger"])
def test_the_line_follows_until_it_is_released(visited: Page, page: Path, phone: bool) -> None:
    """In steps across the picture, and beyond its edge; afterwards it stays."""
    visited.visit(page.as_uri(), *(PHONE if phone else WIDE), phone=phone)
    left, top, width, height = visited.place("#wipe")
    assert wipe(visited) == (50, 50)

    def at(share: float) -> tuple[float, float]:
        return left + share * width, top + height / 2

    if phone:
        visited.touch("touchStart", at(0.5))
    else:
        visited.mouse("mousePressed", *at(0.5))
    for share in (0.55, 0.7, 0.4, 0.2, 0.25):
        if phone:
            visited.touch("touchMove", at(share))
        else:
            visited.mouse("mouseMoved", *at(share))
        assert wipe(visited) == pytest.approx((100 * share,) * 2, abs=1)
    if not phone:
        visited.mouse("mouseMoved", left + width + 60, top - 40)
        assert wipe(visited) == (100, 100), "it follows outside the picture too"
        visited.mouse("mouseMoved", *at(0.25))
        visited.mouse("mouseReleased", *at(0.25))
        visited.call("Input.dispatchMouseEvent", type="mouseMoved", x=left + width / 2, y=top + height / 2)
    else:
        visited.touch("touchEnd")
    assert wipe(visited) == pytest.approx((25, 25), abs=1)
    assert not visited.complaints


@needs_browser
def test_the_line_is_between_what_was_filmed_and_the_model(visited: Page, page: Path) -> None:
    visited.visit(page.as_uri(), *WIDE)
    left, top, width, _ = (round(number) for number in visited.place("#wipe"))
    visited.mouse("mousePressed", left + 0.2 * width, top + 100)
    visited.mouse("mouseReleased", left + 0.2 * width, top + 100)
    row = visited.picture()[top + 60, left : left + width].astype(int)
    filmed, model = (np.nonzero(np.abs(row - colour).max(axis=-1) < 12)[0] for colour in (RED, GREEN))
    assert len(filmed) / width == pytest.approx(0.2, abs=0.03)
    assert len(model) / width == pytest.approx(0.8, abs=0.03)
    assert filmed.max() < model.min()


@needs_browser
def test_keys_move_the_line_and_choose_the_view(visited: Page, page: Path) -> None:
    visited.visit(page.as_uri(), *WIDE)
    for _ in range(10):
        visited.press("Tab")
        if visited.evaluate("document.activeElement.id") == "wipe":
            break
    for key, percent in (("ArrowRight", 52), ("ArrowUp", 54), ("ArrowLeft", 52), ("End", 100), ("Home", 0)):
        visited.press(key)
        assert wipe(visited) == (percent, percent)
    visited.press("Tab")
    visited.press("ArrowRight")
    shown = "[...document.querySelectorAll('.pair:not([hidden])')].map(pair => pair.dataset.view).join()"
    assert visited.evaluate(shown) == "1,1", "of both the comparison and the error map"


@needs_browser
def test_a_thumbnail_shows_its_view(visited: Page, page: Path) -> None:
    """In the comparison and in the error map, of which the scale is said."""
    visited.visit(page.as_uri(), *WIDE)
    visited.click(".views label:nth-of-type(2) img")
    for selector, share, colour in (("#wipe", 0.2, BLUE), ("#wipe", 0.8, WHITE), (".errors", 0.5, RED)):
        left, top, width, height = visited.place(selector)
        pixel = visited.picture()[round(top + 0.3 * height), round(left + share * width)].astype(int)
        assert np.abs(pixel - colour).max() < 12, selector
    ticks = visited.evaluate("document.querySelector('.ticks').innerText").split("\n")
    assert ticks == ["0 %", "5 %", "10 %", "15 %", "20 %", "25 % and more"]
    left, top, width, height = visited.place(".ramp")
    bar = visited.picture()[round(top + height / 2), round(left) : round(left + width)].astype(int)
    errors = np.full((1, 1, 3), 0.15, np.float32)
    expected = error_colours(errors, np.zeros_like(errors))[0, 0]
    np.testing.assert_allclose(bar[round(0.6 * len(bar))], expected, atol=16)


@needs_browser
def test_films_play_silently_and_stop_when_asked(visited: Page, page: Path) -> None:
    """What a film shows is what was written into it."""
    visited.visit(page.as_uri(), *WIDE)
    script = """(async () => {
        const film = document.querySelector("video");
        while (film.currentTime < 0.1) await new Promise(done => setTimeout(done, 20));
        const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
        const brush = canvas.getContext("2d");
        brush.drawImage(film, 0, 0);
        return {pixel: [...brush.getImageData(32, 32, 1, 1).data], size: [film.videoWidth, film.videoHeight],
                length: film.duration, kept: [film.muted, film.loop, film.playsInline, film.poster.length > 100]};
    })()"""
    found = visited.evaluate(script)
    assert found["size"] == [64, 64]
    assert found["length"] == pytest.approx(1, abs=0.05)
    assert found["kept"] == [True] * 4
    np.testing.assert_allclose(found["pixel"], [*BLUE, 255], atol=12)
    label = "document.querySelector('.pause').getAttribute('aria-label')"
    assert visited.evaluate(label) == "Pause. Film: Free & easy."
    visited.click(".pause")
    visited.settle()
    assert visited.evaluate("document.querySelector('video').paused")
    assert visited.evaluate(label) == "Play. Film: Free & easy."


@needs_browser
def test_films_stand_still_for_those_who_prefer_it(visited: Page, page: Path) -> None:
    visited.visit(page.as_uri(), *WIDE, still=True)
    visited.evaluate("new Promise(done => setTimeout(done, 300))")
    assert visited.evaluate("[...document.querySelectorAll('video')].every(film => film.paused)")


@needs_browser
def test_it_is_light_or_dark_and_never_scrolls_sideways(visited: Page, page: Path) -> None:
    for phone, dark in ((False, False), (False, True), (True, True), (True, False)):
        visited.visit(page.as_uri(), *(PHONE if phone else WIDE), phone=phone, dark=dark)
        assert visited.evaluate("document.documentElement.scrollWidth") == (PHONE if phone else WIDE)[0]
        brightness = visited.picture()[-8:, :8].mean()
        assert brightness < 40 if dark else brightness > 230
        assert [url for url in visited.requests if not url.startswith(("data:", page.as_uri()))] == []
        assert not visited.complaints
    width = visited.evaluate("document.querySelector('#wipe').clientWidth")
    assert width > 340, "on a phone the comparison is as wide as the screen"


@needs_browser
def test_complaints_are_noticed(visited: Page, page: Path) -> None:
    """The tests above would not miss an error in the page's script."""
    broken = page.with_name("broken.html")
    broken.write_text(page.read_text(encoding="utf-8").replace("<script>", "<script>nothing.here();"), encoding="utf-8")
    visited.visit(broken.as_uri(), *WIDE)
    assert "nothing is not defined" in visited.complaints[0]
