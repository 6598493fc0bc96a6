"""Several browsers at once: each has its own, and slow and noisy ones hold up nobody."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from dymap.kernels import BLOCK
from dymap.play.video import Video
from dymap.stage import server
from dymap.stage.server import Stage
from tests.stage.subjects import Gated, Slow
from tests.stage.visitor import PATIENCE, Visitor, psnr, visit


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


def test_a_move_ends_the_full_picture_that_is_being_drawn(video: Video) -> None:
    subject = Slow(video, 3600)
    with Stage(subject, port=0) as stage, visit(stage.url) as visitor:
        visitor.view(0)
        while not subject.begun:
            time.sleep(0.01)
        subject.seconds = 0.05
        head, _ = visitor.picture(visitor.view(1, moving=True))
        assert head["kind"] == "draft"


@pytest.mark.parametrize("kept", [False, True])
def test_who_comes_has_a_draft_before_a_large_picture_of_somebody_else_is_done(video: Video, kept: bool) -> None:
    """After the band that is being drawn, not after the picture; and that is what it would have been."""
    subject = Gated(video)
    large = {"canvas": [128, 4 * BLOCK], "frame": 2}
    with Stage(subject, port=0) as stage, visit(stage.url) as one, visit(stage.url) as other:
        if kept:
            one.send(one.message(3) | large | {"type": "capture", "id": 7})
        else:
            one.view(3, **large)
        assert subject.until(1) == [(128, (0, BLOCK))]
        other.view(5, moving=True, canvas=[64, 64])
        until_asked(stage, 1)
        begun = subject.until(1)
        while all(width == 128 for width, _ in begun):
            subject.let()
            begun = subject.until(len(begun) + 1)
        assert begun[-1] == (32, (0, 32)), "a draft of half the side"
        assert len(begun) <= 3, "the band that was begun may give way to it, and is begun again"
        subject.let(100)
        assert other.picture()[0]["kind"] == "draft"
        head, picture = one.picture()
        assert (head["kind"], head["width"]) == ("capture" if kept else "full", 128)
        expected = video.render(video.cameras[3].fitted(128, 4 * BLOCK), 2).numpy()
        if kept:
            np.testing.assert_array_equal(picture, expected)
        else:
            assert psnr(picture, expected) > 33


def test_bands_and_drafts_of_others_alternate(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much somebody moves, a full picture of somebody else comes to its end."""
    monkeypatch.setattr("dymap.stage.painting.SLICE", 0.0)  # all bands are low, however quick this machine is
    subject = Gated(video)
    with Stage(subject, port=0) as stage, visit(stage.url) as one, visit(stage.url) as other:
        one.view(3, canvas=[128, 4 * BLOCK])
        subject.until(1)
        for count in (2, 4, 6):
            other.view(5, moving=True, canvas=[64, 64])
            until_asked(stage, 1)
            subject.let()
            subject.until(count)
            subject.let()
            assert other.picture()[0]["kind"] == "draft"
            subject.until(count + 1)
        subject.let(100)
        assert one.picture()[0]["kind"] == "full"
        assert [width == 128 for width, _ in subject.begun] == [True, False, True, False, True, False, True]


def until_asked(stage: Stage, client: int) -> None:
    """Until the desk knows what a client wants."""
    end = time.monotonic() + PATIENCE
    while stage._desk._places[client].due == math.inf:
        assert time.monotonic() < end
        time.sleep(0.005)


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
        ended = threading.Event()

        def flood() -> None:
            with contextlib.suppress(ConnectionClosed):
                while not ended.is_set():
                    noisy.send(text)

        sender = threading.Thread(target=flood, daemon=True)
        sender.start()
        for _ in range(5):
            calm.picture(calm.view(moving=True))
        assert sender.is_alive(), "in its midst"
        ended.set()


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
