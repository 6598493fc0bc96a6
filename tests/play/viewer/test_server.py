"""The viewer's server: who gets the page, several browsers, faults, the end."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys
import threading
import time
import urllib.request
from typing import Any

import msgspec.msgpack
import numpy as np
import pytest
import viser
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dymap.errors import InputError
from dymap.geometry.camera import up_direction
from dymap.play.video import Video
from dymap.play.viewer.address import check_address
from dymap.play.viewer.camera import view_of
from dymap.play.viewer.queue import REST
from dymap.play.viewer.server import Viewer
from tests.play.viewer.visitor import SIDE, Visitor, psnr, visit

OTHERS = ("::1", "127.0.0.2")
"""Addresses of this machine that a server at 127.0.0.1 does not listen on."""

# Some tests leave while a picture is on its way; viser notices.
pytestmark = pytest.mark.filterwarnings("ignore:Queued a .* on a closed connection")


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


def test_browsers_have_their_own_pictures_and_are_forgotten(viewer: Viewer, video: Video) -> None:
    with visit(viewer.port) as one, visit(viewer.port) as other:
        one.stand(view_of(video.cameras[0]), SIDE, SIDE)
        other.stand(view_of(video.cameras[8]), SIDE, SIDE)
        for visitor, index in ((one, 0), (other, 8)):
            assert psnr(visitor.picture(SIDE, SIDE), video.render(video.cameras[index]).numpy()) > 36
        assert viewer.clients == 2
        one.set("Frame", 7)
        assert psnr(one.picture(SIDE, SIDE), video.render(video.cameras[0], 7).numpy()) > 36
        other.listen(2 * REST)
        assert other.controls["Frame"]["value"] == 0
    end = time.monotonic() + 10
    while viewer.clients or viewer._clients:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_closing_leaves_no_threads_and_frees_the_port(video: Video) -> None:
    for _ in range(2):
        with Viewer(video, port=0) as viewer, visit(viewer.port) as visitor:
            visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
            visitor.until(lambda: bool(visitor.pictures))
            visitor.set("Play", True)
        check_address("127.0.0.1", viewer.port)
        assert not [thread for thread in threading.enumerate() if thread.name == "dymap-viewer"]


@pytest.mark.filterwarnings("ignore:a browser could not be shown its picture:RuntimeWarning")
def test_one_browser_s_fault_is_told_to_it_and_does_not_last(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr("dymap.play.viewer.client.render", broken)
        visitor.set("Play", True)
        visitor.until(lambda: "no such luck" in visitor.controls["line"]["_markdown"])
        visitor.until(lambda: visitor.controls["Play"]["label"] == "Play")
    visitor.set("Frame", 2)
    assert visitor.picture(SIDE, SIDE).any()


def test_the_first_camera_looks_at_the_middle_the_right_way_up(visitor: Visitor, video: Video) -> None:
    begin = {m["type"]: m for m in visitor.said if m.get("initial")}
    middle = video.viewer_box(0).mean(dim=0).numpy()
    np.testing.assert_allclose(begin["SetCameraPositionMessage"]["position"], video.cameras[0].position, atol=1e-6)
    np.testing.assert_allclose(begin["SetCameraLookAtMessage"]["look_at"], middle, atol=1e-6)
    assert begin["SetCameraFovMessage"]["fov"] == pytest.approx(view_of(video.cameras[0]).fov)
    np.testing.assert_allclose(up_direction(video.cameras), (0, 0, 1), atol=1e-6)


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


@pytest.mark.parametrize("sent", [
    "text", b"\xff" * 100, msgspec.msgpack.encode([1]), msgspec.msgpack.encode({"type": "NoSuchMessage", "a": 1}),
    msgspec.msgpack.encode({"type": "GuiUpdateMessage", "uuid": 7}), b"x" * 25_000_000,
], ids=["text", "bytes", "list", "unknown", "incomplete", "large"])  # fmt: skip
def test_who_sends_what_is_unknown_is_sent_away_and_nothing_of_it_is_printed(
    viewer: Viewer, video: Video, sent: Any, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    protocol = f"viser-v{viser.__version__}"
    with connect(f"ws://127.0.0.1:{viewer.port}", subprotocols=[protocol], max_size=None) as socket:
        with contextlib.suppress(ConnectionClosed):
            socket.send(sent)
        with contextlib.suppress(ConnectionClosed):
            while True:
                socket.recv(timeout=10)
        assert socket.close_code in (1008, 1009)
    with visit(viewer.port) as visitor:
        visitor.stand(view_of(video.cameras[0]), SIDE, SIDE)
        assert visitor.picture(SIDE, SIDE).any()
    assert capfd.readouterr() == ("", "")
    assert all(len(str(warning.message)) < 300 for warning in recwarn)


def test_faults_of_values_that_browsers_send_print_nothing_of_them(
    visitor: Visitor, viewer: Viewer, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    visitor.set("Frame", "x" * 10_000)
    visitor.set("Frame", 3)
    visitor.until(lambda: viewer._clients[max(viewer._clients)]._frame == 3)
    assert capfd.readouterr() == ("", "")
    gc.collect()  # tasks tell of their faults when they go
    assert all(len(str(warning.message)) < 300 for warning in recwarn)


def test_other_programs_are_sent_away(viewer: Viewer, capfd: pytest.CaptureFixture[str]) -> None:
    for protocols in (None, ["viser-v0.0.1"]):
        with (
            connect(f"ws://127.0.0.1:{viewer.port}", subprotocols=protocols) as socket,
            pytest.raises(ConnectionClosed, match="another program"),
        ):
            socket.recv(timeout=10)
    assert capfd.readouterr() == ("", "")


def test_waiting_ends_when_it_is_asked_to_or_closed(video: Video) -> None:
    asked: list[int] = []
    with Viewer(video, port=0, asked=lambda: bool(asked)) as viewer:
        timer = threading.Timer(0.2, asked.append, [1])
        timer.start()
        viewer.wait()
        timer.join()
    viewer.wait()
