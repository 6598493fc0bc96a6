"""<dymap-player> in a browser: attributes, methods, events, controls, and what it shows if nothing can be drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.site.pages import web_files
from dymap.site.server import serving
from tests.browser import Page, browser, needs_browser

pytestmark = needs_browser
TESTS = Path(__file__).parent
ENGINE = """
import { FakeEngine, madeClip } from "/tests/fake_engine.js";
export class BrowserEngine extends FakeEngine {
  constructor(src) {
    super(src.startsWith("broken") ? { broken: "This browser has no WebGPU" } : { frames: 24 });
    this.src = src;
    if (!src.endsWith("later.dymap")) return;
    const picture = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>', type = "image/svg+xml";
    this.clip = { ...madeClip(), poster: URL.createObjectURL(new Blob([picture], { type })) };
  }
  async open() {
    if (this.src !== "later.dymap") return super.open();
    await new Promise(done => (window.letOpen = done));
  }
  close() {
    super.close();
    if (this.clip?.poster) URL.revokeObjectURL(this.clip.poster);
  }
}
"""
PAGE = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<style>body { margin: 0 } dymap-player { width: 400px }</style>
<script type="module">
window.told = [];
const kinds = ["ready", "play", "pause", "timeupdate", "frame", "camerachange", "error", "ended"];
for (const kind of kinds) document.addEventListener(kind, event => told.push([kind, event.detail]), true);
await import("/player.js");
window.player = document.querySelector("dymap-player");
</script>
<dymap-player %s></dymap-player>"""


def find(path: str) -> bytes | Path | None:
    if path.startswith("tests/"):
        return TESTS / path.removeprefix("tests/")
    pages = {
        "page.html": 'src="a.dymap" controls loop',
        "autoplay.html": 'src="a.dymap" autoplay',
        "broken.html": 'src="broken.dymap" poster="poster.svg"',
        "none.html": 'src="broken-later.dymap"',
        "film.html": 'src="broken.dymap" film="film.mp4"',
        "empty.html": "",
    }
    if path in pages:
        return (PAGE % pages[path]).encode()
    if path == "poster.svg":
        return b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
    text = ENGINE if path == "engines/browser.js" else web_files().get(path)
    return None if text is None else text.encode()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, str]]:
    with serving(find) as url, browser(tmp_path_factory.mktemp("profile")) as started:
        yield started, url


def wait(page: Page, condition: str) -> None:
    """Until a condition is true in the page."""
    page.evaluate(f"new Promise(done => (function look() {{ ({condition}) ? done() : setTimeout(look, 10); }})())")


def opened(page: tuple[Page, str], name: str = "page.html") -> Page:
    visited, url = page
    visited.visit(f"{url}{name}", 800, 600)
    wait(visited, "window.player")
    return visited


def kinds(page: Page) -> list[str]:
    return page.evaluate("told.splice(0).map(one => one[0])")


def test_time_is_played_paused_and_sought(page: tuple[Page, str]) -> None:
    shown = opened(page)
    wait(shown, "told.some(one => one[0] === 'frame')")
    assert kinds(shown)[0] == "ready"
    assert shown.evaluate("[player.paused, player.duration, player.currentTime, player.fps]") == [True, 1, 0, 24]
    shown.evaluate("player.seek(0.5)")
    shown.settle()
    assert shown.evaluate("[player.currentTime, player.frame]") == [0.5, 12]
    shown.evaluate("player.seek({ frame: 99 })")
    assert shown.evaluate("player.frame") == 23
    shown.evaluate("player.currentTime = 0")
    shown.evaluate("player.playbackRate = 2; player.play(); player.play()")
    wait(shown, "player.frame > 3")
    shown.evaluate("player.pause()")
    shown.settle()
    heard = kinds(shown)
    assert heard.count("play") == heard.count("pause") == 1
    assert {"timeupdate", "frame"} <= set(heard)
    shown.evaluate("player.loop = false; player.seek({ frame: 22 }); player.play()")
    wait(shown, "told.some(one => one[0] === 'ended')")
    assert shown.evaluate("[player.paused, player.frame, player.hasAttribute('loop')]") == [True, 23, False]
    assert not shown.complaints


def test_the_camera_is_what_was_set(page: tuple[Page, str]) -> None:
    shown = opened(page)
    wait(shown, "told.some(one => one[0] === 'frame')")
    kinds(shown)
    shown.evaluate("player.camera = { position: [0, -3, 1], target: [0, 0, 1], up: [0, 0, 1], fov: 0.6 }")
    shown.settle()
    assert next(kind for kind in kinds(shown) if kind != "frame") == "camerachange"  # pictures come when they come
    camera = shown.evaluate("player.camera")
    assert camera["R"] == pytest.approx([1, 0, 0, 0, 0, -1, 0, 1, 0], abs=1e-12)
    assert camera["T"] == pytest.approx([0, 1, 3])
    assert (camera["target"], camera["up"], camera["fov"]) == (pytest.approx([0, 0, 1]), pytest.approx([0, 0, 1]), 0.6)
    shown.evaluate("player.camera = { R: [0, 1, 0, 0, 0, -1, -1, 0, 0], T: [0, 1, 3] }")
    assert shown.evaluate("player.camera.position") == pytest.approx([3, 0, 1])
    for wrong in (
        "{ position: [0, 1] }",
        "{ fov: 4 }",
        "{ R: [1, 0, 0, 0, 1, 0, 0, 0, -1] }",
        "{ target: [NaN, 0, 0] }",
    ):
        said = shown.evaluate(f"(() => {{ try {{ player.camera = {wrong}; }} catch (e) {{ return e.name; }} }})()")
        assert said == "TypeError", wrong
    before = shown.evaluate("player.camera.position")
    shown.evaluate("player.orbit()")
    wait(shown, f"Math.abs(player.camera.position[1] - {before[1]}) > 0.05")
    shown.evaluate("player.orbit(false)")


def test_hands_move_it(page: tuple[Page, str]) -> None:
    shown = opened(page)
    wait(shown, "told.some(one => one[0] === 'frame')")
    before = shown.evaluate("player.camera.position")
    shown.drag((200, 150), (240, 150), (280, 160))
    assert shown.evaluate("player.camera.position") != before
    near = "Math.hypot(...player.camera.position.map((x, k) => x - player.camera.target[k]))"
    distance = shown.evaluate(near)
    shown.wheel(200, 150, -100)
    assert shown.evaluate(near) < distance
    shown.press(" ")
    wait(shown, "!player.paused")
    shown.press(" ")
    wait(shown, "player.paused")
    shown.click("dymap-player")
    left, top, width, height = shown.place("dymap-player")
    for kind in ("mousePressed", "mouseReleased"):
        shown.mouse(kind, left + 30, top + height - 26)
    wait(shown, "!player.paused")
    for kind in ("mousePressed", "mouseReleased"):
        shown.mouse(kind, left + width * 0.4, top + height - 26)
    shown.evaluate("player.pause()")
    assert shown.evaluate("player.frame") > 3
    assert not shown.complaints


def test_without_webgpu_the_poster_in_the_file_is_shown(page: tuple[Page, str]) -> None:
    shown = opened(page, "none.html")
    wait(shown, "told.length")
    poster = "player.shadowRoot.querySelector('.poster')"
    assert shown.evaluate(f"[{poster}.hidden, {poster}.complete, {poster}.naturalWidth]") == [False, True, 8]


def test_the_poster_of_a_clip_that_was_left_does_not_come(page: tuple[Page, str]) -> None:
    shown = opened(page, "empty.html")
    shown.evaluate("player.src = 'later.dymap'; player.src = 'two.dymap'; letOpen()")
    wait(shown, "told.some(one => one[0] === 'frame')")
    assert shown.evaluate("player.shadowRoot.querySelector('.poster').getAttribute('src')") is None


def test_a_button_that_changes_while_it_is_pressed_is_pressed(page: tuple[Page, str]) -> None:
    shown = opened(page)
    wait(shown, "told.some(one => one[0] === 'frame')")
    left, top, _, height = shown.place("dymap-player")
    shown.mouse("mousePressed", left + 30, top + height - 26)
    shown.evaluate("player.play()")
    shown.settle()
    shown.mouse("mouseReleased", left + 30, top + height - 26)
    assert shown.evaluate("player.paused")


def test_autoplay_is_left_to_whom_movement_does_not_disturb(page: tuple[Page, str]) -> None:
    shown = opened(page, "autoplay.html")
    wait(shown, "player.frame > 0")
    shown.visit(f"{page[1]}autoplay.html", 800, 600, still=True)
    wait(shown, "window.told?.some(one => one[0] === 'frame')")
    assert shown.evaluate("player.paused")


def test_without_webgpu_there_is_a_message_and_a_film_or_a_poster(page: tuple[Page, str]) -> None:
    shown = opened(page, "broken.html")
    wait(shown, "told.length")
    assert shown.evaluate("told[0]") == ["error", {"message": "This browser has no WebGPU", "fatal": True}]
    assert shown.evaluate("player.shadowRoot.querySelector('.message').textContent") == "This browser has no WebGPU"
    assert shown.evaluate("player.shadowRoot.querySelector('.poster').hidden") is False
    assert shown.evaluate("player.shadowRoot.querySelector('video').hidden") is True
    assert shown.evaluate("player.shadowRoot.querySelector('.bar').hidden")
    shown = opened(page, "film.html")
    wait(shown, "told.length")
    assert shown.evaluate("player.shadowRoot.querySelector('video').src").endswith("/film.mp4")
    assert shown.evaluate("player.shadowRoot.querySelector('video').hidden") is False


def test_clips_come_and_go(page: tuple[Page, str]) -> None:
    shown = opened(page, "empty.html")
    assert shown.evaluate("[player.camera, player.frame, player.src, player.paused]") == [None, 0, "", True]
    assert shown.evaluate("Number.isNaN(player.duration)")
    shown.evaluate("player.play(); player.pause(); player.seek(1); player.orbit()")
    shown.evaluate("player.src = 'one.dymap'; player.src = 'broken.dymap'; player.src = 'two.dymap'")
    wait(shown, "told.some(one => one[0] === 'frame')")
    assert kinds(shown).count("ready") == 1
    assert shown.evaluate("(window.engine = player.session.engine).src") == "two.dymap"
    shown.evaluate("document.body.append(player)")
    shown.settle()
    assert shown.evaluate("player.session.engine === engine && !engine.closed"), "it was only moved"
    shown.evaluate("player.remove()")
    shown.settle()
    assert shown.evaluate("engine.closed && player.session === null")
    shown.evaluate("document.body.append(player)")
    wait(shown, "player.session")
    assert not shown.complaints
