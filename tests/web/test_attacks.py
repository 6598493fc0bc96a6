"""What goes wrong while a clip plays in a browser: its file, its device, its memory, its canvas, its tab."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.site.export import Given, write_folder, write_single_file
from dymap.site.server import in_folder, serving
from dymap.video.container import open_container
from tests.browser import needs_browser
from tests.web.engine import open_engine, view_of
from tests.web.world import DANCER, HALVES, World

pytestmark = needs_browser
PLAIN = '{ moving: false, layer: "colour", background: [0, 0, 0], exposure: 0 }'
FILM = """engine.film({ cameras: Array.from({ length: 6 }, (_, frame) => {
  const { K, R, T, width, height } = engine.clip.cameras[0], rows = m => [m.slice(0, 3), m.slice(3, 6), m.slice(6)];
  return { K: rows(K), R: rows(R), T, width, height, pixel_offset: 0, frame };
}) }, { size: [32, 32], fps: 24, onprogress: share => window.onshare?.(share) })"""
HIDDEN = """(() => {
  window.later = [], window.kept = requestAnimationFrame;
  window.requestAnimationFrame = callback => later.push(callback);
  return new Promise(kept).then(() => new Promise(kept));
})()"""
SHOWN = """(() => {
  window.requestAnimationFrame = kept;
  for (const callback of later) callback(performance.now() + 600_000);
})()"""
"""Browsers call nobody back for the screen's pictures while a tab is hidden; afterwards, ten minutes have passed."""
TROUBLE = "document.querySelector('.trouble.shown')?.innerText ?? ''"


def damaged(world: World, chunk: int) -> str:
    """The clip of two segments with a bit turned in the middle of one of its chunks."""
    data = bytearray((world.folder / "halves.dymap").read_bytes())
    place = open_container(world.folder / "halves.dymap").chunks[chunk]
    data[place.offset + place.length // 2] ^= 16
    (world.folder / "damaged.dymap").write_bytes(data)
    return "/clips/damaged.dymap"


@pytest.fixture
def fresh(world: World) -> Iterator[World]:
    """Whatever a test leaves is not met by the next."""
    world.opened = ""
    world.page.complaints.clear()
    yield world
    world.opened = ""
    if not world.page.evaluate("location.pathname === '/blank'"):
        world.page.visit(f"{world.address}/blank", 300, 200)


def test_a_segment_that_is_damaged_is_told_and_others_are_drawn(fresh: World) -> None:
    assert open_engine(fresh.page, damaged(fresh, -1)) == ""
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = 16;
      engine.attach(canvas);
      const told = () => new Promise(done => {{
        for (const kind of ["picture", "error"]) {{
          engine.addEventListener(kind, ({{ detail }}) => done(detail.message ?? detail.view.frame), {{ once: true }});
        }}
      }});
      const heard = [];
      for (const frame of [0, engine.clip.frames - 1, 1, engine.clip.frames - 1, 0]) {{
        const next = told();
        engine.request({{ ...{view_of(0, 0)}, frame }});
        heard.push(await next);
      }}
      return heard;
    }})()"""
    first, fault, second, again, last = fresh.page.evaluate(script)
    assert (first, second, last) == (0, 1, 0)
    assert fault == again
    assert fault.startswith("damaged.dymap: damaged file (its segment is not what was written")
    assert fresh.page.complaints == []


def test_a_page_plays_on_through_a_damaged_segment(fresh: World, tmp_path: Path) -> None:
    damaged(fresh, -1)
    write_folder(tmp_path / "site", Given(fresh.folder / "damaged.dymap", "a clip", b"", None))
    page = fresh.page
    with serving(in_folder(tmp_path / "site")) as url:
        page.visit(url, 200, 200)
        page.until("globalThis.stage && document.querySelector('.model').dataset.frame", 60)
        page.evaluate("stage.store.set({ playing: true, speed: 0.5 })")
        assert "is not what was written" in page.until(TROUBLE, 60)
        page.until(f"!({TROUBLE}) && Number(document.querySelector('.model').dataset.frame) <= 1", 60)
        assert page.evaluate("stage.store.state.playing")


@pytest.mark.parametrize("when", ["'first'", "'second'"])
def test_a_film_goes_on_when_the_device_is_lost(fresh: World, when: str) -> None:
    fresh.open(DANCER)
    script = f"""(async () => {{
      let lost = false;
      window.onshare = share => {{
        if (lost || share < ({when} === "first" ? 0 : 0.4)) return;
        lost = true;
        engine.works.gpu.device.destroy();
      }};
      const film = await {FILM};
      window.onshare = null;
      return [film.type, film.size, engine.keeper.lostAt > 0];
    }})()"""
    kind, size, lost = fresh.page.evaluate(script)
    assert (kind, lost) == ("video/mp4", True)
    assert size > 500


def test_a_device_that_is_lost_while_it_draws_draws_again(fresh: World) -> None:
    fresh.open(DANCER)
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = 32;
      engine.attach(canvas);
      await engine.start();
      const {{ march, gpu }} = engine.works, draw = march.draw.bind(march);
      march.draw = (...given) => (draw(...given), gpu.device.destroy());
      const next = nextOf(({{ view }}) => view.frame === 7);
      engine.request({view_of(0, 7)});
      await next;
      return engine.works.gpu !== gpu && engine.shown !== null;
    }})()"""
    assert fresh.page.evaluate(script)
    assert json.loads(fresh.page.evaluate("JSON.stringify(told.filter(one => one.kind === 'error'))")) == []


def test_a_gpu_that_is_gone_is_told_and_taken_when_it_is_there_again(fresh: World) -> None:
    fresh.open(DANCER)
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = 32;
      engine.attach(canvas);
      const ask = GPU.prototype.requestAdapter, first = nextOf();
      engine.request({view_of(0, 1)});
      await first;
      GPU.prototype.requestAdapter = async () => null;
      const heard = done => engine.addEventListener("error", ({{ detail }}) => done(detail), {{ once: true }});
      const error = new Promise(heard);
      engine.works.gpu.device.destroy();
      const told = await error;
      GPU.prototype.requestAdapter = ask;
      const next = nextOf();
      engine.request({view_of(0, 2)});
      return [told, (await next).view.frame];
    }})()"""
    told, frame = fresh.page.evaluate(script)
    assert "found no GPU that it may use" in told["message"]
    assert not told["fatal"]
    assert frame == 2


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("requestAdapter", "GPU.prototype.requestAdapter = async () => null", "found no GPU that it may use"),
        (
            "requestDevice",
            "GPUAdapter.prototype.requestDevice = async () => { throw new Error('no') }",
            "does not get it",
        ),
    ],
)
def test_without_a_gpu_a_clip_does_not_open(fresh: World, name: str, change: str, said: str) -> None:
    owner = "GPU" if name == "requestAdapter" else "GPUAdapter"
    fresh.page.evaluate(f"window.kept = {owner}.prototype.{name}, {change}, 0")
    try:
        assert said in open_engine(fresh.page, DANCER)
    finally:
        fresh.page.evaluate(f"{owner}.prototype.{name} = kept, 0")


def test_memory_that_a_gpu_has_not_is_told_in_a_sentence(fresh: World) -> None:
    page = fresh.page
    fresh.open(DANCER)
    script = """(async () => {
      const { gpu } = await engine.start();
      const heard = done => engine.addEventListener("error", ({ detail }) => done(detail.message), { once: true });
      const told = new Promise(heard);
      const error = new GPUOutOfMemoryError("Failed to allocate");
      gpu.device.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error, cancelable: true }));
      return told;
    })()"""
    assert "not enough memory left" in page.evaluate(script)


@pytest.mark.parametrize("claim", ["field", "grid", "frames"])
def test_sizes_that_a_clip_only_claims_take_no_memory(fresh: World, claim: str) -> None:
    """A header of a small file that says how much is to come."""
    page = fresh.page
    script = f"""(async () => {{
      const {{ Clip }} = await import("/file/clip.js");
      const data = new Uint8Array(await (await fetch({DANCER!r})).arrayBuffer());
      const {{ crc32 }} = await import("/file/crc.js");
      const view = new DataView(data.buffer), length = view.getUint32(12, true);
      const header = JSON.parse(new TextDecoder().decode(data.subarray(24, 24 + length)));
      const claim = {claim!r};
      if (claim === "field") Object.assign(header.field, {{ width: 2048, plane_size: 2048 }});
      if (claim === "grid") header.bake.grid = [4096, 4096, 4096];
      if (claim === "frames") header.frames = Array.from({{ length: 200_000 }}, (_, k) => k);
      for (const chunk of header.chunks) delete chunk.at;
      const text = (shift) => new TextEncoder().encode(JSON.stringify({{ ...header,
        chunks: header.chunks.map(chunk => ({{ ...chunk, offset: chunk.offset + shift }})) }}));
      let shift = 0;
      for (let turn = 0; turn < 4; turn++) shift = text(shift).length - length;
      const told = text(shift), out = new Uint8Array(24 + told.length + data.length - 24 - length);
      out.set(data.subarray(0, 24));
      out.set(told, 24);
      out.set(data.subarray(24 + length), 24 + told.length);
      const front = new DataView(out.buffer);
      front.setUint32(12, told.length, true);
      front.setUint32(16, crc32(told), true);
      front.setUint32(20, crc32(out.subarray(0, 20)), true);
      return new Clip(out).open().then(() => "opened", error => `${{error.name}}: ${{error.message}}`);
    }})()"""
    assert page.evaluate(script).startswith("ClipFault: the clip in this page: damaged header (")


def test_a_canvas_without_a_size_shows_nothing_until_it_has_one(fresh: World) -> None:
    page = fresh.page
    fresh.open(DANCER)
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      await engine.start();
      for (const [width, height] of [[0, 0], [16, 0], [0, 16]]) {{
        [canvas.width, canvas.height] = [width, height];
        engine.attach(canvas);
        const rest = new Promise(done => engine.addEventListener("rest", done, {{ once: true }}));
        engine.request({view_of(0, 3)});
        await rest;
      }}
      const before = told.length;
      [canvas.width, canvas.height] = [24, 16];
      const next = nextOf();
      engine.attach(canvas);
      const {{ width, height }} = await next;
      return [told.slice(0, before).filter(one => one.kind !== "buffer"), width, height];
    }})()"""
    assert page.evaluate(script) == [[], 24, 16]
    assert page.complaints == []


def test_a_tab_that_was_hidden_plays_on(fresh: World, tmp_path: Path) -> None:
    write_folder(tmp_path / "site", Given(fresh.folder / "dancer.dymap", "a clip", b"", None))
    page = fresh.page
    with serving(in_folder(tmp_path / "site")) as url:
        page.visit(url, 160, 160)
        page.until("globalThis.stage && document.querySelector('.model').dataset.frame", 60)
        page.evaluate("stage.store.set({ playing: true })")
        page.evaluate(HIDDEN)
        frame = page.evaluate("stage.store.state.frame")
        page.evaluate(SHOWN)
        page.until(f"stage.store.state.frame !== {frame}", 60)
        page.evaluate("stage.store.set({ playing: false })")
        page.until("document.querySelector('.model').dataset.frame === String(stage.store.state.frame)", 60)
        assert page.complaints == []


def test_a_page_in_one_file_films_and_draws_its_cameras(fresh: World, tmp_path: Path) -> None:
    """By file://, where nothing may be asked for."""
    shutil.copy(fresh.folder / "dancer.dymap", tmp_path / "clip.dymap")
    page = fresh.page
    file = write_single_file(tmp_path / "page.html", Given(tmp_path / "clip.dymap", "a clip", b"", None))
    page.visit(file.as_uri(), 500, 400)
    page.until("globalThis.stage && document.querySelector('.model').dataset.frame", 60)
    page.evaluate("window.engine = stage.engine, 0")
    assert page.evaluate(f"{FILM}.then(film => film.size)") > 500
    page.evaluate("stage.store.set({ panel: true, tab: 'cameras' })")
    picture = "document.querySelector('.camera img')"
    page.until(f"{picture}?.naturalWidth", 60)
    assert page.evaluate(f"{picture}.src").startswith("blob:")
    assert all(request.startswith(("file:", "blob:", "data:")) for request in page.requests)
    assert page.complaints == []


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 20])
def test_an_engine_can_be_closed_at_any_moment(fresh: World, turns: int) -> None:
    script = f"""(async () => {{
      const {{ BrowserEngine }} = await import("/engines/browser.js");
      const closed = new BrowserEngine({HALVES!r});
      const opening = closed.open().then(() => {{
        closed.attach(document.createElement("canvas"));
        closed.request({{ ...closed.clip.cameras[0], frame: 0, ...{PLAIN} }});
        return closed.pixels({{ ...closed.clip.cameras[0], frame: 0, ...{PLAIN} }}, 8, 8);
      }});
      for (let turn = 0; turn < {turns}; turn++) await new Promise(requestAnimationFrame);
      closed.close();
      return opening.then(() => "done", error => error.name);
    }})()"""
    assert fresh.page.evaluate(script) in ("AbortError", "done")
    fresh.page.settle()
    assert fresh.page.complaints == []
