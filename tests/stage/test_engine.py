"""The page's engine "server" in a real browser: pictures, loss of the connection, films, times."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dymap.play.video import Video
from dymap.stage.server import Stage
from tests.browser import Page, browser, needs_browser
from tests.stage.subjects import Lasting
from tests.stage.visitor import SIDE

pytestmark = needs_browser
BEGIN = f"""(async () => {{
  const {{ServerEngine}} = await import(new URL("./engines/server.js", document.baseURI));
  window.engine = new ServerEngine();
  window.canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [{SIDE}, {SIDE}];
  document.body.replaceChildren(canvas);
  engine.attach(canvas);
  window.said = [];
  for (const type of ["picture", "clip", "error", "buffer"])
    engine.addEventListener(type, event => said.push([type, event.detail, performance.now()]));
  window.next = (type, test = () => true) => new Promise(done => {{
    const take = event => {{
      if (test(event.detail)) {{ engine.removeEventListener(type, take); done(event.detail); }}
    }};
    engine.addEventListener(type, take);
  }});
  window.view = (k, more = {{}}) => {{
    const {{R, T, K, width, height}} = engine.clip.cameras[k];
    const usual = {{frame: 0, moving: false, layer: "colour", background: [0, 0, 0], exposure: 0}};
    return {{...usual, R, T, K, width, height, ...more}};
  }};
  window.mean = () => {{
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return [0, 1, 2, 3].map(k => data.filter((_, i) => i % 4 === k).reduce((a, b) => a + b) / data.length * 4);
  }};
  await engine.open();
  return JSON.stringify([engine.clip.frames, engine.clip.boxes.length, engine.clip.cameras.length, engine.buffered()]);
}})()"""
"""Opens an engine on an empty page of the stage."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile"), "none") as page:
        yield page


def begin(page: Page, stage: Stage) -> Any:
    page.visit(stage.url + "clip.json", 400, 300)
    return json.loads(page.evaluate(BEGIN))


def test_the_canvas_shows_the_newest_view(page: Page, stage: Stage, video: Video) -> None:
    assert begin(page, stage) == [24, 144, 16, [[0, 24]]]
    told = page.evaluate("""(async () => {
      const came = next("picture", told => told.kind === "full");
      for (let k = 0; k < 20; ++k) engine.request(view(k % 16, {moving: true}));
      engine.request(view(3, {frame: 5}));
      const told = await came;
      return {...told, view: told.view.frame, mean: mean()};
    })()""")
    assert (told["view"], told["width"], told["height"]) == (5, SIDE, SIDE)
    assert told["bytes"] > 500
    assert set(told["ms"]) >= {"queue", "render", "encode", "transfer", "decode"}
    assert min(told["ms"].values()) >= 0
    expected = video.render(video.cameras[3], 5).numpy().reshape(-1, 3).mean(axis=0)
    assert told["mean"][:3] == pytest.approx(expected, abs=2)
    assert told["mean"][3] == 255
    clear = page.evaluate("""(async () => {
      const came = next("picture");
      engine.request(view(3, {frame: 5, background: null}));
      await came;
      return mean();
    })()""")
    opacity = video.render(video.cameras[3], 5).acc.mean()
    assert clear[3] == pytest.approx(255 * float(opacity), abs=3)
    assert not [text for text in page.complaints if "404" not in text and "readback" not in text]


def test_a_picture_to_keep_and_what_is_wrong(page: Page, stage: Stage) -> None:
    begin(page, stage)
    kept = page.evaluate("""(async () => {
      const came = next("picture");
      engine.request(view(0));
      await came;
      const blob = await engine.capture(), bitmap = await createImageBitmap(blob);
      return [blob.type, bitmap.width, bitmap.height];
    })()""")
    assert kept == ["image/png", SIDE, SIDE]
    said = page.evaluate("""(async () => {
      const wrong = next("error");
      engine.request(view(0, {T: [NaN, 0, 0]}));
      const {message, fatal} = await wrong, right = next("picture");
      engine.request(view(0));
      await right;
      return [message, fatal, await engine.truth(0, 0, 50)];
    })()""")
    assert said == ["T holds null, expected 3 finite numbers", False, None]
    assert (
        page.evaluate("fetch(engine.thumbnail(1)).then(answer => answer.headers.get('content-type'))") == "image/jpeg"
    )


def test_a_lost_connection_is_said_and_found_again(page: Page, video: Video) -> None:
    with Stage(Lasting(video, "march"), port=0) as stage:
        begin(page, stage)
        page.evaluate("(async () => { const came = next('picture'); engine.request(view(0)); await came; })()")
        port = stage.port
        page.evaluate("window.lost = next('error'), window.back = next('picture'), 0")
    assert "trying again" in page.evaluate("lost.then(told => told.message)")
    with Stage(Lasting(video, "march"), port=port):
        assert page.evaluate("back.then(told => told.kind)") == "full"
        assert page.evaluate("said.some(([type]) => type === 'clip')")
        page.evaluate("window.ended = next('error'), 0")
    assert "trying again" in page.evaluate("ended.then(told => told.message)")
    page.evaluate("engine.close()")


def test_a_stage_that_ends_for_good_is_not_looked_for(page: Page, video: Video) -> None:
    with Stage(Lasting(video, "march"), port=0) as stage:
        begin(page, stage)
        page.evaluate("window.ended = next('error'), 0")
        stage.close("The training has ended")
    assert page.evaluate("ended.then(told => told.message)") == "The training has ended"
    assert page.evaluate("engine.timer") == 0


def test_films_are_made_with_progress_and_cancelled(page: Page, stage: Stage) -> None:
    begin(page, stage)
    page.evaluate("""window.path = count => ({format: "dymap-cameras", version: 1,
      cameras: Array.from({length: count}, (_, k) => {
      const {K, R, T, width, height} = engine.clip.cameras[k % 16], rows = m => [0, 3, 6].map(i => m.slice(i, i + 3));
      return {K: rows(K), R: rows(R), T, width, height, pixel_offset: 0, frame: k % 24};
    })}), 0""")
    made = page.evaluate("""(async () => {
      const shares = [];
      const blob = await engine.film(path(5), {size: [64, 64], fps: 10, onprogress: share => shares.push(share)});
      return [blob.type, blob.size > 1000, shares.at(-1), shares.every((s, k) => k === 0 || s >= shares[k - 1])];
    })()""")
    assert made == ["video/mp4", True, 1, True]
    cancelled = page.evaluate("""(async () => {
      const stop = new AbortController();
      const onprogress = () => stop.abort(), signal = stop.signal;
      const film = engine.film(path(500), {size: [64, 64], fps: 10, onprogress, signal});
      return film.then(() => "done", error => error.message);
    })()""")
    assert "cancelled" in cancelled
    at_once = page.evaluate("""(async () => {
      const stop = new AbortController(), film = engine.film(path(500), {size: [64, 64], fps: 10, signal: stop.signal});
      stop.abort();
      return film.then(() => "done", error => error.message);
    })()""")
    assert "cancelled" in at_once
    assert "path" in page.evaluate("engine.film({}, {size: [64, 64], fps: 10}).then(() => '', error => error.message)")
    page.evaluate("""new Promise(resolve =>
      engine.film(path(5000), {size: [64, 64], fps: 10, onprogress: resolve}).catch(() => {}))""")
    (job,) = stage.films._jobs.values()
    begin(page, stage)
    end = time.monotonic() + 10
    while job.state == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert job.state == "cancelled", "nobody who is still here knows it"


def test_where_the_time_goes_is_told_of_each_picture(page: Page, stage: Stage) -> None:
    """From the request to the pixel, which the parts explain: what the server says, and what the page sees."""
    begin(page, stage)
    for _ in range(5):
        told = page.evaluate("""(async () => {
          const came = next("picture"), begun = performance.now();
          engine.request(view(0, {moving: true}));
          const {ms} = await came;
          return {...ms, seen: performance.now() - begun};
        })()""")
        parts = sum(told[part] for part in ("queue", "render", "encode", "transfer", "decode"))
        assert parts <= told["all"] + 0.5
        assert told["all"] <= told["seen"] + 0.5
