"""What the browser's engine shows on a canvas, and what can be read of it."""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np

from dymap.play.layers import seen_depth
from tests.browser import needs_browser
from tests.web.engine import open_engine, pixels, view_of
from tests.web.world import DANCER, HALVES, SIDE, World, render

pytestmark = needs_browser


def test_the_canvas_shows_what_was_asked_for_last_and_rests_at_full_size(world: World) -> None:
    """Playing: frames that follow each other, in drafts; then it stands."""
    video, page = world.open(DANCER), world.page
    views = [view_of(4, frame, moving=True) for frame in (3, 4, 5)]
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = {SIDE};
      engine.attach(canvas);
      for (const view of [{",".join(views)}]) {{
        const picture = nextOf();
        engine.request(view);
        await picture;
      }}
      const rest = nextOf(({{ view }}) => !view.moving);
      engine.request({view_of(4, 0, moving=True)});
      engine.request({view_of(4, 6)});
      const {{ view, kind, width, height, ms }} = await rest;
      return JSON.stringify({{ frame: view.frame, kind, width, height, ms }});
    }})()"""
    told = json.loads(page.evaluate(script))
    assert (told["frame"], told["kind"], told["width"], told["height"]) == (6, "full", SIDE, SIDE)
    assert told["ms"]["render"] > 0
    drafts = json.loads(page.evaluate("JSON.stringify(told.filter(one => one.kind === 'full' || one.how === 'draft'))"))
    assert drafts
    assert all(one["width"] <= SIDE for one in drafts if one["how"] == "draft")
    page.settle()
    shown = page.picture(clip={"x": 0, "y": 0, "width": SIDE, "height": SIDE, "scale": 1}, captureBeyondViewport=False)
    exact = render(video, 4, 6).numpy()
    assert np.abs(shown.astype(int) - exact).mean() < 1
    assert not page.complaints


def test_what_is_loaded_goes_on_loading_while_views_move_within_its_segment(world: World) -> None:
    world.opened = ""
    page = world.page
    assert open_engine(page, HALVES) == ""
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = 8;
      const loads = [], load = engine.file.load.bind(engine.file);
      engine.file.recent.load = (index, ...others) => (loads.push(index), load(index, ...others));
      engine.attach(canvas);
      const shown = nextOf(({{ view }}) => view.frame === 4);
      for (const frame of [3, 4, 3, 4, 3, 4]) {{
        engine.request({{...{view_of(0, 3, moving=True)}, frame}});
        await new Promise(requestAnimationFrame);
      }}
      await shown;
      const bad = new Promise(done => engine.addEventListener("error", ({{ detail }}) => done(detail.message)));
      engine.request({{...{view_of(0, 3)}, frame: 99}});
      return [loads.filter(index => index === 1).length, await bad];
    }})()"""
    loads, told = page.evaluate(script)
    assert loads == 1
    assert told == "frame 99 is outside the clip"


def test_a_picture_can_be_kept(world: World) -> None:
    world.open(DANCER)
    page = world.page
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = 40;
      canvas.height = 30;
      engine.attach(canvas);
      engine.request({view_of(1, 3, background=None)});
      return bytes(new Uint8Array(await (await engine.capture()).arrayBuffer()));
    }})()"""

    found = cv2.imdecode(np.frombuffer(base64.b64decode(page.evaluate(script)), np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.shape == (30, 40, 4)
    expected = pixels(page, view_of(1, 3, background=None), 40, 30)
    assert np.abs(found[..., 3].astype(int) - expected[..., 3]).max() == 0


def test_the_depths_of_what_is_shown_can_be_read(world: World) -> None:
    video, page = world.open(DANCER), world.page
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = {SIDE};
      engine.attach(canvas);
      const told = new Promise(done => engine.addEventListener("picture", function tell({{ detail }}) {{
        if (detail.view.moving || detail.view.frame !== 8) return;
        engine.removeEventListener("picture", tell);
        done(engine.depth());
      }}));
      engine.request({view_of(7, 8)});
      const {{ width, height, depths }} = await told;
      return [width, height, bytes(depths)];
    }})()"""
    width, height, text = page.evaluate(script)
    assert (width, height) == (SIDE, SIDE)
    found = np.frombuffer(base64.b64decode(text), np.float32).reshape(SIDE, SIDE)
    image = render(video, 7, 8)
    solid, exact = image.acc.numpy() > 0.5, seen_depth(image).numpy()
    assert solid.any()
    assert np.abs(found[solid] - exact[solid]).mean() < 1e-3
    assert np.isinf(found[image.acc.numpy() == 0]).all()
