"""The stage's server: faults, a file that changes, the end."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

import dymap
from dymap.errors import InputError
from dymap.play.video import Video
from dymap.runs.demonstration import PACKAGED
from dymap.runs.viewing import check_stage, open_stage
from dymap.site.pages import web_files
from dymap.stage import server
from dymap.stage.address import check_address
from dymap.stage.server import Settings, Stage
from dymap.stage.subject import ClipSubject
from tests.runs.test_runs import CONFIG
from tests.stage.subjects import Lasting, Slow
from tests.stage.visitor import PATIENCE, Visitor, get, visit


@pytest.mark.filterwarnings("ignore:a picture could not be drawn:RuntimeWarning")
def test_one_fault_is_told_and_does_not_last(
    visitor: Visitor, subject: ClipSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(subject, "renderer", broken)
        visitor.view()
        assert "no such luck" in visitor.text("error")["message"]
    assert visitor.picture(visitor.view())[1].any()


def test_a_file_that_is_replaced_is_shown_anew_and_one_that_is_deleted_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOK", 0.05)
    file = tmp_path / "clip.dymap"
    shutil.copy(PACKAGED, file)
    with open_stage(file, port=0, renderer="march", threads=1) as stage, visit(stage.url) as visitor:
        before = stage.subject
        other = tmp_path / "other"
        shutil.copy(PACKAGED, other)
        other.replace(file)
        visitor.text("clip")
        assert stage.subject is not before
        assert visitor.picture(visitor.view(canvas=[64, 64]))[1].any()
        file.write_bytes(b"nothing")
        assert "cannot be shown" in visitor.text("error")["message"]
        assert visitor.picture(visitor.view(canvas=[64, 64]))[1].any()
        file.unlink()
        assert f"{file} is gone" in visitor.text("error")["message"]
        assert visitor.picture(visitor.view(canvas=[64, 64]))[1].any()
        with visit(stage.url) as late:
            assert "is gone" in late.text("error")["message"]
        stage.subject.close()


def test_a_view_of_a_frame_that_the_new_clip_lacks_is_said(visitor: Visitor, subject: ClipSubject) -> None:
    subject.boxes = subject.boxes[:3]
    visitor.view(frame=20)
    assert "frame" in visitor.text("error")["message"]


def test_closing_leaves_no_threads_and_frees_the_port(video: Video) -> None:
    for _ in range(2):
        with Stage(Slow(video, 0.01), port=0) as stage, visit(stage.url) as visitor:
            visitor.view()
            visitor.view(moving=True)
            assert get(stage.url, "truth/0/0.jpg")[0] == 404, "looked for in a thread of its own"
            time.sleep(0.05)
        check_address("127.0.0.1", stage.port)
        end = time.monotonic() + 5  # who reads what was filmed is not waited for
        while (left := stage_threads()) and time.monotonic() < end:
            time.sleep(0.01)
        assert not left
    gc.collect()


def stage_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dymap-stage")]


def test_closing_tells_the_browsers(video: Video) -> None:
    with Stage(Lasting(video), port=0) as stage, visit(stage.url) as visitor:
        stage.close()
        with pytest.raises(ConnectionClosed) as raised:
            visitor.next()
        assert raised.value.rcvd is not None
        assert raised.value.rcvd.code == 1001


def test_closing_does_not_wait_for_browsers_that_read_nothing(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "GOODBYE", 0.2)
    with Stage(Lasting(video, "march"), port=0) as stage, contextlib.ExitStack() as opened:
        for _ in range(6):
            deaf = opened.enter_context(socket.create_connection(("127.0.0.1", stage.port)))
            head = (
                f"GET /socket HTTP/1.1\r\nHost: 127.0.0.1:{stage.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            )
            deaf.sendall(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {'A' * 22}==\r\n\r\n".encode())
        end = time.monotonic() + PATIENCE
        while stage.clients < 6:
            assert time.monotonic() < end
            time.sleep(0.01)
        for _ in range(200):
            stage.tell({"type": "clip", "large": "x" * 2**20})
        closing = threading.Thread(target=stage.close)
        closing.start()
        closing.join(PATIENCE)
        assert not closing.is_alive()


def test_what_is_told_at_the_end_is_whole_letters() -> None:
    assert server.cut("läuft " * 30, server.REASON).decode() == ("läuft " * 30)[:105]
    assert server.cut("\udc80", 9) == b"?"


def test_each_file_of_the_page_has_an_address(stage: Stage) -> None:
    """None of them lies where the server answers with something else."""
    for path, text in web_files().items():
        assert get(stage.url, path) == (200, text.encode()), path


def test_taken_ports_are_said(stage: Stage, subject: ClipSubject) -> None:
    with pytest.raises(InputError, match=f"127.0.0.1 port {stage.port} .*--port chooses another"):
        Stage(subject, port=stage.port)
    with pytest.raises(InputError, match=r"cannot listen on 203\.0\.113\.7 port 0"):
        Stage(subject, host="203.0.113.7", port=0)  # not an address of this machine
    with pytest.raises(InputError, match="--port 70000: expected a number from 0 to 65535"):
        Stage(subject, port=70000)


def test_missing_library_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(InputError, match=r"pip install 'dymap\[viewer\]'"):
        check_stage()


def test_waiting_ends_when_it_is_asked_to_or_closed(subject: ClipSubject) -> None:
    asked: list[int] = []
    with Stage(subject, port=0, settings=Settings(64), asked=lambda: bool(asked)) as stage:
        timer = threading.Timer(0.2, asked.append, [1])
        timer.start()
        stage.wait()
        timer.join()
    stage.wait()


def test_a_run_that_is_deleted_with_its_capture_while_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in memory is shown; what is not is said in a sentence, address by address."""
    monkeypatch.setattr(server, "LOOK", 0.05)
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    run = dymap.runs.sample(tmp_path / "dance", size=32, frames=2, views=4).folder
    trained = dymap.runs.train(run, tmp_path / "run", config=CONFIG, options={"capture.test_views": ()})
    dymap.runs.bake(trained.run)
    with open_stage(trained.run, port=0, renderer="march", threads=1) as stage, visit(stage.url) as visitor:
        assert visitor.picture(visitor.view())[1].shape == (32, 32, 3)
        assert get(stage.url, "truth/1/1.jpg")[0] == 200
        for folder in ("run", "dance", "cache"):
            shutil.rmtree(tmp_path / folder, ignore_errors=True)
        assert "video.dymap is gone" in visitor.text("error")["message"]
        assert visitor.picture(visitor.view(1))[1].shape == (32, 32, 3)
        assert get(stage.url, "clip.json")[0] == 200
        assert get(stage.url, "thumbnail/2.jpg")[0] == 200
        for path in ("truth/0/1.jpg", "truth/3/0.jpg"):
            status, said = get(stage.url, path)
            assert status in (200, 409)
            assert status == 200 or "\n" not in said.decode().strip()
        stage.subject.close()


def test_what_was_filmed_on_a_disk_that_is_gone_is_said(video: Video) -> None:
    def truth(frame: int, view: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), f"{frame} {view}")

    subject = Lasting(video, "march", open_truth=lambda: truth)
    with Stage(subject, port=0) as stage:
        said = get(stage.url, "truth/4/1.jpg")
        assert said == (409, b"what was filmed cannot be read any more (Input/output error)\n")
        assert get(stage.url, "thumbnail/4.jpg")[0] == 200, "drawn"
