"""A picture in bands is to the byte the one that is drawn at once, however it is divided; a PNG in parts."""

from __future__ import annotations

import tracemalloc
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from dymap.geometry.camera import look_at
from dymap.kernels import BLOCK, Cancel
from dymap.play.video import Video
from dymap.render.image import Cancelled, Image
from dymap.stage import painting
from dymap.stage.drawing import rest_after
from dymap.stage.keepsake import Keepsake
from dymap.stage.message import View
from dymap.stage.painting import BAND_PIXELS, SLICE, Canvas, Painting, band_height
from dymap.stage.png import PngWriter
from dymap.stage.view import camera_of
from tests.stage.subjects import Lasting
from tests.stage.visitor import decoded
from tests.variants import with_all_kernels

R, T = look_at((0, -3, 1), (0, 0, 0.9))
HEIGHT = 3 * BLOCK + 7
LAYERS: list[dict[str, Any]] = [
    {}, {"background": None}, {"background": (0.2, 0.4, 1.0), "exposure": 0.7}, {"layer": "depth"},
    {"layer": "opacity"}, {"layer": "occupancy"},
]  # fmt: skip


def view(**more: Any) -> View:
    return View(0, 3, R, T, (70, HEIGHT), 0.9, **more)


@with_all_kernels
@pytest.mark.parametrize("renderer", ["fast", "march"])
def test_a_picture_in_bands_is_the_picture(video: Video, renderer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    subject, camera = Lasting(Video(video.baked), renderer), camera_of(view(), 70, HEIGHT)
    for more in LAYERS:
        whole, opacity = Painting(subject, view(**more), camera).draw(Cancel())
        assert whole.any()
        for height, bands in ((BLOCK, 4), (2 * BLOCK, 3)):
            monkeypatch.setattr(painting, "band_height", lambda *_, height=height: height)
            canvas, count = Canvas(Painting(subject, view(**more), camera)), 1
            while not canvas.add(Cancel()):
                count += 1
            assert count == bands
            np.testing.assert_array_equal(canvas.drawn[0], whole)
            assert (canvas.drawn[1] is None) == (opacity is None)
            if opacity is not None and canvas.drawn[1] is not None:
                np.testing.assert_array_equal(canvas.drawn[1], opacity)


def test_a_band_that_was_cancelled_is_drawn_again(video: Video) -> None:
    subject, camera, cancel = Lasting(video, "march"), camera_of(view(), 70, HEIGHT), Cancel()
    canvas = Canvas(Painting(subject, view(), camera))
    canvas.add()
    cancel.cancel()
    with pytest.raises(Cancelled):
        canvas.add(cancel)
    while not canvas.add():
        pass
    np.testing.assert_array_equal(canvas.drawn[0], Painting(subject, view(), camera).draw()[0])


def test_what_is_begun_stays_the_same_picture(video: Video) -> None:
    """Although another clip is shown, and this one forgotten."""
    subject, camera = Lasting(Video(video.baked), "march"), camera_of(view(), 70, HEIGHT)
    whole = Painting(subject, view(), camera).draw()[0]
    canvas = Canvas(Painting(subject, view(), camera))
    canvas.add()
    subject._video._renderers.close()
    while not canvas.add():
        pass
    np.testing.assert_array_equal(canvas.drawn[0], whole)


def test_bands_are_as_high_as_takes_a_moment() -> None:
    assert band_height(BLOCK, SLICE / 100, 64) == 2 * BLOCK, "at most twice as high at once"
    assert band_height(8 * BLOCK, SLICE, 64) == 8 * BLOCK
    assert band_height(8 * BLOCK, 4 * SLICE, 64) == 2 * BLOCK
    assert band_height(BLOCK, 1000, 64) == BLOCK
    assert band_height(BLOCK, 0, 4096) == BAND_PIXELS // 4096 == BLOCK


def test_drawing_is_a_share_of_the_time() -> None:
    assert rest_after(0.1, 0.25) == pytest.approx(0.3)
    assert rest_after(0.1, 1.0) == 0


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("width", "heights"), [(1, (1,)), (5, (3, 1, 4)), (64, (32, 32)), (33, (7, 2))])
def test_a_png_in_parts(channels: int, width: int, heights: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (sum(heights), width, channels), dtype=np.uint8)
    writer = PngWriter((width, sum(heights)), channels)
    for rows in np.split(picture, np.cumsum(heights)[:-1]):
        writer.add(rows)
    np.testing.assert_array_equal(decoded(writer.end()), picture)


def test_a_large_picture_to_keep_takes_little_memory(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Lasting(video, "march")

    class Grey:
        nbytes = 0

        def render(self, camera: Any, *given: Any) -> Image:
            rows = given[-1]
            grey = torch.full((rows[1] - rows[0], camera.width), 0.5)
            return Image(grey[..., None].expand(-1, -1, 3), grey, grey, grey, grey.bool())

    monkeypatch.setattr(subject, "renderer", lambda _: Grey())
    keepsake, bands = Keepsake(View(0, 0, R, T, (4096, 4096), 0.9, background=None), lambda: subject), 1
    tracemalloc.start()
    try:
        while keepsake.go_on():
            bands += 1
        file, peak = keepsake.file(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert bands == 4096 // BLOCK
    assert peak < 4096 * 4096 / 4, "of 4 bytes for each pixel"
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (4096, 4096, 4)
