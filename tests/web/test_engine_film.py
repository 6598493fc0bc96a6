"""Films that the browser's engine makes: read by ffmpeg (PyAV), and what is said where none can be made."""

from __future__ import annotations

import base64
import io
import json

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.browser import needs_browser
from tests.web.engine import pixels, view_of
from tests.web.world import DANCER, World

pytestmark = needs_browser
WIDTH, HEIGHT, FPS, COUNT = 96, 64, 24, 30
PATH = f"""(() => {{
  const camera = engine.clip.cameras[2], {{ K }} = camera, rows = (m) => [m.slice(0, 3), m.slice(3, 6), m.slice(6)];
  const {{ T, width, height }} = camera;
  const cameras = Array.from({{ length: {COUNT} }}, (_, index) => ({{ name: "", K: rows(K), R: rows(camera.R), T, width,
    height, pixel_offset: 0, frame: index % engine.clip.frames }}));
  return {{ format: "dymap-cameras", version: 1, cameras }};
}})()"""


def film(codec: str = "", **options: object) -> str:
    """What JavaScript makes a film with; codec: what the browser's encoder knows only, as its name begins."""
    given = json.dumps({"size": [WIDTH, HEIGHT], "fps": FPS} | options)
    return f"""(async () => {{
      const ask = VideoEncoder.isConfigSupported;
      const known = (config) => config.codec.startsWith({codec!r});
      VideoEncoder.isConfigSupported = async (config) => known(config) ? ask(config) : {{ supported: false }};
      const shares = window.shares = [], control = window.control = new AbortController();
      try {{
        const onprogress = share => {{ shares.push(share); window.onshare?.(); }};
        const film = await engine.film({PATH}, {{ ...{given}, onprogress, signal: control.signal }});
        return [film.type, bytes(new Uint8Array(await film.arrayBuffer()))];
      }} catch (error) {{
        return [error.name, error.message];
      }} finally {{
        VideoEncoder.isConfigSupported = ask;
        window.onshare = null;
      }}
    }})()"""


def decoded(data: str) -> tuple[av.VideoStream, list[int], list[NDArray[np.uint8]]]:
    """A film's track, and of each of its pictures when it is shown and [H, W, 3]."""
    with av.open(io.BytesIO(base64.b64decode(data))) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return (
            stream,
            [round(frame.time * FPS * 1000) for frame in frames],
            [f.to_ndarray(format="rgb24") for f in frames],
        )


@pytest.mark.parametrize(("codec", "name"), [("avc1", "h264"), ("vp09", "vp9"), ("av01", "av1")])
def test_a_film_has_its_pictures_and_their_times(world: World, codec: str, name: str) -> None:
    world.open(DANCER)
    page = world.page
    kind, data = page.evaluate(film(codec))
    assert kind == "video/mp4", data
    stream, times, pictures = decoded(data)
    assert stream.codec_context.name in (name, "libdav1d" if name == "av1" else name)
    assert (stream.frames, stream.codec_context.width, stream.codec_context.height) == (COUNT, WIDTH, HEIGHT)
    assert stream.average_rate == FPS
    assert times == [1000 * index for index in range(COUNT)]
    for index in (0, 11, COUNT - 1):
        expected = pixels(page, view_of(2, index % 24), WIDTH, HEIGHT)[..., :3]
        assert expected.max() > 100
        assert np.abs(pictures[index].astype(int) - expected).mean() < 4
    assert page.evaluate("shares.at(-1)") == 1
    assert page.evaluate("shares.length") == COUNT
    assert not page.complaints


def test_its_index_lies_before_its_pictures(world: World) -> None:
    world.open(DANCER)
    data = base64.b64decode(world.page.evaluate(film())[1])
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")


def test_it_has_a_background(world: World) -> None:
    world.open(DANCER)
    _, data = world.page.evaluate(film(background=[1, 0.5, 0]))
    corner = decoded(data)[2][0][:8, :8].reshape(-1, 3).mean(axis=0)
    assert np.abs(corner - (255, 127.5, 0)).max() < 6


def test_it_can_be_cancelled(world: World) -> None:
    world.open(DANCER)
    page = world.page
    page.evaluate("window.onshare = () => shares.length === 3 && control.abort()")
    name, _ = page.evaluate(film())
    assert name == "AbortError"
    assert page.evaluate("shares.length") == 3


def test_a_browser_without_an_encoder_says_so(world: World) -> None:
    world.open(DANCER)
    page = world.page
    assert page.evaluate("engine.clip.film") is True
    said = page.evaluate(film("none"))
    assert said == ["Error", f"this browser has no encoder for films of {WIDTH} x {HEIGHT} pixels"]
    page.evaluate("window.Kept = VideoEncoder, window.VideoEncoder = undefined")
    try:
        made = f"engine.film({PATH}, {{ size: [16, 16], fps: 24 }}).catch(error => error.message)"
        assert page.evaluate(made) == "this browser has no encoder for films"
    finally:
        page.evaluate("window.VideoEncoder = Kept")


def test_an_encoder_that_gives_up_is_told(world: World) -> None:
    world.open(DANCER)
    page = world.page
    page.evaluate("""(() => {
      window.kept = VideoEncoder.prototype.encode;
      VideoEncoder.prototype.encode = function (...given) { kept.apply(this, given); this.close(); };
    })()""")
    try:
        name, message = page.evaluate(film())
    finally:
        page.evaluate("void (VideoEncoder.prototype.encode = kept)")
    assert name != "video/mp4"
    assert "encoder" in message


@pytest.mark.parametrize("path", ["null", "({ cameras: [] })", "({ cameras: [{ K: [], R: [], T: [] }] })"])
def test_what_is_no_path_is_refused(world: World, path: str) -> None:
    world.open(DANCER)
    said = world.page.evaluate(
        f"(async () => engine.film({path}, {{ size: [16, 16], fps: 24 }}))().catch(error => error.message)"
    )
    assert "film" in said


def test_cameras_have_small_pictures_that_wait_until_the_gpu_is_idle(world: World) -> None:
    world.open(DANCER)
    page = world.page
    script = f"""(async () => {{
      const canvas = document.querySelector("canvas");
      canvas.width = canvas.height = 32;
      engine.attach(canvas);
      engine.shown = null; // as before the first picture
      const order = [], addresses = [1, 6].map(index => engine.thumbnail(index));
      addresses.forEach((asked, k) => asked.then(() => order.push(k)));
      engine.addEventListener("picture", () => order.push("picture"), {{ once: true }});
      await new Promise(requestAnimationFrame);
      engine.request({view_of(0, 3)});
      const found = await Promise.all(addresses);
      const bitmaps = await Promise.all(found.map(async one => createImageBitmap(await (await fetch(one)).blob())));
      const context = new OffscreenCanvas(192, 192).getContext("2d");
      context.drawImage(bitmaps[1], 0, 0);
      const shown = context.getImageData(0, 0, 192, 192).data;
      const same = await engine.thumbnail(1) === found[0];
      return [order, bitmaps.map(({{ width, height }}) => [width, height]), bytes(shown), same];
    }})()"""
    order, sizes, data, same = page.evaluate(script)
    assert order == ["picture", 0, 1]
    assert sizes == [[192, 192], [192, 192]]
    shown = np.frombuffer(base64.b64decode(data), np.uint8).reshape(192, 192, 4)
    expected = pixels(page, view_of(6, 0, moving=True), 192, 192)
    assert expected[..., :3].max() > 100
    assert np.abs(shown[..., :3].astype(int) - expected[..., :3]).mean() < 3
    assert same, "each is drawn once"
