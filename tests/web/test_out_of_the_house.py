"""What was exported, in a browser with WebGPU (in software): from a server, with ranges and without, and as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from dymap.geometry.camera import Camera
from dymap.play.video import load
from dymap.site.export import Given, write_folder, write_single_file
from dymap.site.server import Answers, in_folder, serving
from dymap.video.clip import About
from dymap.video.packing import save_packed
from tests.browser import Page, browser, needs_browser
from tests.golden.sources import Golden
from tests.video.videos import painted_video
from tests.web.clips import several_segments

pytestmark = needs_browser
SIDE = 64
TITLE = "</title></script><script>window.hostile = true</script>"
SHOWN = "document.querySelector('.model')?.dataset.frame"
COMPLAINT = "document.querySelector('.welcome:not([hidden]) [role=alert], .trouble.shown p')?.textContent"


class WithoutRanges(Answers):
    """A server that knows no parts of files."""

    ranges = False


class House(NamedTuple):
    page: Page
    folder: Path
    painted: Path
    segments: Path


@pytest.fixture(scope="module")
def house(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("out")
    painted, segments = folder / "painted.dymap", folder / "segments.dymap"
    save_packed(
        painted, replace(painted_video(trimmed), about=About(TITLE, "<img src=x onerror='window.hostile = 1'>")), 1e-6
    )
    save_packed(segments, several_segments(), 1e-6)
    for clip in (painted, segments):
        write_single_file(folder / f"{clip.stem}.html", Given(clip, TITLE, b"", None))
    with browser(tmp_path_factory.mktemp("profile"), "webgpu") as page:
        yield House(page, folder, painted, segments)


def picture(page: Page, camera: Camera, frame: int) -> np.ndarray:
    """[H, W, 3] 0 to 1: what the page's engine draws."""
    K = camera.K.copy()
    K[:2, 2] -= camera.pixel_offset  # the page counts pixel centres from 0
    view = {
        "frame": frame, "R": camera.R.ravel().tolist(), "T": camera.T.ravel().tolist(), "K": K.ravel().tolist(),
        "width": camera.width, "height": camera.height, "moving": False, "layer": "colour", "background": [0, 0, 0],
        "exposure": 0,
    }  # fmt: skip
    bytes_ = page.evaluate(
        f"stage.engine.pixels({json.dumps(view)}, {camera.width}, {camera.height}).then(b => [...b])"
    )
    return np.array(bytes_, np.float32).reshape(camera.height, camera.width, 4)[..., :3] / 255


def check_pictures(page: Page, clip: Path, frames: tuple[int, ...]) -> None:
    """They are what Python draws."""
    video = load(clip)
    for frame in frames:
        camera = video.cameras[frame % len(video.cameras)].fitted(SIDE, SIDE)
        expected = video.render(camera, frame).rgb.numpy()
        assert expected.max() > 0.2
        assert np.abs(picture(page, camera, frame) - expected).mean() < 1 / 255, frame


def opened(page: Page, url: str) -> Page:
    """Visit a page, and wait until it shows a picture."""
    page.visit(url, 320, 200)
    page.until(f"{SHOWN} || {COMPLAINT}", 60)
    assert page.evaluate(f"{COMPLAINT} ?? ''") == ""
    return page


def test_one_file_plays_from_the_disk(house: House) -> None:
    page = opened(house.page, (house.folder / "painted.html").as_uri())
    assert all(request.startswith(("file:", "blob:", "data:")) for request in page.requests)
    assert page.evaluate("window.hostile ?? document.images.length - document.querySelectorAll('#app img').length") == 0
    assert TITLE in page.text()
    assert page.evaluate("stage.engine.file.decoding.apart") is True, "a worker decodes"
    check_pictures(page, house.painted, (0, 3))
    assert page.complaints == []


def test_segments_of_one_file_are_read_when_they_are_shown(house: House) -> None:
    page = opened(house.page, (house.folder / "segments.html").as_uri())
    check_pictures(page, house.segments, (0, 3, 8))
    assert page.complaints == []


@pytest.mark.parametrize("answers", [Answers, WithoutRanges])
def test_any_server_shows_the_folder(house: House, answers: type[Answers]) -> None:
    site = house.folder / "site"
    write_folder(site, Given(house.segments, "a clip", b"", None))
    with serving(in_folder(site), answers=answers) as url:
        page = opened(house.page, url)
        check_pictures(page, house.segments, (7,))
        assert all(request.startswith((url, "blob:", "data:")) for request in page.requests)
        assert page.complaints == []


def test_the_element_plays_in_a_page_of_its_own(house: House) -> None:
    site = house.folder / "site"
    write_folder(site, Given(house.painted, TITLE, b"", None))
    with serving(in_folder(site)) as url:
        page = house.page
        page.visit(f"{url}player.html", 120, 90)
        page.until("document.querySelector('dymap-player')?.frame > 0", 60)
        assert page.evaluate("document.title") == TITLE
        assert page.evaluate("document.querySelector('dymap-player').duration") == pytest.approx(5 / 12.5)
        assert page.picture().max() > 60
        check_numbers(page)
        assert {request.removeprefix(url) for request in page.requests if request.startswith(url)} == {
            "player.html", "dymap-player.js", "video.dymap",
        }  # fmt: skip
        assert page.complaints == []


def check_numbers(page: Page) -> None:
    """What is shown, as numbers: there is somebody in the middle, between the camera and what is behind, and nothing at
    the corner."""
    numbers = page.evaluate(
        """document.querySelector("dymap-player").numbers(24, 16).then(n => ({ ...n, colours: [...n.colours],
        distances: [...n.distances].map(d => Math.min(d, 1e9)) }))"""
    )
    colours = np.array(numbers["colours"]).reshape(16, 24, 4)
    distances = np.array(numbers["distances"]).reshape(16, 24)
    away = np.linalg.norm(np.subtract(numbers["camera"]["position"], numbers["camera"]["target"]))
    assert colours[8, 12, 3] > 0.9
    assert abs(distances[8, 12] - away) < 1
    assert (colours[0, 0, 3], distances[0, 0]) == (0, 1e9)


def test_a_damaged_clip_is_told_in_the_page(house: House) -> None:
    damaged = house.folder / "damaged.dymap"
    data = bytearray(house.painted.read_bytes())
    data[30] ^= 1
    damaged.write_bytes(data)
    write_single_file(house.folder / "damaged.html", Given(damaged, "a clip", b"", None))
    write_folder(house.folder / "broken", Given(damaged, "a clip", b"", None))
    with serving(in_folder(house.folder / "broken")) as url:
        for address in ((house.folder / "damaged.html").as_uri(), url):
            house.page.visit(address, 320, 200)
            house.page.until(COMPLAINT, 60)
            assert "damaged" in house.page.evaluate(COMPLAINT)


def test_without_webgpu_the_film_is_shown(house: House, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"a film")
    page = write_single_file(tmp_path / "page.html", Given(house.painted, "a clip", b"", film))
    with browser(tmp_path / "profile", "none") as bare:
        bare.visit(page.as_uri(), 320, 200)
        bare.until(COMPLAINT, 60)
        assert "WebGPU" in bare.evaluate(COMPLAINT)
        assert bare.evaluate("document.querySelector('video').src").startswith("data:video/mp4;base64,")
