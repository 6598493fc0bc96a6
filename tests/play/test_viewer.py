"""The viewer: what browsers see is what `Video.render` makes; controls; several browsers; addresses."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import viser
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dymap.errors import InputError
from dymap.kernels import Cancel
from dymap.play.layers import acc_layer
from dymap.play.video import Video, load
from dymap.play.viewer import Viewer, check_address, is_local
from dymap.play.viewer_camera import camera_of, quaternion, stand_at, upwards, view_of
from dymap.play.viewer_seat import Pace, Settings, paint
from dymap.play.viewer_turns import REST
from dymap.render.fused import Cancelled
from dymap.runs.demonstration import PACKAGED
from tests.play.viewer_client import Visitor, visit

# Some tests leave while a picture is on its way; viser notices.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")

SIDE = 128
OTHERS = ("::1", "127.0.0.2")
"""Addresses of this machine that a server at 127.0.0.1 does not listen on."""


@pytest.fixture(scope="module")
def video() -> Video:
    """The clip that comes with dymap, with cameras of few pixels whose principal point is the middle of the image."""
    baked, middle = load(PACKAGED).baked, SIDE / 2 - 0.5  # centres at integers
    K = np.array([[1.25 * SIDE, 0, middle], [0, 1.25 * SIDE, middle], [0, 0, 1]])
    return Video(replace(baked, cameras=tuple(replace(c, K=K, width=SIDE, height=SIDE) for c in baked.cameras)))


@pytest.fixture
def viewer(video: Video, monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    """No draft is as large as a full picture."""
    monkeypatch.setattr("dymap.play.viewer_seat.DRAFT_SECONDS", 1e-9)
    with Viewer(video, port=0, settings=Settings("march", SIDE)) as viewer:
        yield viewer


@pytest.fixture
def visitor(viewer: Viewer, video: Video) -> Iterator[Visitor]:
    """Stands at camera 0, in a window of its shape, and has seen the full picture."""
    with visit(viewer.port) as visitor:
        visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
        visitor.picture(SIDE, SIDE)
        yield visitor


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of bytes, decibels."""
    return float(10 * np.log10(255**2 / max(np.square(a.astype(float) - b).mean(), 1e-9)))


def test_a_client_at_a_camera_sees_what_the_camera_renders(viewer: Viewer, video: Video) -> None:
    """To within JPEG; another view, or the same one pixel aside, is far from it."""
    with visit(viewer.port) as visitor:
        for index in (0, 5, 11):
            camera = video.cameras[index]
            visitor.stand(view_of(camera), SIDE, SIDE)
            seen, expected = visitor.picture(SIDE, SIDE), video.render(camera).numpy()
            assert expected.max() > 100
            assert likeness(seen, expected) > 36
            assert likeness(seen, np.roll(expected, 1, axis=1)) < 30
            assert likeness(seen, np.roll(expected, 1, axis=0)) < 30


def test_paint_is_exactly_what_video_renders(video: Video) -> None:
    """K of camera 0 has its middle at 63.5 with centres at integers, a browser's at 64 with centres at + 0.5."""
    camera = video.cameras[0]
    same = camera_of(view_of(camera), SIDE)
    np.testing.assert_allclose(same.K[:2, 2] - same.pixel_offset, camera.K[:2, 2], atol=1e-9)
    for renderer in ("march", "fast"):
        painted = paint(video, same, 3, "rgb", renderer, (0, 0, 0))
        rendered = video.render(camera, 3, renderer=renderer).numpy()
        assert np.abs(painted.astype(int) - rendered).max() <= 1
        assert (painted != rendered).mean() < 1e-3


def test_layers_and_background(video: Video) -> None:
    camera = camera_of(view_of(video.cameras[2]), 64)
    red = paint(video, camera, 1, "rgb", "march", (255, 0, 0))
    acc = paint(video, camera, 1, "acc", "march", (255, 0, 0))
    depth = paint(video, camera, 1, "depth", "march", (255, 0, 0))
    empty = acc.max(axis=-1) == 0
    assert 0.3 < empty.mean() < 0.95
    assert (red[empty] == (255, 0, 0)).all()
    assert (depth[empty] == 0).all()
    assert (depth[acc[..., 0] == 255].max(axis=-1) > 60).all()
    np.testing.assert_array_equal(acc, acc_layer(video.render(camera, 1)))


def test_cancelled_images_are_said_to_be(video: Video) -> None:
    cancel = Cancel()
    camera = video.cameras[0]
    try:
        cancel.cancel()
        image = video.render(camera, cancel=cancel)
    except Cancelled:
        return
    torch.testing.assert_close(image.rgb, video.render(camera).rgb)  # without the native core it is finished


def test_drafts_come_first(viewer: Viewer, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.play.viewer_turns.REST", 1.0)  # a busy machine needs time for the draft too
    with visit(viewer.port) as visitor:
        visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
        visitor.picture(SIDE, SIDE)
        sizes = [picture.shape[0] for picture in visitor.pictures]
        assert sizes == [SIDE // 2, SIDE]
        assert likeness(visitor.pictures[0], visitor.pictures[1][::2, ::2]) > 15


def test_pictures_have_the_window_s_shape(visitor: Visitor, video: Video) -> None:
    visitor.stand(view_of(video.cameras[0]), 400, 200)
    assert visitor.picture(SIDE, SIDE // 2).any()
    visitor.stand(view_of(video.cameras[0]), 0, 0)  # a window that is folded up
    visitor.picture(SIDE, SIDE)


def test_controls_change_the_picture(visitor: Visitor, video: Video) -> None:
    camera = camera_of(view_of(video.cameras[0]), SIDE)
    black = (0, 0, 0)
    visitor.set("Frame", 12)
    assert likeness(visitor.picture(SIDE, SIDE), paint(video, camera, 12, "rgb", "march", black)) > 36
    visitor.set("Renderer", "fast")
    assert likeness(visitor.picture(SIDE, SIDE), paint(video, camera, 12, "rgb", "fast", black)) > 36
    visitor.set("Layer", "depth")
    assert likeness(visitor.picture(SIDE, SIDE), paint(video, camera, 12, "depth", "fast", black)) > 30
    visitor.set("Layer", "rgb")
    visitor.set("Background", (90, 110, 160))
    assert likeness(visitor.picture(SIDE, SIDE), paint(video, camera, 12, "rgb", "fast", (90, 110, 160))) > 30
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


def test_clicked_cameras_are_where_one_stands_then(visitor: Visitor, video: Video) -> None:
    assert len(visitor.cameras) == len(video.cameras)
    for index in (3, 9):
        start = len(visitor.said)
        visitor.click(f"/cameras/{index}")
        stand = stand_at(video.cameras[index], upwards(video.cameras), video.viewer_box(0).mean(dim=0).numpy())

        def told(kind: str, key: str, start: int = start) -> np.ndarray | None:
            found = [message[key] for message in visitor.said[start:] if message["type"] == f"SetCamera{kind}Message"]
            return np.array(found[-1]) if found else None

        visitor.until(lambda told=told: told("LookAt", "look_at") is not None)
        np.testing.assert_allclose(told("Position", "position"), stand.position, atol=1e-6)
        np.testing.assert_allclose(told("LookAt", "look_at"), stand.look_at, atol=1e-6)


def test_frustums_are_the_cameras_and_hidden_at_first(visitor: Visitor, video: Video) -> None:
    message, camera = visitor.cameras["/cameras/4"], video.cameras[4]
    props = message["props"]
    assert (props["fov"], props["aspect"]) == pytest.approx((view_of(camera).fov, 1.0))
    poses = {m["type"]: m for m in visitor.said if m.get("name") == "/cameras/4"}
    np.testing.assert_allclose(poses["SetPositionMessage"]["position"], camera.position, atol=1e-6)
    np.testing.assert_allclose(poses["SetOrientationMessage"]["wxyz"], quaternion(camera.R.T), atol=1e-6)
    assert poses["SetSceneNodeVisibilityMessage"]["visible"] is False
    visitor.set("Cameras", True)
    seen = {name for name in visitor.cameras if name != "/cameras/0"}  # it stands at camera 0, which would veil all
    visitor.until(lambda: shown(visitor) >= seen)
    assert "/cameras/0" not in shown(visitor)
    visitor.stand(view_of(video.cameras[4]))
    visitor.until(lambda: "/cameras/0" in shown(visitor) and "/cameras/4" not in shown(visitor))


def shown(visitor: Visitor) -> set[str]:
    """The things in the scene that are visible."""
    told = {m["name"]: m["visible"] for m in visitor.said if m["type"] == "SetSceneNodeVisibilityMessage"}
    return {name for name, visible in told.items() if visible}


def test_the_first_camera_looks_at_the_middle_the_right_way_up(visitor: Visitor, video: Video) -> None:
    begin = {m["type"]: m for m in visitor.said if m.get("initial")}
    middle = video.viewer_box(0).mean(dim=0).numpy()
    np.testing.assert_allclose(begin["SetCameraPositionMessage"]["position"], video.cameras[0].position, atol=1e-6)
    np.testing.assert_allclose(begin["SetCameraLookAtMessage"]["look_at"], middle, atol=1e-6)
    assert begin["SetCameraFovMessage"]["fov"] == pytest.approx(view_of(video.cameras[0]).fov)
    np.testing.assert_allclose(upwards(video.cameras), (0, 0, 1), atol=1e-6)


def test_browsers_have_their_own_pictures_and_are_forgotten(viewer: Viewer, video: Video) -> None:
    with visit(viewer.port) as one, visit(viewer.port) as other:
        one.stand(view_of(video.cameras[0]), SIDE, SIDE)
        other.stand(view_of(video.cameras[8]), SIDE, SIDE)
        for visitor, index in ((one, 0), (other, 8)):
            assert likeness(visitor.picture(SIDE, SIDE), video.render(video.cameras[index]).numpy()) > 36
        assert viewer.clients == 2
        one.set("Frame", 7)
        assert likeness(one.picture(SIDE, SIDE), video.render(video.cameras[0], 7).numpy()) > 36
        other.listen(2 * REST)
        assert other.controls["Frame"]["value"] == 0
    end = time.monotonic() + 10
    while viewer.clients or viewer._seats:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_storm_of_movement_ends_with_the_last_view(viewer: Viewer, video: Video) -> None:
    """Hundreds of cameras come faster than pictures are made: few pictures, the last of the last view."""
    with visit(viewer.port) as visitor:
        for k in range(300):
            visitor.stand(view_of(video.cameras[k % 16]), SIDE, SIDE)
        visitor.stand(view_of(video.cameras[6]), SIDE, SIDE)
        expected = video.render(video.cameras[6]).numpy()
        full = (SIDE, SIDE, 3)
        visitor.until(lambda: visitor.pictures[-1:] != [] and visitor.pictures[-1].shape == full
                      and likeness(visitor.pictures[-1], expected) > 36)  # fmt: skip
        visitor.listen(2 * REST)
        assert likeness(visitor.pictures[-1], expected) > 36
        assert len(visitor.pictures) < 100


def test_closing_leaves_no_threads_and_frees_the_port(video: Video) -> None:
    for _ in range(2):
        with Viewer(video, port=0) as viewer, visit(viewer.port) as visitor:
            visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
            visitor.until(lambda: bool(visitor.pictures))
            visitor.set("Play", True)
        check_address("127.0.0.1", viewer.port)
        assert not [thread for thread in threading.enumerate() if thread.name == "dymap-viewer"]


def test_page_is_served_to_this_machine_only(viewer: Viewer) -> None:
    assert viewer.url == f"http://127.0.0.1:{viewer.port}"
    assert b"<html" in urllib.request.urlopen(viewer.url, timeout=10).read().lower()
    bound = viewer._server._websock_server
    assert (bound._host, bound._port) == ("127.0.0.1", viewer.port)
    for address in OTHERS:
        with pytest.raises(OSError), socket.create_connection((address, viewer.port), timeout=1):  # noqa: PT011
            pass


def test_no_public_address_is_given_out(viewer: Viewer) -> None:
    assert viewer._server.request_share_url() is None
    assert viewer._server._share_tunnel is None


@pytest.mark.filterwarnings("ignore:a browser could not be shown its picture:RuntimeWarning")
def test_one_browser_s_fault_is_told_to_it_and_does_not_last(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr("dymap.play.viewer_seat.paint", broken)
        visitor.set("Play", True)
        visitor.until(lambda: "no such luck" in visitor.controls["line"]["_markdown"])
        visitor.until(lambda: visitor.controls["Play"]["label"] == "Play")
    visitor.set("Frame", 2)
    assert visitor.picture(SIDE, SIDE).any()


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


@pytest.mark.parametrize(
    ("origin", "answers"),
    [(None, True), ("http://127.0.0.1:8081", True), ("http://localhost", True), ("http://[::1]:80", True),
     ("http://evil.example", False), ("http://127.0.0.1.evil.example", False), ("null", False)],
)  # fmt: skip
def test_other_pages_of_the_same_browser_get_nothing(viewer: Viewer, origin: Any, answers: bool) -> None:
    protocol = f"viser-v{viser.__version__}"
    expected = contextlib.nullcontext() if answers else pytest.raises(InvalidStatus)
    with expected, connect(f"ws://127.0.0.1:{viewer.port}", subprotocols=[protocol], origin=origin, max_size=None):
        pass


def test_taken_ports_are_said(viewer: Viewer, video: Video) -> None:
    with pytest.raises(InputError, match=f"127.0.0.1 port {viewer.port} .*--port chooses another"):
        Viewer(video, port=viewer.port)
    with pytest.raises(InputError, match=r"cannot listen on 203\.0\.113\.7 port 0"):
        Viewer(video, host="203.0.113.7", port=0)  # not an address of this machine
    with pytest.raises(InputError, match="--port 70000: expected a number from 0 to 65535"):
        Viewer(video, port=70000)


def test_missing_library_is_said(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(InputError, match=r"pip install 'dymap\[viewer\]'"):
        Viewer(video, port=0)


def test_local_addresses() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "", "192.168.1.5", "::", "example"))


def test_pace() -> None:
    pace = Pace()
    assert pace.note(0.0, 0.05, 64, 32) == "64 x 32, 50 ms"
    for k in range(1, 11):
        said = pace.note(k / 10, 0.05, 64, 32)
    assert said == "64 x 32, 50 ms, 10.0 pictures/s"
    assert pace.note(50.0, 0.05, 64, 32) == "64 x 32, 50 ms", "after a rest it begins anew"
