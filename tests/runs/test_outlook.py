"""What a training takes is said before it starts, and what the machine does not have is warned of."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from dymap.capture import Capture, Source
from dymap.capture.layouts import READERS
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field, count_parameters
from dymap.presets import preset
from dymap.runs import RunFolder, configure, train
from dymap.runs.outlook import SAMPLE, Forecast, Need, existing, free_memory, look_ahead, need_of, warn_of_disks
from dymap.runs.sizes import bytes_text
from dymap.runs.trial import trial_seconds
from dymap.train.step import StepReport

CPU = torch.device("cpu")
HEAVY = configure(preset("zjumocap/313"), {"capture.train_views": (), "capture.test_views": ()})


def reports(seconds: float, first: int = 0) -> list[StepReport]:
    return [StepReport(first + step, {}, 20.0, 1e-3, 1024, seconds) for step in range(20)]


def test_days_are_said_before_anything_is_prepared(tiny: Capture, tmp_path: Path) -> None:
    """A preset that would take days here says so, and offers another; one of minutes says nothing of time."""
    config = configure(HEAVY, {"train.rays": 64, "train.steps": 10**9})  # not so slow that the test is
    with pytest.warns(UserWarning, match=r"a trial step took .* may take about \d+ days, or --preset small"):
        look_ahead(tiny.source, config, RunFolder(tmp_path / "run"), CPU, 1, [].append)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look_ahead(tiny.source, configure(preset("tiny"), {"train.steps": 5000}), RunFolder(tmp_path), CPU, 1, print)


def test_a_trial_leaves_random_numbers_as_they_were() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert trial_seconds(preset("tiny"), 2, CPU) > 0
    assert torch.equal(torch.rand(1), expected)


def needed(config: Config, capture: Capture) -> Need:
    need = need_of(config, capture.source)
    assert need is not None
    return need


@contextmanager
def without_fields() -> Iterator[None]:
    """No field can be made."""

    def fails(*_: Any) -> None:
        raise ValueError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dymap.runs.outlook.Field", fails)
        yield


def forecast(config: Config, seconds: float, minutes: float | None = None, first: int = 0) -> list[str]:
    """All that is said about steps of so many seconds, warnings marked."""
    said: list[str] = []
    listener = Forecast(config, said.append, minutes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for report in reports(seconds, first):
            listener(report)
    return said + [f"warning: {one.message}" for one in caught]


def test_need_is_counted(tiny: Capture) -> None:
    config = configure(preset("small"), {"train.keep_checkpoints": 2})
    need = needed(config, tiny)
    assert need.parameters == count_parameters(Field(config.field, torch.zeros(4, 2, 3)))
    assert need.checkpoints == 3 * 12 * need.parameters, "parameters and Adam's moments, one more while it is written"
    pixels = sum(camera.width * camera.height for camera in tiny.cameras)  # at half the size, as small asks for
    assert need.images == 4 * 4 * pixels
    more = needed(configure(config, {"train.rays": 2 * config.train.rays}), tiny)
    assert more.memory - need.memory == config.train.rays * config.train.hull_samples * SAMPLE
    assert needed(HEAVY, tiny).memory > 2**30


def test_need_is_told_and_compared_with_the_machine(
    tiny: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run = RunFolder(tmp_path / "run")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look_ahead(tiny.source, preset("tiny"), run, CPU, 1, said.append)
    assert "M parameters: about 0." in said[0]
    assert str(run.root) in said[0]
    monkeypatch.setattr("dymap.runs.outlook.free_memory", lambda _: 10**9)
    with pytest.warns(UserWarning, match=r"GB of memory, and 1\.0 GB are free: .*--preset small"):
        look_ahead(tiny.source, HEAVY, run, CPU, 2, said.append)
    assert "for each of 2 processes" in said[1]


def test_a_disk_that_is_too_small_is_told_once_for_all_that_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 10**9))
    with pytest.warns(UserWarning, match="the disk of") as caught:
        warn_of_disks(((tmp_path / "a" / "b", 2 * 10**9), (tmp_path / "c", 2 * 10**9)))
    assert [str(one.message) for one in caught] == [
        f"the disk of {tmp_path}/a/b has 3.0 GB free, and the training may need 4.0 GB there, unless its images are "
        "prepared already: take another --out or DYMAP_CACHE, or a smaller --ratio"
    ]
    assert existing(tmp_path / "a" / "b") == tmp_path


def test_days_are_told_after_the_first_step_and_something_lighter_is_offered() -> None:
    (told,) = forecast(HEAVY, 40.0)
    assert told.startswith("warning: a step takes 40 s here: the 200000 steps will take about 93 days")
    assert "--preset small" in told
    (told,) = forecast(HEAVY, 40.0, minutes=60)
    assert not told.startswith("warning"), "it ends after an hour"
    (told,) = forecast(HEAVY, 40.0, first=199_700)
    assert "steps will take about 3 hours" in told
    (told,) = forecast(configure(preset("small"), {"train.steps": 10**7}), 0.1)
    assert "about 12 days" in told
    assert "--preset" not in told, "it is small already"


def test_what_is_done_soon_is_not_announced() -> None:
    assert forecast(preset("small"), 0.07) == []


def test_free_memory_is_what_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (free_memory(CPU) or 2**40) > 2**20

    def missing(*_: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert (free_memory(CPU) or 2**40) > 2**20


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0.0 kB"), (1500, "1.5 kB"), (2 * 10**7, "20.0 MB"), (55 * 10**7, "0.6 GB")]
)
def test_bytes_in_words(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_views_that_are_not_there_are_told_and_not_taken_for_a_field_that_cannot_be(
    tiny: Capture, tmp_path: Path
) -> None:
    run, said = RunFolder(tmp_path / "run"), list[str]()
    with pytest.raises(InputError, match="view 9 does not exist"):
        look_ahead(tiny.source, configure(preset("tiny"), {"capture.test_views": (9,)}), run, CPU, 1, said.append)
    with without_fields():
        look_ahead(tiny.source, preset("tiny"), run, CPU, 1, said.append)
    assert said == []


def test_a_training_reads_its_capture_once(tiny: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked, examined, foreseen and prepared: from one reading of the annotations."""
    (reader,), count = {READERS[tiny.source.layout]}, 0

    def read(root: Path, options: Any) -> Source:
        nonlocal count
        count += 1
        return reader_read(root, options)

    reader_read = reader.read
    monkeypatch.setattr(reader, "read", read)
    options = {"train.steps": 1, "train.rays": 16, "field.width": 32, "field.plane_size": 16, "field.map_size": 4}
    train(tiny.source.root, tmp_path / "run", preset="tiny", options=options)
    assert count == 1
    train(out=tmp_path / "run", options={"train.steps": 2})
    assert count == 2
