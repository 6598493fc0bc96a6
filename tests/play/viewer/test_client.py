"""One browser: what it sees is what `Video.render` makes; drafts, controls, the clip."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dymap.play.video import Video
from dymap.play.viewer.camera import camera_of, view_of
from dymap.play.viewer.picture import render
from dymap.play.viewer.queue import REST
from dymap.play.viewer.server import Viewer
from tests.play.viewer.visitor import SIDE, Visitor, psnr, visit

# Some tests leave while a picture is on its way; viser notices.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")


def test_a_client_at_a_camera_sees_what_the_camera_renders(viewer: Viewer, video: Video) -> None:
    """To within JPEG; another view, or the same one pixel aside, is far from it."""
    with visit(viewer.port) as visitor:
        for index in (0, 5, 11):
            camera = video.cameras[index]
            visitor.stand(view_of(camera), SIDE, SIDE)
            seen, expected = visitor.picture(SIDE, SIDE), video.render(camera).numpy()
            assert expected.max() > 100
            assert psnr(seen, expected) > 36
            assert psnr(seen, np.roll(expected, 1, axis=1)) < 30
            assert psnr(seen, np.roll(expected, 1, axis=0)) < 30


def test_drafts_come_first(viewer: Viewer, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.play.viewer.queue.REST", 1.0)  # a busy machine needs time for the draft too
    with visit(viewer.port) as visitor:
        visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
        visitor.picture(SIDE, SIDE)
        sizes = [picture.shape[0] for picture in visitor.pictures]
        assert sizes == [SIDE // 2, SIDE]
        assert psnr(visitor.pictures[0], visitor.pictures[1][::2, ::2]) > 15


def test_pictures_have_the_window_s_shape(visitor: Visitor, video: Video) -> None:
    visitor.stand(view_of(video.cameras[0]), 400, 200)
    assert visitor.picture(SIDE, SIDE // 2).any()
    visitor.stand(view_of(video.cameras[0]), 0, 0)  # a window that is folded up
    visitor.picture(SIDE, SIDE)


def test_controls_change_the_picture(visitor: Visitor, video: Video) -> None:
    camera = camera_of(view_of(video.cameras[0]), SIDE)
    black = (0, 0, 0)
    visitor.set("Frame", 12)
    assert psnr(visitor.picture(SIDE, SIDE), render(video, camera, 12, "rgb", "march", black)) > 36
    visitor.set("Renderer", "fast")
    assert psnr(visitor.picture(SIDE, SIDE), render(video, camera, 12, "rgb", "fast", black)) > 36
    visitor.set("Layer", "depth")
    assert psnr(visitor.picture(SIDE, SIDE), render(video, camera, 12, "depth", "fast", black)) > 30
    visitor.set("Layer", "rgb")
    visitor.set("Background", (90, 110, 160))
    assert psnr(visitor.picture(SIDE, SIDE), render(video, camera, 12, "rgb", "fast", (90, 110, 160))) > 30
    visitor.set("Resolution", 96)
    assert visitor.picture(96, 96).any()
    visitor.until(lambda: "96 x 96" in visitor.controls["line"]["_markdown"])


def test_play_advances_and_pause_stops(visitor: Visitor, video: Video) -> None:
    visitor.set("Resolution", 64)
    visitor.set("Frames a second", 60)
    visitor.set("Frame", video.num_frames - 2)
    visitor.picture(64, 64)
    start = len(visitor.said)
    visitor.set("Play", True)

    def frames() -> list[int]:
        uuid = visitor.controls["Frame"]["uuid"]
        return [m["updates"]["value"] for m in visitor.said[start:] if m.get("uuid") == uuid and "updates" in m]

    visitor.until(lambda: len(frames()) >= 4 and min(frames()) < 3)
    told = frames()
    steps = np.diff([video.num_frames - 2, *told]) % video.num_frames
    assert (steps >= 1).all(), f"onwards, and again from the start: {told}"
    assert (steps <= 3).all(), f"what is shown quickly is told in one message: {told}"
    assert visitor.controls["Play"]["label"] == "Pause"
    visitor.set("Play", True)
    visitor.until(lambda: visitor.controls["Play"]["label"] == "Play")
    visitor.listen(0.3)
    stood = len(frames())
    visitor.listen(0.3)
    assert len(frames()) == stood


def test_a_storm_of_movement_ends_with_the_last_view(viewer: Viewer, video: Video) -> None:
    """Hundreds of cameras come faster than pictures are made: few pictures, the last of the last view."""
    with visit(viewer.port) as visitor:
        for k in range(300):
            visitor.stand(view_of(video.cameras[k % 16]), SIDE, SIDE)
        visitor.stand(view_of(video.cameras[6]), SIDE, SIDE)
        expected = video.render(video.cameras[6]).numpy()
        full = (SIDE, SIDE, 3)
        visitor.until(lambda: visitor.pictures[-1:] != [] and visitor.pictures[-1].shape == full
                      and psnr(visitor.pictures[-1], expected) > 36)  # fmt: skip
        visitor.listen(2 * REST)
        assert psnr(visitor.pictures[-1], expected) > 36
        assert len(visitor.pictures) < 100


def test_what_no_page_should_send_changes_nothing(viewer: Viewer, visitor: Visitor, video: Video) -> None:
    view = view_of(video.cameras[0])
    for wrong in ({"fov": 0.0}, {"fov": float("nan")}, {"wxyz": np.zeros(4)}, {"position": np.full(3, np.inf)}):
        visitor.stand(replace(view, **wrong))
    for label, value in (("Renderer", "none"), ("Layer", "none"), ("Frames a second", 0), ("Frame", 9999)):
        visitor.set(label, value)
    visitor.set("Resolution", 0)
    assert visitor.picture(64, 64).any()
    visitor.set("Play", True)
    visitor.until(lambda: visitor.controls["Play"]["label"] == "Pause")
    visitor.picture(64, 64)
    visitor.set("Resolution", 10**9)
    visitor.until(lambda: any(max(picture.shape) > 64 for picture in visitor.pictures[-1:]))
    assert viewer.clients == 1
