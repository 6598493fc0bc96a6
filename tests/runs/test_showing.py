"""A run that is shown while it trains: one field, or the segments of a long clip; how its end is told."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from websockets.exceptions import ConnectionClosed

import dymap
from dymap.capture import Capture
from dymap.errors import InputError
from dymap.runs import RunFolder, configure, learning, showing, showing_segments, training_process
from dymap.runs.bars import no_bars
from dymap.runs.captures import open_prepared
from dymap.runs.hulls import carve_hulls
from dymap.runs.learning import LearningSubject, ending
from dymap.runs.segments import segments_of
from dymap.runs.showing_segments import SegmentStates
from dymap.stage.server import REASON
from dymap.train.checkpoint import read_newest
from dymap.train.step import NotFiniteError
from tests.runs.test_runs import CONFIG
from tests.stage.visitor import Visitor, get, visit

ENDLESS = {"train.steps": 100000, "train.checkpoint_every": 100000, "train.preview_every": 100000}
CLIP, STEPS = 8, 6
PROCESSES = 300.0
"""Seconds after which processes that should train are missed."""
IN_SEGMENTS = configure(
    CONFIG, {"train.segment": 4, "train.common": 0.5, "train.steps": STEPS, "train.checkpoint_every": 2}
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dymap.runs.sample(tmp_path_factory.mktemp("sample") / "dance", size=32, frames=2, views=6).folder


@pytest.fixture(scope="module")
def long_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two segments, which overlap."""
    return dymap.runs.sample(tmp_path_factory.mktemp("long") / "dance", size=32, frames=CLIP, views=6).folder


Look = Callable[[str, Visitor], None]
"""What a visitor does at an address while the training goes on."""


class Watched:
    """A training in this thread, at which a visitor looks from another, who then presses Ctrl-C.

    trained: what came of it. states: what the visitor was told of the training; reason: why the connection ended.
    """

    def __init__(self, data: Path, out: Path, options: Mapping[str, Any], look: Look, **more: Any):
        self.states, self.reason = list[dict[str, Any]](), ""
        self._look, self._faults, self._thread = look, list[BaseException](), threading.Thread()
        try:
            self.trained = dymap.runs.train(
                data, out, options=options, view=("127.0.0.1", 0), say=self._say, check=False, **more
            )
        finally:
            self._thread.join()
            if self._faults:
                raise self._faults[0]

    def _say(self, text: str) -> None:
        if found := re.search(r"open (http\S+/);", text):
            self._thread = threading.Thread(target=self._visit, args=(found[1],))
            self._thread.start()

    def _visit(self, url: str) -> None:
        try:
            with visit(url) as visitor:
                try:
                    self._look(url, visitor)
                finally:
                    signal.raise_signal(signal.SIGINT)
                self.states, self.reason = until_it_ends(visitor)
        except BaseException as fault:
            self._faults.append(fault)


def until_it_ends(visitor: Visitor) -> tuple[list[dict[str, Any]], str]:
    """What is told of the training, and why the connection ends."""

    def listen() -> None:
        while True:
            visitor.next()

    with pytest.raises(ConnectionClosed) as raised:
        listen()
    assert raised.value.rcvd is not None
    return [one for one in visitor.said if one["type"] == "training"], raised.value.rcvd.reason


def test_a_training_is_seen_from_its_newest_state(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its steps and its loss; what was filmed is at hand; that it was interrupted is told."""
    monkeypatch.setattr(showing, "INTERVAL", 0.1)

    def look(url: str, visitor: Visitor) -> None:
        assert visitor.clip["training"]
        assert visitor.clip["capture"]
        assert visitor.picture(visitor.view(0))[1].shape == (32, 32, 3)
        for layer in ("depth", "occupancy"):
            assert visitor.picture(visitor.view(3, frame=1, layer=layer))[1].any()
        for _ in range(3):
            state = visitor.text("training")
        assert visitor.picture(visitor.view(2, frame=1))[1].shape == (32, 32, 3)
        assert get(url, "truth/2/1.jpg")[0] == 200
        assert json.loads(get(url, "clip.json")[1])["step"] >= state["step"]
        assert get(url, "film", "POST", {})[0] == 400

    seen = Watched(sample, tmp_path / "run", ENDLESS, look, config=CONFIG)
    steps = [state["step"] for state in seen.states]
    assert steps == sorted(steps)
    assert seen.states[0]["steps"] == 100000
    assert seen.states[0]["loss"] > 0
    assert [seen.states[k]["training"] for k in (0, -1)] == [True, False]
    assert seen.states[0]["ended"] == ""
    assert seen.states[-1]["ended"] == seen.reason
    how = f"was interrupted at step {seen.trained.done} of 100000"
    assert seen.reason == f"The training {how}; dymap train --out run goes on"
    assert steps[-1] == seen.trained.done


def test_nothing_is_copied_for_nobody(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(showing.FieldCopies, "copy", copy)
    trained = dymap.runs.train(sample, tmp_path / "run", config=CONFIG, view=("127.0.0.1", 0))
    assert trained.finished


def test_a_training_that_fails_is_told_as_such(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[list[dict[str, Any]], str]] = []

    def fail(*_: object, **__: object) -> int:
        raise NotFiniteError("the loss is not finite")

    @contextmanager
    def looked_at(*given: Any) -> Iterator[showing.Showing]:
        with real(*given) as shown:
            visitor = opened.enter_context(visit(shown._stage.url))
            listening = threading.Thread(target=lambda: told.append(until_it_ends(visitor)))
            listening.start()
            opened.callback(listening.join)
            yield shown

    real, opened = training_process.showing, ExitStack()
    monkeypatch.setattr(training_process, "run_training", fail)
    monkeypatch.setattr(training_process, "showing", looked_at)
    with opened, pytest.raises(NotFiniteError):
        dymap.runs.train(sample, tmp_path / "run", config=CONFIG, view=("127.0.0.1", 0))
    ((states, reason),) = told
    assert states[-1]["ended"] == reason == learning.FAILED


def test_how_a_training_has_ended_is_said_in_one_sentence_that_fits() -> None:
    for name in ("run", "the run", "x" * 300, "läufe" * 20, "\udc80"):
        run = RunFolder(Path("somewhere") / name)
        said = [ending(run, 10**6, 10**6, False), ending(run, 5, 10**6, True), ending(run, 10**6 - 1, 10**6, False)]
        for text, part in zip(said, ("has ended; dymap bake", "was interrupted at step 5", "its minutes"), strict=True):
            assert part in text
            assert len(text.encode(errors="replace")) <= REASON
    assert "dymap bake run," in ending(RunFolder(Path("run")), 1, 1, True), "who ends it at the last step has it all"


def test_the_segments_of_a_clip_are_seen_as_one_clip(
    long_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing_segments, "INTERVAL", 0.1)

    def look(_: str, visitor: Visitor) -> None:
        assert (visitor.clip["training"], visitor.clip["frames"]) == (True, CLIP)
        for frame in (0, 4, 7):
            assert visitor.picture(visitor.view(2, frame=frame))[1].shape == (32, 32, 3)
        end = time.monotonic() + PROCESSES
        while not any(tmp_path.glob("run/segments/001/checkpoints/step-*")):
            assert time.monotonic() < end
            time.sleep(0.05)
        for frame in (0, 4, 7):
            assert visitor.picture(visitor.view(2, frame=frame))[1].any()

    options = ENDLESS | {"train.common": 0, "train.checkpoint_every": 5}
    more = {"config": IN_SEGMENTS, "only_segments": [1], "threads": 1}
    seen = Watched(long_sample, tmp_path / "run", options, look, **more)
    assert (seen.trained.segments, seen.states[-1]["training"]) == (2, False)
    assert seen.states[-1]["steps"] == 100000
    assert seen.reason.startswith(f"The training was interrupted at step {seen.trained.done} of 100000; ")
    assert seen.trained.done >= 5


@pytest.mark.parametrize(
    ("view", "sentence"),
    [("127.0.0.1:8080", "view is '127.0.0.1:8080', expected host and port"), (("127.0.0.1", "8080"), "expected host"),
     (True, "view is True"), (("127.0.0.1",), "expected host"), (("127.0.0.1", True), "expected host"),
     (("127.0.0.1", 70000), "--port 70000"), (("203.0.113.7", 0), "cannot listen on 203.0.113.7"),
     (("no such name", 0), "cannot listen on no such name")],
)  # fmt: skip
def test_where_it_cannot_be_shown_is_said_before_anything_is_prepared(
    sample: Path, tmp_path: Path, view: Any, sentence: str
) -> None:
    with pytest.raises(InputError) as raised:
        dymap.runs.train(sample, tmp_path / "run", config=CONFIG, view=view)
    assert sentence in str(raised.value)
    assert not (tmp_path / "run").exists()


def test_a_training_goes_on_if_there_is_no_memory_to_show_it(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(showing.FieldCopies, "copy", full)

    def look(_: str, visitor: Visitor) -> None:
        assert "CUDA out of memory" in visitor.text("error")["message"]
        assert visitor.picture(visitor.view(0))[1].any()

    assert Watched(sample, tmp_path / "run", ENDLESS, look, config=CONFIG).trained.done > 0


@pytest.fixture(scope="module")
def half(long_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which the second segment is trained."""
    out = tmp_path_factory.mktemp("runs") / "half"
    return dymap.runs.train(long_sample, out, config=IN_SEGMENTS, only_segments=[1], threads=1).run


@pytest.fixture(scope="module")
def capture(long_sample: Path) -> Capture:
    capture = open_prepared(long_sample, IN_SEGMENTS.capture, no_bars)
    carve_hulls(capture, IN_SEGMENTS.train, no_bars)
    return capture


def states_of(run: RunFolder, capture: Capture) -> SegmentStates:
    return SegmentStates(run, IN_SEGMENTS, segments_of(run, IN_SEGMENTS, CLIP), capture, torch.device("cpu"))


def test_what_a_frame_shows_is_the_newest_of_its_segments_or_of_the_common_start(
    half: Path, capture: Capture, tmp_path: Path
) -> None:
    def learned(folder: Path) -> torch.Tensor:
        found = read_newest(folder)
        assert found is not None
        return found.tensors["field.codes.weight"]

    run = RunFolder(half)
    states = states_of(run, capture)
    assert states.take()
    assert not states.take()
    spans = [one.span for one in segments_of(run, IN_SEGMENTS, CLIP)]
    for frame in range(CLIP):
        (seen,) = states.seen(frame)
        own = frame >= spans[1].first
        folder = run.segment(1) if own else run.common
        assert (seen.frame, seen.weight) == (frame - spans[1].first if own else frame, 1.0)
        assert torch.equal(seen.field.codes.weight, learned(folder.checkpoints))
        subject = LearningSubject(capture, IN_SEGMENTS, states, 0, 1)
        assert subject.renderer(frame).render(capture.cameras[0]).hit.any()
    both = RunFolder(tmp_path)
    for number in (0, 1):
        both.segment(number).root.parent.mkdir(parents=True, exist_ok=True)
        both.segment(number).root.symlink_to(run.segment(1).root)
    mixed = states_of(both, capture)
    mixed.take()
    first, second = mixed.seen(spans[1].first)
    assert (first.frame, second.frame) == (spans[1].first, 0)
    assert first.weight + second.weight == pytest.approx(1)


def test_before_there_is_a_checkpoint_something_is_shown_and_a_damaged_one_is_said(
    half: Path, capture: Capture, tmp_path: Path
) -> None:
    nothing = states_of(RunFolder(tmp_path / "nothing"), capture)
    nothing.take()
    assert nothing.seen(5)[0].field.num_frames == CLIP
    run = RunFolder(tmp_path / "run")
    folder = run.segment(1).checkpoints
    folder.mkdir(parents=True)
    (newest,) = sorted(RunFolder(half).segment(1).checkpoints.glob("*.safetensors"))[-1:]
    (folder / newest.name).write_bytes(newest.read_bytes()[:-100])
    damaged = states_of(run, capture)
    damaged.take()
    with pytest.raises(InputError, match="damaged"):
        damaged.seen(CLIP - 1)
    (folder / newest.name).unlink()
    with pytest.raises(InputError, match="removed while they were shown"):
        damaged.seen(CLIP - 1)
