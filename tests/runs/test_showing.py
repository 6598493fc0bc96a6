"""A run that is shown while it trains, or in a notebook."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

import dymap
from dymap.errors import InputError
from dymap.runs import notebook, showing
from dymap.runs.demonstration import PACKAGED
from tests.runs.test_runs import CONFIG
from tests.stage.visitor import get, visit


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dymap.runs.sample(tmp_path_factory.mktemp("sample") / "dance", size=32, frames=2, views=6).folder


def test_a_training_is_seen_from_its_newest_state(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its steps and its loss; what was filmed is at hand; the end is told."""
    monkeypatch.setattr(showing, "INTERVAL", 0.1)
    said: list[str] = []
    ready, trained = threading.Event(), []

    def say(text: str) -> None:
        said.append(text)
        if "open http" in text:
            ready.set()

    def train() -> None:
        options = {"train.steps": 100000, "train.checkpoint_every": 100000, "train.preview_every": 100000}
        trained.append(
            dymap.runs.train(
                sample, tmp_path / "run", config=CONFIG, options=options, minutes=0.2, view=("127.0.0.1", 0), say=say
            )
        )

    training = threading.Thread(target=train)
    training.start()
    assert ready.wait(60)
    url = re.findall(r"open (http\S+/);", " ".join(said))[0]
    states: list[dict[str, Any]] = []
    with visit(url) as visitor:
        assert visitor.clip["training"]
        assert visitor.clip["capture"]
        assert visitor.picture(visitor.view(0))[1].shape == (32, 32, 3)
        for layer in ("depth", "occupancy"):
            assert visitor.picture(visitor.view(3, frame=1, layer=layer))[1].any()
        states = [visitor.text("training") for _ in range(3)]
        assert visitor.picture(visitor.view(2, frame=1))[1].shape == (32, 32, 3)
        assert get(url, "truth/2/1.jpg")[0] == 200
        assert json.loads(get(url, "clip.json")[1])["step"] >= states[-1]["step"]
        assert get(url, "film", "POST", {})[0] == 400

        def until_it_ends() -> None:
            while True:
                head, _ = visitor.next()
                if head["type"] == "training":
                    states.append(head)

        with pytest.raises(ConnectionClosed, match="training has ended"):
            until_it_ends()
    training.join(60)
    steps = [state["step"] for state in states]
    assert steps == sorted(steps)
    assert states[0]["steps"] == 100000
    assert states[0]["loss"] > 0
    assert (states[0]["training"], states[-1]["training"]) == (True, False)
    assert states[-1]["step"] == trained[0].done


def test_nothing_is_copied_for_nobody(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def copy(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(showing.TrainingSubject, "copy", copy)
    trained = dymap.runs.train(sample, tmp_path / "run", config=CONFIG, view=("127.0.0.1", 0))
    assert trained.finished


def test_segments_are_not_shown(tmp_path: Path) -> None:
    longer = dymap.runs.sample(tmp_path / "dance", size=32, frames=9, views=6).folder
    options = {"train.segment": 4}
    with pytest.raises(InputError, match="--view shows one field"):
        dymap.runs.train(longer, tmp_path / "run", config=CONFIG, options=options, view=("127.0.0.1", 0), check=False)
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.fixture
def shown() -> Iterator[notebook.Shown]:
    shown = dymap.show(PACKAGED, 300, 200, renderer="march", threads=1)
    yield shown
    shown.close()


def test_a_notebook_shows_the_page_of_its_own_process(shown: notebook.Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", *notebook.ELSEWHERE):
        monkeypatch.delenv(name, raising=False)
    assert f'<iframe src="{shown.url}" width="300" height="200"' in shown._repr_html_()
    assert get(shown.url, "clip.json")[0] == 200
    assert dymap.show(PACKAGED, renderer="march", threads=1) is shown, "a cell that runs again opens nothing new"
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.7 22")
    assert "iframe" not in shown._repr_html_()
    assert "ssh -L" in shown._repr_html_()
    shown.close()
    again = dymap.show(PACKAGED, renderer="march", threads=1)
    assert again is not shown
    again.close()


def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        dymap.show(tmp_path / "none")
