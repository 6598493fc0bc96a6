"""The browser's engine in headless Chromium, whose WebGPU is in software, against the marching renderer."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources

import cv2
import numpy as np
import pytest
import torch

from dymap.geometry.camera import Camera
from dymap.play.layers import acc_layer, depth_layer, depth_range, seen_depth
from dymap.play.video import Video, load
from dymap.render.image import Image
from dymap.video.clip import BakedVideo, one_segment
from dymap.video.packing import save_packed
from tests.browser import Page, browser, needs_browser
from tests.field.models import tiny_field
from tests.golden.sources import Golden
from tests.video.test_packed import HALVES as SPANS
from tests.video.test_packed import half_of
from tests.video.videos import BAKE, RENDER, cameras, painted_video
from tests.web.engine import numbers, open_engine, pixels, serving, view_of

pytestmark = needs_browser
SIDE = 48
DANCER, HALVES, LARGE = (f"/clips/{name}.dymap" for name in ("dancer", "halves", "large"))


@dataclass
class World:
    """A browser at a blank page, and clips that it can open. opened: the one that it has."""

    page: Page
    videos: dict[str, Video]
    address: str
    opened: str = ""

    def open(self, file: str) -> Video:
        """Open a clip, unless it is open; the page is as wide as its pictures."""
        if self.opened != file:
            assert open_engine(self.page, file) == ""
            self.opened = file
        self.page.complaints.clear()
        return self.videos[file]


@pytest.fixture(scope="module")
def world(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("clips")
    shutil.copy(str(resources.files("dymap") / "play" / "dancer.dymap"), folder / "dancer.dymap")
    body = painted_video(trimmed)
    save_packed(folder / "halves.dymap", replace(body, segments=SPANS, load=partial(half_of, body)))
    save_packed(folder / "large.dymap", large())
    videos = {f"/clips/{file}.dymap": load(folder / f"{file}.dymap") for file in ("dancer", "halves", "large")}
    with serving(folder) as address, browser(tmp_path_factory.mktemp("profile"), "webgpu") as page:
        page.visit(f"{address}/blank", 300, 200)
        yield World(page, videos, address)


def large() -> BakedVideo:
    """Noise in some voxels, with planes so large that they are computed only where something is."""
    field = tiny_field(density=3.0, plane_size=64, map_size=8).requires_grad_(False)
    occupied = torch.zeros(2, *BAKE.grid, dtype=torch.bool)
    occupied[:, 3:9, 5:12, 4:20] = True
    return one_segment(field, occupied, RENDER, BAKE, 25, (0, 1), cameras(3), (0, 1), (2,), "large")


def seen_by(video: Video, camera: int) -> Camera:
    return video.cameras[camera].undistorted().fitted(SIDE, SIDE)


def render(video: Video, camera: int, frame: int) -> Image:
    return video.render(seen_by(video, camera), frame)


@pytest.mark.parametrize(
    ("file", "camera", "frame"), [(DANCER, 0, 0), (DANCER, 5, 7), (DANCER, 11, 23), (HALVES, 1, 4), (LARGE, 0, 1)]
)
def test_pictures_are_those_of_the_marching_renderer(world: World, file: str, camera: int, frame: int) -> None:
    video = world.open(file)
    exact = render(video, camera, frame)
    colours, depths = numbers(world.page, view_of(camera, frame), SIDE, SIDE)
    assert exact.acc.max() > 0.5
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4
    assert np.abs(colours[..., 3] - exact.acc.numpy()).mean() < 1e-4
    assert np.array_equal(np.isfinite(depths), exact.hit.numpy())
    assert np.abs(depths[exact.hit] - exact.depth.numpy()[exact.hit]).mean() < 1e-3
    assert not world.page.complaints


def test_two_segments_are_mixed_where_they_overlap(world: World) -> None:
    video = world.open(HALVES)
    exact = render(video, 2, 2)
    assert len(video.baked.frame_model(2)) == 2
    colours, depths = numbers(world.page, view_of(2, 2), SIDE, SIDE)
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4
    assert np.abs(depths[exact.hit] - exact.depth.numpy()[exact.hit]).mean() < 1e-3


def test_a_lens_may_be_a_field_of_view(world: World) -> None:
    """Its principal point is in the middle of the picture, and pixel centres are at + 0.5."""
    video = world.open(DANCER)
    camera = seen_by(video, 3)
    focal = 32 / 2 / np.tan(0.6 / 2)
    K = np.array([[focal, 0, 40 / 2], [0, focal, 32 / 2], [0, 0, 1]])
    exact = video.render(Camera(K, camera.R, camera.T, 40, 32, pixel_offset=0.5), 2)
    colours, _ = numbers(world.page, view_of(3, 2, K=None, fov=0.6), 40, 32)
    assert np.abs(colours[..., :3] - exact.rgb.numpy()).mean() < 1e-4


def test_layers_and_backgrounds_are_those_of_films(world: World) -> None:
    video = world.open(DANCER)
    image, camera, page = render(video, 2, 9), seen_by(video, 2), world.page
    white = pixels(page, view_of(2, 9, background=[1, 1, 1]), SIDE, SIDE)
    assert np.abs(white[..., :3].astype(int) - image.over("white").numpy()).mean() < 0.1
    assert white[..., 3].min() == 255
    opacity = pixels(page, view_of(2, 9, layer="opacity"), SIDE, SIDE)
    assert np.abs(opacity[..., :3].astype(int) - acc_layer(image)).mean() < 0.1
    depth = pixels(page, view_of(2, 9, layer="depth"), SIDE, SIDE)
    near, far = depth_range([camera.position] * video.num_frames, video.boxes)
    assert np.abs(depth[..., :3].astype(int) - depth_layer(image, near, far)).mean() < 1
    clear = pixels(page, view_of(2, 9, background=None), SIDE, SIDE)
    assert np.abs(clear[..., 3].astype(int) - image.rgba()[..., 3]).mean() < 0.1
    solid = clear[..., 3] > 128
    assert np.abs(clear[..., :3].astype(int) - image.rgba()[..., :3])[solid].mean() < 1
    voxels = pixels(page, view_of(2, 9, layer="occupancy"), SIDE, SIDE)
    assert (voxels[..., 0] > 0)[image.acc.numpy() > 0.1].mean() > 0.98
    assert voxels[0, 0].tolist() == [0, 0, 0, 255]


def test_exposure_is_in_linear_light(world: World) -> None:
    world.open(DANCER)
    plain, bright = (pixels(world.page, view_of(2, 9, exposure=stops), SIDE, SIDE) / 255 for stops in (0, 1))
    linear = np.where(plain <= 0.04045, plain / 12.92, ((plain + 0.055) / 1.055) ** 2.4)
    light = np.minimum(2 * linear, 1)
    expected = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(bright - expected)[..., :3].max() < 0.02


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


def test_drafts_are_near_to_exact_pictures(world: World) -> None:
    """Consecutive samples share a colour."""
    video = world.open(DANCER)
    exact = render(video, 6, 12).rgb.numpy()
    colours, _ = numbers(world.page, view_of(6, 12, moving=True), SIDE, SIDE)
    error = np.abs(colours[..., :3] - exact).mean()
    assert 1e-5 < error < 1 / 255


def test_a_device_that_is_lost_is_replaced_once(world: World) -> None:
    world.open(DANCER)
    page = world.page
    lose = "engine.works.gpu.device.destroy()"
    script = f"""(async () => {{
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
