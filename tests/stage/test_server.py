"""The stage's server: pictures, several browsers, slow ones and noisy ones, faults, the end."""

from __future__ import annotations

import gc
import json
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from dymap.errors import InputError
from dymap.kernels import Cancel
from dymap.play.video import Video
from dymap.render.image import Cancelled, Image
from dymap.runs.demonstration import PACKAGED
from dymap.runs.viewing import check_stage, open_stage
from dymap.stage import server
from dymap.stage.address import check_address
from dymap.stage.server import Settings, Stage
from dymap.stage.subject import ClipSubject
from tests.stage.conftest import Lasting
from tests.stage.visitor import SIDE, Visitor, get, psnr, visit


def test_a_resting_view_gets_the_picture_that_the_renderer_makes(visitor: Visitor, video: Video) -> None:
    for camera, frame in ((0, 0), (8, 5)):
        number = visitor.view(camera, frame=frame)
        head, picture = visitor.picture(number, "full")
        assert (head["width"], head["height"], head["frame"], head["alpha"]) == (SIDE, SIDE, frame, False)
        assert psnr(picture, video.render(video.cameras[camera], frame).numpy()) > 33
        assert min(head[key] for key in ("queue", "render", "encode")) >= 0


def test_moving_views_get_drafts_whose_size_follows_from_their_time(visitor: Visitor) -> None:
    sizes = []
    for _ in range(30):
        head, picture = visitor.picture(visitor.view(canvas=[512, 512], moving=True))
        assert head["kind"] == "draft"
        assert picture.shape[:2] == (head["height"], head["width"])
        sizes.append(head["width"])
    assert len(set(sizes)) > 1
    assert visitor.picture(visitor.view(canvas=[512, 512]))[0]["width"] == 512


def test_layers_and_backgrounds(visitor: Visitor, video: Video) -> None:
    image = video.render(video.cameras[0], 0, background="transparent")
    white = visitor.picture(visitor.view(background=[1, 1, 1]))[1]
    assert psnr(white, video.render(video.cameras[0], 0, background="white").numpy()) > 33
    opacity = visitor.picture(visitor.view(layer="opacity"))[1]
    assert np.abs(opacity[..., 0] / 255 - image.acc.numpy()).mean() < 0.02
    head, both = visitor.picture(visitor.view(background=None))
    assert head["alpha"]
    assert both.shape == (SIDE, 2 * SIDE, 3)
    assert np.abs(both[:, SIDE:, 0] / 255 - image.acc.numpy()).mean() < 0.03
    depth, blocks = (visitor.picture(visitor.view(layer=layer))[1] for layer in ("depth", "occupancy"))
    solid = image.acc.numpy() > 0.9
    assert depth[solid].max(axis=-1).min() > 40
    assert (blocks[solid].max(axis=-1) > 40).mean() > 0.99, "what is seen is occupied"
    brighter = visitor.picture(visitor.view(exposure=1.0))[1]
    assert brighter[solid].mean() > 1.2 * opacity[solid].mean() * white[solid].mean() / 255


def test_while_the_clip_plays_a_frame_that_was_made_ahead_stands_for_its_neighbour(
    subject: ClipSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = {0, 1}
    monkeypatch.setattr(subject, "ready", lambda frame: frame in ready)
    monkeypatch.setattr(subject, "ahead", ready.add)
    with Stage(subject, port=0) as stage, visit(stage.url) as visitor:
        shown = [visitor.picture(visitor.view(frame=k, moving=True))[0]["frame"] for k in (0, 2, 5, 7)]
        assert shown == [0, 2, 4, 8], "after 2 in steps of 2 comes 4, after 5 in steps of 3 comes 8"
        head, _ = visitor.picture(visitor.view(frame=12))
        assert head["frame"] == 12, "at rest it is the one that was asked for"


def test_a_picture_to_keep_is_exact(visitor: Visitor, video: Video) -> None:
    visitor.send(visitor.message(3) | {"type": "capture", "id": 50, "frame": 2})
    head, picture = visitor.picture(50)
    assert (head["kind"], head["mime"]) == ("capture", "image/png")
    assert np.abs(picture.astype(int) - video.render(video.cameras[3], 2).numpy()).max() <= 1
    visitor.send(visitor.message(3) | {"type": "capture", "id": 51, "background": None})
    assert visitor.picture(51)[1].shape == (SIDE, SIDE, 4)


def test_what_the_page_is_told_of_the_clip(stage: Stage, video: Video) -> None:
    clip = json.loads(get(stage.url, "clip.json")[1])
    assert (clip["name"], clip["frames"], clip["fps"]) == (video.name, video.num_frames, video.fps)
    np.testing.assert_allclose(np.reshape(clip["boxes"], (-1, 2, 3)), video.boxes.numpy(), atol=1e-6)
    assert len(clip["box"]) == 6
    seen = clip["cameras"][2]
    np.testing.assert_allclose(np.reshape(seen["R"], (3, 3)), video.cameras[2].R)
    assert (seen["width"], seen["height"], seen["test"]) == (SIDE, SIDE, 2 in video.baked.test_views)
    np.testing.assert_allclose(clip["up"], (0, 0, 1), atol=1e-6)
    assert (clip["capture"], clip["training"], clip["film"]) == (False, False, True)
    assert get(stage.url, "poster.jpg")[1][:2] == b"\xff\xd8"


def test_thumbnails_are_drawn_where_nothing_filmed_is_at_hand(stage: Stage, video: Video) -> None:
    status, data = get(stage.url, "thumbnail/1.jpg")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert status == 200
    assert picture is not None
    assert psnr(picture[..., ::-1], video.render(video.cameras[1], 0).numpy()) > 33
    for view in ("99", "-1", "01", "x", "9" * 20):
        assert get(stage.url, f"thumbnail/{view}.jpg")[0] == 404
    assert get(stage.url, "truth/0/0.jpg")[0] == 404


def test_what_was_filmed_is_shown_as_it_is_compared(video: Video) -> None:
    filmed = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)
    filmed = cv2.resize(filmed[:8, :8], (SIDE, SIDE))

    def truth(frame: int, view: int) -> Any:
        if frame == 3:
            raise InputError("the capture is another one")
        return filmed if (frame, view) == (1, 4) else None

    subject = Lasting(video, "march", open_truth=lambda: truth)
    with Stage(subject, port=0) as stage:
        assert json.loads(get(stage.url, "clip.json")[1])["capture"]
        status, data = get(stage.url, "truth/4/1.jpg")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert status == 200
        assert picture is not None
        assert psnr(picture[..., ::-1], filmed) > 33
        small = cv2.imdecode(np.frombuffer(get(stage.url, "truth/4/1.jpg?width=24")[1], np.uint8), 1)
        assert small is not None
        assert small.shape == (24, 24, 3)
        assert get(stage.url, "truth/4/2.jpg")[0] == 404
        status, said = get(stage.url, "truth/4/3.jpg")
        assert (status, said) == (409, b"the capture is another one\n")
        for path in ("truth/4/99.jpg", "truth/99/0.jpg", "truth/4/1.jpg?width=0", "truth/4/1.jpg?width=1e9"):
            assert get(stage.url, path)[0] in (400, 404)


def test_browsers_have_their_own_pictures_and_are_forgotten(stage: Stage, video: Video) -> None:
    with visit(stage.url) as one, visit(stage.url) as other:
        one.view(0)
        other.view(8, frame=7)
        assert psnr(one.picture()[1], video.render(video.cameras[0]).numpy()) > 33
        assert psnr(other.picture()[1], video.render(video.cameras[8], 7).numpy()) > 33
        assert stage.clients == 2
    end = time.monotonic() + 10
    while stage.clients or len(stage._desk):
        assert time.monotonic() < end
        time.sleep(0.01)


class Slow(Lasting):
    """Takes its time, unless it is cancelled."""

    def __init__(self, video: Video, seconds: float):
        super().__init__(video, "march")
        self.seconds, self.begun, self.ended = seconds, 0, 0

    def render(self, camera: Any, frame: int, cancel: Cancel | None = None) -> Image:
        self.begun += 1
        end = time.monotonic() + self.seconds * camera.width / SIDE
        while time.monotonic() < end:
            if cancel is not None and cancel.cancelled:
                raise Cancelled
            time.sleep(0.002)
        self.ended += 1
        return super().render(camera, frame, cancel)


def test_a_move_ends_the_full_picture_that_is_being_drawn(video: Video) -> None:
    subject = Slow(video, 20)
    with Stage(subject, port=0) as stage, visit(stage.url) as visitor:
        visitor.view(0)
        while not subject.begun:
            time.sleep(0.01)
        subject.seconds = 0.05
        started = time.monotonic()
        head, _ = visitor.picture(visitor.view(1, moving=True))
        assert head["kind"] == "draft"
        assert time.monotonic() - started < 5


def test_a_slow_browser_drops_pictures_and_the_others_do_not_wait(stage: Stage) -> None:
    with visit(stage.url) as slow, visit(stage.url) as quick:
        slow.acknowledges = False
        for _ in range(10):
            slow.view(moving=True)
            assert quick.picture(quick.view(moving=True))[0]["kind"] == "draft"
        numbers = [slow.next()[0]["id"], slow.next()[0]["id"]]
        with pytest.raises(TimeoutError):
            slow.next(timeout=0.3)
        slow.send({"type": "got", "id": numbers[-1]})
        assert slow.next()[0]["id"] == 10, "the newest"


def test_a_flood_slows_its_sender_only(stage: Stage) -> None:
    with visit(stage.url) as noisy, visit(stage.url) as calm:
        text = json.dumps(noisy.message() | {"moving": True, "canvas": [16, 16]})
        flood = threading.Thread(target=lambda: [noisy.send(text) for _ in range(4000)], daemon=True)
        flood.start()
        times = []
        for _ in range(5):
            started = time.monotonic()
            calm.picture(calm.view(moving=True))
            times.append(time.monotonic() - started)
        assert sorted(times)[2] < 2


@pytest.mark.parametrize("sent", ["text", b"\xff" * 100, "[" * 60000, '{"type":"view"}', "x" * 70000])
def test_who_says_nonsense_is_told_so_and_the_next_view_is_drawn(
    visitor: Visitor, sent: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    visitor.send(sent)
    said = visitor.text("error")
    assert not said["fatal"]
    assert len(said["message"]) < 250
    assert visitor.picture(visitor.view())[1].any()
    assert capfd.readouterr() == ("", "")


def test_who_goes_on_with_it_is_sent_away(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    def say(texts: list[str]) -> None:
        with visit(stage.url) as visitor:
            for text in texts:
                visitor.send(text)
            while True:
                visitor.next()

    with pytest.raises(ConnectionClosed) as raised:
        say(["nonsense"] * 30)
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1008
    with pytest.raises(ConnectionClosed):
        say(["x" * 25_000_000])
    assert capfd.readouterr() == ("", "")


def test_more_browsers_than_can_be_served_are_told_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLIENTS", 1)
    with visit(stage.url), visit(stage.url) as late:
        assert late.text("error")["fatal"]


@pytest.mark.filterwarnings("ignore:a picture could not be drawn:RuntimeWarning")
def test_one_fault_is_told_and_does_not_last(
    visitor: Visitor, subject: ClipSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(subject, "render", broken)
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
