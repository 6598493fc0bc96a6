"""Long work in a log file: a line at the first step, one a minute, and one at the last."""

from __future__ import annotations

from pathlib import Path

import pytest

from dymap.cli.progress import Lines, progress_bar
from tests.cli.conftest import Run, train_arguments


class Log:
    """Lines that a bar shows, at times that the test says."""

    def __init__(self, every: float):
        self.now = 0.0
        self.text: list[str] = []
        self.bar = Lines("train", every, self.text.append, lambda: self.now)

    def at(self, now: float, done: int, note: str = "") -> None:
        self.now = now
        self.bar(done, 100, note)


def test_first_and_last_step_and_one_line_an_interval() -> None:
    log = Log(every=60)
    for second in range(1, 101):
        log.at(2.0 * second, second, f"losses: colour {1 / second:.2g}")
    assert log.text == [
        "train: 1 of 100, losses: colour 1",
        "train: 31 of 100, 2.0 s each, 0:02:18 left, losses: colour 0.032",
        "train: 61 of 100, 2.0 s each, 0:01:18 left, losses: colour 0.016",
        "train: 91 of 100, 2.0 s each, 0:00:18 left, losses: colour 0.011",
        "train: 100 of 100, 2.0 s each, losses: colour 0.01",
    ]


def test_rate_is_that_of_the_last_interval() -> None:
    log = Log(every=10)
    for now, done in ((0, 1), (10, 11), (20, 51)):
        log.at(now, done)
    assert log.text[1:] == ["train: 11 of 100, 1.0/s, 0:01:29 left", "train: 51 of 100, 4.0/s, 0:00:12 left"]


def test_short_work_has_one_line_or_two() -> None:
    log = Log(every=60)
    log.at(0, 100)
    log.at(1, 100)
    assert log.text == ["train: 100 of 100"], "the end is said once"
    log = Log(every=60)
    for done in (3, 50, 100):
        log.at(0.0, done)
    assert log.text == ["train: 3 of 100", "train: 100 of 100"], "no time has passed: no rate"


def test_bars_of_commands_are_lines_if_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("bake") as update:
        for done in range(1, 4):
            update(done, 3)
    first, last = capsys.readouterr().out.splitlines()
    assert first == "bake: 1 of 3"
    assert last.startswith("bake: 3 of 3")


def test_training_says_losses_in_a_log(dymap: Run, sample: Path, tmp_path: Path) -> None:

    said = dymap(*train_arguments(sample, tmp_path, "--steps", 3))
    assert said.code == 0
    assert "train: 1 of 3, PSNR" in said.out
    assert "train: 3 of 3, " in said.out
    assert "k rays/s; losses: " in said.out
    assert "colour " in said.out.split("train: 3 of 3")[1]
