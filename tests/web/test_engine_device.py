"""The browser's engine and its device: lost, missing, too small."""

from __future__ import annotations

import json

from tests.browser import needs_browser
from tests.web.engine import open_engine, view_of
from tests.web.world import DANCER, World

pytestmark = needs_browser


def test_a_device_that_is_lost_is_replaced_once(world: World) -> None:
    world.open(DANCER)
    page = world.page
    lose = "engine.works.gpu.device.destroy()"
    script = f"""(async () => {{
      const canvas = Object.assign(document.querySelector("canvas"), {{ width: 16, height: 16 }});
      engine.attach(canvas);
      const first = nextOf();
      engine.request({view_of(0, 1)});
      await first;
      const again = nextOf();
      {lose};
      await again;
      const error = new Promise(done => engine.addEventListener("error", ({{ detail }}) => done(detail)));
      {lose};
      return JSON.stringify(await error);
    }})()"""
    try:
        told = json.loads(page.evaluate(script))
        assert told["fatal"]
        assert "The GPU was lost again" in told["message"]
    finally:
        world.opened = ""


def test_what_is_wrong_is_told_in_a_sentence(world: World) -> None:
    world.opened = ""
    page = world.page
    assert "404" in open_engine(page, "/clips/none.dymap")
    hide = """(() => {
      window.kept = Object.getOwnPropertyDescriptor(Navigator.prototype, "gpu");
      Object.defineProperty(Navigator.prototype, "gpu", { value: undefined, configurable: true });
    })()"""
    page.evaluate(hide)
    assert "it has no WebGPU" in open_engine(page, DANCER)
    page.evaluate("void Object.defineProperty(Navigator.prototype, 'gpu', kept)")
    assert open_engine(page, DANCER) == ""
    page.evaluate("engine.start().then(({ gpu }) => { gpu.mostBytes = 1000; })")
    script = f"engine.pixels({view_of(0, 5)}, 8, 8).catch(error => error.message)"
    assert "too large for this GPU" in page.evaluate(script)


def test_decoded_frames_take_bounded_memory(world: World) -> None:
    world.opened = ""
    page = world.page
    assert open_engine(page, DANCER) == ""
    script = """(async () => {
      const { frames } = await engine.start();
      frames.maxBytes = 2.5e6;
      for (let frame = 0; frame < 8; frame++) await frames.take(frame);
      return [frames.bytes, frames.frames.size, frames.segments.size];
    })()"""
    taken, count, segments = page.evaluate(script)
    assert taken <= 2.5e6
    assert 2 <= count < 8
    assert segments == 1
