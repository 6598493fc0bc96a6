"""Which clip the page opens, and with which engine; files that are dropped; what it says if it cannot."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dymap.play.video import Video, load
from dymap.runs.demonstration import PACKAGED
from dymap.stage.server import Settings, Stage
from dymap.stage.subject import ClipSubject
from tests.browser import Page, needs_browser
from tests.web.conftest import PHONE, WIDE
from tests.web.conftest import Stage as Shown

pytestmark = needs_browser
FAILED = "document.querySelector('.welcome:not([hidden]) [role=alert]')?.innerText ?? ''"


def drop(page: Page, path: Path) -> None:
    """A file over the page, and let go."""
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        page.call("Input.dispatchDragEvent", type=kind, x=200, y=300, data=data)
    assert not page.evaluate("document.querySelector('.drop').hidden")
    page.call("Input.dispatchDragEvent", type="drop", x=200, y=300, data=data)


def test_without_a_clip_the_page_asks_for_one_and_takes_what_is_dropped(stage: Shown, tmp_path: Path) -> None:
    page = stage.page
    page.visit(f"{stage.address}/index.html", *PHONE)
    assert "Drop a clip here" in page.text()
    assert "Choose a file" in page.text()
    (tmp_path / "no.dymap").write_bytes(b"nothing")
    drop(page, tmp_path / "no.dymap")
    assert page.until(FAILED).startswith("no.dymap: ")
    assert page.evaluate("document.querySelector('.drop').hidden")
    drop(page, PACKAGED)
    page.until(f"{FAILED}.includes('WebGPU')")  # which this browser lacks: the file itself is fine


def test_clips_that_are_not_there_are_said(stage: Shown) -> None:
    page = stage.page
    for clip, said in (("none.dymap", "404"), ("javascript:alert(1)", "no address of a clip")):
        page.visit("about:blank", *WIDE)
        page.visit(f"{stage.address}/index.html?clip={clip}", *WIDE)
        assert said in page.until(FAILED)


def test_a_page_can_hold_its_clip_and_a_film_for_browsers_without_webgpu(stage: Shown) -> None:
    page = stage.page
    page.visit("about:blank", *WIDE)
    told = json.dumps({"clip": "none.dymap", "film": "film.mp4"})
    for held, said in (("AAAA", "the clip in this page"), (base64.b64encode(PACKAGED.read_bytes()).decode(), "WebGPU")):
        page.visit(f"{stage.address}/", *WIDE)
        page.evaluate(f"""(() => {{
          for (const [id, text] of [['stage', {told!r}], ['clip', '{held}']]) {{
            const script = Object.assign(document.createElement('script'), {{ id, type: 'x', textContent: text }});
            document.body.append(script);
          }}
          return import('/stage/main.js?again={len(held)}').then(() => null);
        }})()""")
        assert said in page.until(FAILED)
        assert page.evaluate("document.querySelector('video').getAttribute('src')") == "film.mp4"


def test_a_film_is_not_shown_for_another_clip(stage: Shown) -> None:
    page = stage.page
    page.visit(f"{stage.address}/?clip=other.dymap", *WIDE)
    page.evaluate("""(() => {
      const textContent = JSON.stringify({ clip: 'none.dymap', film: 'film.mp4' });
      document.body.append(Object.assign(document.createElement('script'), { id: 'stage', type: 'x', textContent }));
      document.querySelector('.welcome').textContent = '';
      return import('/stage/main.js?again=other').then(() => null);
    })()""")
    assert "other.dymap" in page.until(FAILED)
    page.until("document.querySelector('.welcome h2')?.textContent === 'This clip cannot be played'")
    assert not page.evaluate("document.querySelector('video')")


@pytest.fixture(scope="module")
def machine() -> Iterator[Stage]:
    """A machine that draws the dancer for the page."""
    baked = load(PACKAGED).baked
    video = Video(replace(baked, cameras=tuple(camera.resized(64, 64) for camera in baked.cameras)))
    with Stage(ClipSubject(video, "march"), port=0, settings=Settings(96, (1.0, 1.0, 1.0))) as stage:
        yield stage


def test_the_machine_that_draws_is_shown_with_all_controls(stage: Shown, machine: Stage) -> None:
    page = stage.page
    page.visit("about:blank", 800, 600)
    page.visit(machine.url, 800, 600)
    page.until("globalThis.stage && document.querySelector('.model').dataset.frame")
    page.until("!stage.requests.moving")
    assert page.evaluate("[stage.store.state.background, document.title]") == ["white", "A dancer"]
    page.settle()
    left, top, width, height = page.place(".model")
    clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
    figure = page.picture(clip=clip).min(axis=-1) < 150
    rows, columns = np.nonzero(figure)
    assert np.ptp(rows) > np.ptp(columns), "she stands"
    assert 0.5 < np.ptp(rows) / len(figure) < 0.98
    assert abs(columns.mean() / figure.shape[1] - 0.5) < 0.1
    page.drag((300, 300), (350, 300), (400, 310))
    page.press(" ")
    page.until("stage.store.state.frame > 2")
    page.press(" ")
    page.until("Number(document.querySelector('.model').dataset.frame) === stage.store.state.frame")
    page.press("p")
    name = f"A_dancer_{page.evaluate('stage.store.state.frame'):04d}.png"
    assert stage.saved(name).read_bytes().startswith(b"\x89PNG")
    page.evaluate("stage.store.set({ panel: true, tab: 'path' })")
    for _ in range(2):
        page.press("k")
        page.press("ArrowLeft")
    page.fill('[aria-label="Size of the film"]', "256 256")
    page.evaluate("stage.store.set({ path: { ...stage.store.state.path, fps: 4 } })")
    page.settle()
    page.click(".page-path section:nth-of-type(3) .accent")
    assert b"ftyp" in stage.saved("A_dancer.mp4").read_bytes()[:16]
    assert page.complaints == []
    page.visit("about:blank", 800, 600)  # or it goes on looking for a machine that has ended
