"""What a page shows before its first picture, and in which order it asks for things: a folder that was exported."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dymap.play.first_view import first_view
from dymap.play.video import load
from dymap.runs.demonstration import PACKAGED
from dymap.runs.exporting import export
from dymap.site.server import Answers, in_folder, serving
from tests.browser import Page, browser, needs_browser

pytestmark = needs_browser
SHOWN = "document.querySelector('.model').dataset.frame"
HIDE = "[...document.querySelectorAll('.top, .transport, .lines')].forEach(one => one.style.visibility = 'hidden')"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged clip and its page."""
    return export(PACKAGED, tmp_path_factory.mktemp("first") / "site").page.parent


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile"), "webgpu") as found:
        yield found


def holding(script: str, until: set[str]) -> tuple[type[Answers], list[tuple[str, str]], threading.Event]:
    """A server that keeps a page's script back until other things were asked for. Returns it, what it is asked (path,
    range), and whether the script was let go for that."""
    asked: list[tuple[str, str]] = []
    come = threading.Event()

    class Holding(Answers):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Range", "")))
            if until <= {path for path, _ in asked}:
                come.set()
            if self.path == script:
                come.wait(20)
            super().do_GET()

    return Holding, asked, come


def test_clip_and_poster_are_asked_for_before_the_script_is_there(site: Path, page: Page) -> None:
    answers, asked, come = holding("/dymap-stage.js", {"/video.dymap", "/poster.jpg"})
    with serving(in_folder(site), answers=answers) as url:
        page.visit(url, 128, 128)
        assert come.is_set()
        page.until(SHOWN, 60)
    size = (site / "video.dymap").stat().st_size
    clip = [part for path, part in asked if path == "/video.dymap"]
    assert clip == [f"bytes=0-{2**18 - 1}", f"bytes={2**18}-{size - 1}"], "each byte once"
    assert [path for path, _ in asked].count("/poster.jpg") == 1
    assert page.complaints == []


def test_the_elements_page_asks_for_its_clip_too(site: Path, page: Page) -> None:
    answers, asked, come = holding("/dymap-player.js", {"/video.dymap"})
    with serving(in_folder(site), answers=answers) as url:
        page.visit(f"{url}player.html", 128, 128)
        assert come.is_set()
        page.until("document.querySelector('dymap-player')?.frame > 0", 60)
    assert next(part for path, part in asked if path == "/video.dymap") == f"bytes=0-{2**18 - 1}"
    assert len([path for path, _ in asked if path == "/video.dymap"]) == 2


def test_another_clip_has_neither_poster_nor_requests_of_this_one(site: Path, page: Page) -> None:
    asked: list[str] = []
    (site / "other.dymap").write_bytes(b"no clip")

    class Listening(Answers):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    try:
        with serving(in_folder(site), answers=Listening) as url:
            page.visit(f"{url}?clip=other.dymap", 128, 128)
            page.until("document.querySelector('.welcome:not([hidden]) [role=alert]')?.textContent", 60)
            assert page.evaluate("document.querySelector('.poster').hidden")
    finally:
        (site / "other.dymap").unlink()
    assert "/video.dymap" not in asked


@pytest.mark.parametrize("size", [(320, 320), (240, 420), (600, 260)])
def test_the_poster_is_the_first_picture(site: Path, page: Page, size: tuple[int, int]) -> None:
    with serving(in_folder(site)) as url:
        page.visit(url, *size)
        page.until(f"{SHOWN} && stage.engine.shown.width === document.querySelector('.picture').width", 300)
        page.evaluate(HIDE)
        first = page.picture().astype(int)
        page.evaluate("document.querySelector('.poster').hidden = false")
        page.settle()
        assert page.evaluate("document.querySelector('.poster').naturalWidth") == 512
        check_alike(first, page.picture().astype(int))


def check_alike(first: np.ndarray, poster: np.ndarray) -> None:
    """[H, W, 3] of the window: JPEG, and other pixels, but the same side and size."""
    figure = first.sum(axis=-1) > 150
    assert figure.any()
    assert np.abs(first - poster)[figure].mean() < 12
    assert (poster.sum(axis=-1) > 150)[~figure].mean() < 0.01


@pytest.mark.parametrize("size", [(320, 320), (180, 420), (600, 260)])
def test_the_poster_of_a_player_is_its_first_picture(site: Path, page: Page, size: tuple[int, int]) -> None:
    with serving(in_folder(site)) as url:
        page.visit(f"{url}player.html", *size, still=True)
        page.evaluate("window.player = document.querySelector('dymap-player'), player.controls = false")
        poster = "player.shadowRoot.querySelector('.poster')"
        page.until(f"{poster}.naturalWidth && {poster}.hidden", 300)
        first = page.picture().astype(int)
        page.evaluate(f"{poster}.hidden = false")
        page.settle()
        check_alike(first, page.picture().astype(int))


def test_a_link_to_another_view_shows_no_poster(site: Path, page: Page) -> None:
    answers, _, come = holding("/none", {"/dymap-stage.js"})
    with serving(in_folder(site), answers=answers) as url:
        page.visit(f"{url}#frame=7", 128, 128)
        assert come.is_set()
        assert page.evaluate("document.querySelector('.poster').hidden")


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.2])
def test_python_knows_the_pages_first_view(page: Page, site: Path, aspect: float) -> None:
    with serving(in_folder(site)) as url:
        page.visit(url, 128, 128)
        page.until("globalThis.stage", 60)
        page.evaluate(
            f"document.querySelector('.pictures').style.cssText = 'inset: auto; width: {aspect * 400}px; height: 400px'"
        )
        home = page.evaluate("stage.home()")
    camera = first_view(load(PACKAGED), round(aspect * 400), 400)
    assert np.allclose(home["pose"]["position"], camera.position, atol=2e-3)
    assert np.allclose(np.reshape(home["pose"]["R"], (3, 3)), camera.R, atol=1e-3)
    assert home["fov"] == pytest.approx(2 * np.arctan(400 / 2 / camera.K[1, 1]), rel=1e-6)
