"""Runs go on with what they remember, get longer, and know their capture again when it was moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from dymap.files import read_json, write_json
from dymap.play.video import load
from dymap.runs import RunFolder
from dymap.runs.captures import compare
from dymap.train.checkpoint import checkpoints
from tests.cli.conftest import Run, train_arguments

LAST = Path("checkpoints/step-0000004.safetensors")


@pytest.fixture
def moved(sample: Path, tmp_path: Path) -> Path:
    """The sample in another place."""
    return shutil.copytree(sample, tmp_path / "disk" / "elsewhere")


@pytest.fixture
def other(sample: Path, tmp_path: Path) -> Path:
    """A capture with a camera that stands 1 cm away from where the sample's does."""
    root = shutil.copytree(sample, tmp_path / "other")
    data = np.load(root / "annots.npy", allow_pickle=True).item()
    data["cams"]["T"][2] = np.asarray(data["cams"]["T"][2]) + 10
    np.save(root / "annots.npy", np.array(data, dtype=object), allow_pickle=True)
    return root


def forget(run: Path, source: Path, *files: str) -> Path:
    """A copy of a run whose capture is gone, without some of its files."""
    copy = shutil.copytree(run, source.parent / run.name)
    record = read_json(copy / "config.json")
    write_json(copy / "config.json", record | {"data": str(source.parent / "gone")})
    for file in files:
        (copy / file).unlink()
    return copy


def test_the_folder_of_a_run_is_enough_to_go_on(dymap: Run, sample: Path, trained: Path, tmp_path: Path) -> None:
    """With its preset, its options, its capture: the same field as in one go."""
    run = tmp_path / "run"
    assert dymap(*train_arguments(sample, run, "--steps", 4, "--minutes", 0)).code == 0
    assert f"dymap train --out {run}" in dymap("info", run).out
    said = dymap("train", "--out", run)
    assert "trained 4 of 4 steps" in said.out
    assert (run / LAST).read_bytes() == (trained / LAST).read_bytes()
    for name in ("config.json", "capture.json"):
        assert (run / name).read_bytes() == (trained / name).read_bytes()


def test_what_is_typed_again_may_be_less_but_not_other(dymap: Run, sample: Path, trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    assert dymap("train", "--data", sample, "--out", run, "--test-views", 1, 4, "--unit", "mm").code == 0
    for words, told in (
        (("--test-views", 1), "begun with --test-views 1 4, and not with --test-views 1;"),
        (("--unit", "m"), "begun with no --unit, and not with --unit m;"),
        (("--field.hash.levels", 5), "begun with --field.hash.levels 4, and not with --field.hash.levels 5;"),
        (("--train.no-use-masks",), "begun with --train.use-masks, and not with --train.no-use-masks;"),
        (("--preset", "zjumocap/313"), "begun with --preset small, and not with --preset zjumocap/313;"),
    ):
        said = dymap("train", "--out", run, *words)
        said.failed_with(told)
        assert "prepare" not in said.out
    assert (run / "config.json").read_bytes() == (trained / "config.json").read_bytes()


def test_a_finished_run_gets_longer_with_the_rates_of_its_new_length(dymap: Run, trained: Path, tmp_path: Path) -> None:
    """Interrupted or not, to the bit."""
    run = shutil.copytree(trained, tmp_path / "run")
    again = shutil.copytree(trained, tmp_path / "again")
    assert "trained 7 of 7 steps" in dymap("train", "--out", run, "--steps", 7).out
    assert "stopped and saved after 4 of 7" in dymap("train", "--out", again, "--steps", 7, "--minutes", 0).out
    dymap("train", "--out", again, "--steps", 9).failed_with("begun with --steps 7, and not with --steps 9", "done 4")
    assert dymap("train", "--out", again).code == 0
    seven = Path("checkpoints/step-0000007.safetensors")
    assert (run / seven).read_bytes() == (again / seven).read_bytes()
    record = RunFolder(run).read()
    assert (record.config.train.steps, record.lengthened) == (7, (4,))
    rates = [json.loads(line)["lr"] for line in RunFolder(run).log.read_text().splitlines()]
    assert len(rates) == 7
    assert "7 of 7 steps" in dymap("info", run).out


def test_a_run_without_a_name_is_called_after_capture_and_preset(
    dymap: Run, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = train_arguments(sample, tmp_path, "--steps", 4, "--minutes", 0)
    place = words.index("--out")
    said = dymap(*words[:place], *words[place + 2 :])
    assert "the run is in runs/dance/small" in said.out
    assert "stopped and saved after 0 of 4 steps" in dymap("train", "--data", sample, "--minutes", 0).out


def test_a_capture_that_was_moved_is_found_again(
    dymap: Run, moved: Path, trained: Path, baked: Path, tmp_path: Path
) -> None:
    copy, run = forget(trained, moved), forget(baked, moved)
    assert "not there; --data says where it is now" in dymap("info", copy).out
    dymap("train", "--out", copy).failed_with("gone: no such folder", "--data DIR")
    assert dymap("bake", copy, "--data", moved).code == 0
    ours, theirs = (load(folder).baked.segment(0).occupancy for folder in (copy, run))
    assert ours.shape == theirs.shape
    assert dymap("evaluate", run, "--data", moved, "--frames", 1).code == 0
    film = ("render", run, "--fixed-view", 1, "--views", 1, "--out", tmp_path / "a.mp4")
    dymap(*film, "--layers", "diff").failed_with("gone: no such folder", "--data DIR")
    assert dymap(*film, "--layers", "diff", "--data", moved).code == 0
    dymap(*film, "--data", moved).failed_with("--layers diff")
    assert dymap("train", "--out", copy, "--data", moved).code == 0
    assert RunFolder(copy).read().data == moved, "training writes down where it is"
    assert dymap("bake", copy).code == 0


def test_another_capture_is_not_taken_for_the_one_that_was_moved(
    dymap: Run, moved: Path, other: Path, baked: Path, tmp_path: Path
) -> None:
    run = forget(baked, moved)
    film = ("render", run, "--fixed-view", 1, "--views", 1, "--layers", "diff", "--out", tmp_path / "a.mp4")
    for words in (("bake", run), ("evaluate", run), film, ("train", "--out", run)):
        said = dymap(*words, "--data", other)
        said.failed_with("another capture than the one of", "position of camera '02'", "expected (")
        assert "prepare" not in said.out
        dymap(*words, "--data", tmp_path).failed_with(f"{tmp_path}: ")
        dymap(*words, "--data", tmp_path / "none").failed_with("none: no such")
    (run / "capture.json").unlink()
    dymap("evaluate", run, "--data", other).failed_with("position of camera '02'")  # which older runs' videos know
    (run / "video.dymap").unlink()
    assert RunFolder(run).read().data != moved
    shutil.rmtree(moved / "vertices")
    shutil.copytree(other / "vertices", moved / "vertices")
    for file in (moved / "vertices").iterdir():
        np.save(file, np.load(file) + 1)
    dymap("train", "--out", run, "--data", moved).failed_with("its boxes are not those of the capture")
    assert RunFolder(run).read().data != moved, "nothing is recorded before that"
    (run / "capture.json").write_text("{}")
    dymap("train", "--out", run, "--data", moved).failed_with("capture.json: damaged")


def test_all_that_tells_captures_apart_is_told() -> None:
    camera = {"name": "a", "size": [4, 4], "focal": [5.0, 5.0], "position": [0.0, 0.0, 1.0]}
    known = {"frames": [0, 1], "cameras": [camera]}
    assert compare(known, {"frames": [0, 1], "cameras": [camera | {"position": [0.0, 0.0, 1.0005]}]}) == ""
    for found, told in (
        ({"frames": [0]}, "1 frames, expected 2"),
        ({"frames": [0, 2]}, "position 1 is number 2, expected 1"),
        ({"cameras": [camera, camera]}, "2 cameras, expected 1"),
        ({"cameras": [camera | {"size": [4, 5]}]}, "size of camera 'a' is (4, 5) pixels, expected (4, 4)"),
        ({"cameras": [camera | {"focal": [5.0, 6.0]}]}, "focal of camera 'a'"),
    ):
        assert told in compare(known, known | found)


def test_curves_and_info_go_by_the_checkpoint_that_is_whole(dymap: Run, trained: Path, tmp_path: Path) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    shutil.rmtree(run / "tensorboard")
    newest = run / LAST
    newest.write_bytes(newest.read_bytes()[:-40] + bytes(40))
    assert dymap("train", "--out", run).code == 0
    (events,) = (run / "tensorboard").iterdir()
    steps = [event.step for event in EventFileLoader(str(events)).Load() if event.HasField("summary")]
    starts = [event.step for event in EventFileLoader(str(events)).Load() if event.HasField("session_log")]
    assert (min(steps), starts) == (2, [2])
    newest.rename(newest.with_name("step-0000009.safetensors"))
    assert [step for step, _ in checkpoints(run / "checkpoints")] == [2, 9]
    assert "2 of 4 steps" in dymap("info", run).out
