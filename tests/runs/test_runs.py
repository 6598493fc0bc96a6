"""The whole path from Python: nothing is printed, results say what was made, faults are exceptions."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import dymap
from dymap.capture import hulls
from dymap.cli import main
from dymap.errors import InputError
from dymap.presets import preset
from dymap.runs import RunFolder, Update, configure
from tests.cli.conftest import SETTINGS

CONFIG = configure(preset("small"), {"train.steps": 3, "capture.test_views": (1, 4)}, SETTINGS)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 frames, 6 views of 32 x 32."""
    return dymap.runs.sample(tmp_path_factory.mktemp("sample") / "dance", size=32, frames=2, views=6).folder


@pytest.fixture(scope="module")
def run(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is trained and baked."""
    trained = dymap.runs.train(sample, tmp_path_factory.mktemp("runs") / "dance", config=CONFIG)
    dymap.runs.bake(trained.run)
    return trained.run


def test_from_a_capture_to_a_film(sample: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    capfd.readouterr()
    trained = dymap.runs.train(sample, tmp_path / "run", config=CONFIG, options={"train.steps": 2})
    assert (trained.run, trained.done, trained.steps) == (tmp_path / "run", 2, 2)
    assert trained.finished
    assert not trained.interrupted
    baked = dymap.runs.bake(trained.run)
    assert (baked.path, baked.frames, baked.step) == (tmp_path / "run" / "video.dymap", 2, 2)
    assert 0 <= baked.occupied <= 1
    evaluated = dymap.runs.evaluate(trained.run, frames=[1])
    assert evaluated.folder == tmp_path / "run" / "evaluation" / "frames-1"
    assert [(one.frame, one.view) for one in evaluated.comparisons] == [(1, 1), (1, 4)]
    assert evaluated.means["PSNR box"] == pytest.approx(np.mean([c.metrics["psnr"] for c in evaluated.comparisons]))
    assert evaluated.means["LPIPS"] is None
    assert evaluated.lpips_note
    filmed = dymap.runs.film(trained.run, views=2, size=(16, 16), png=tmp_path / "png")
    assert filmed.places == [tmp_path / "run" / "orbit.mp4", tmp_path / "png"]
    assert filmed.images == len(list((tmp_path / "png").iterdir())) == 2
    assert ("next", f"dymap evaluate {trained.run}") in dymap.runs.info(trained.run)
    said = capfd.readouterr()
    assert said.out == said.err == ""


def test_commands_do_the_same_to_the_bit(sample: Path, run: Path, tmp_path: Path) -> None:
    """Two ways to the same run."""
    words = ["train", "--data", str(sample), "--out", str(tmp_path / "run"), "--steps", "3", "--test-views", "1", "4"]
    assert main([*words, "--set", *SETTINGS]) == 0
    assert main(["bake", str(tmp_path / "run")]) == 0
    for name in ("config.json", "video.dymap", "checkpoints/step-0000003.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes(), name


def test_progress_and_sentences_go_where_the_caller_says(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    seen: list[tuple[str, int, int, str]] = []
    sentences: list[str] = []

    @contextmanager
    def bars(title: str) -> Iterator[Update]:
        def update(done: int, total: int, note: str = "") -> None:
            seen.append((title, done, total, note))

        yield update

    trained = dymap.runs.train(sample, tmp_path / "run", config=CONFIG, progress=bars, say=sentences.append)
    dymap.runs.bake(trained.run, progress=bars)
    assert [(done, total) for title, done, total, _ in seen if title == "train"] == [(1, 3), (2, 3), (3, 3)]
    assert [(done, total) for title, done, total, _ in seen if title == "bake"] == [(1, 2), (2, 2)]
    assert all("losses: " in note for title, *_, note in seen if title == "train")
    assert [(done, total) for title, done, total, _ in seen if title == "carve hulls"] == [(0, 2), (1, 2), (2, 2)]
    assert len(sentences) == 2
    assert "M parameters: about " in sentences[0]
    assert re.search(r"box [\d.]+ x [\d.]+ x 2\.\d\d m around the vertices; ", sentences[1])
    assert "2 frames, 4 training and 2 test views of 32 x 32" in sentences[1]


def test_the_run_has_the_names_of_its_capture_and_preset(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trained = dymap.runs.train(sample, config=CONFIG, minutes=0)
    assert trained.run == Path("runs") / "dance" / "small"
    assert not trained.finished
    recorded = replace(CONFIG, capture=replace(CONFIG.capture, boxes="vertices"))
    assert RunFolder(tmp_path / trained.run).read().config == recorded, "and where its boxes came from"


def test_a_second_training_and_bake_carve_nothing(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither under a bar nor inside the steps."""
    monkeypatch.setenv("DYMAP_CACHE", str(tmp_path / "cache"))
    dymap.runs.train(sample, tmp_path / "first", config=CONFIG)

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"carved again: {arguments}")

    monkeypatch.setattr(hulls, "carve", refuse)
    trained = dymap.runs.train(sample, tmp_path / "second", config=CONFIG)
    assert dymap.runs.bake(trained.run).step == 3


def test_a_run_can_be_trained_outside_the_main_thread(sample: Path, tmp_path: Path) -> None:
    """Signals are the main thread's; there is nothing to stop it there."""
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(dymap.runs.train(sample, tmp_path / "run", config=CONFIG).done)
    )
    thread.start()
    thread.join(timeout=120)
    assert done == [3]


def test_faults_in_other_processes_are_exceptions_here(
    sample: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same error, with the place in the other process as a note."""
    with pytest.raises(InputError, match="no known capture layout"):
        dymap.runs.train(tmp_path, tmp_path / "run", config=CONFIG, processes=2, device="cpu")
    broken = Path(shutil.copytree(sample, tmp_path / "broken"))
    image = sorted((broken / "images/03").iterdir())[-1]
    image.write_bytes(image.read_bytes()[:-50])
    with pytest.raises(InputError, match="is truncated") as caught:
        dymap.runs.train(broken, tmp_path / "run", config=CONFIG, processes=2, device="cpu")
    assert any("in process 0 of 2" in note for note in caught.value.__notes__)
    assert capfd.readouterr().err == ""


def test_several_processes_have_one_result(sample: Path, tmp_path: Path) -> None:
    trained = dymap.runs.train(sample, tmp_path / "run", config=CONFIG, processes=2, device="cpu", threads=2)
    assert (trained.done, trained.finished, trained.leads) == (3, True, True)
    assert RunFolder(trained.run).read().config.train.processes == 2


def test_mesh_points_and_its_error(run: Path, tmp_path: Path) -> None:
    meshed = dymap.runs.mesh(run, frames=[1], points=50, level=-1e3, voxel=0.2, whole_box=True, out=tmp_path)
    assert meshed.files == (tmp_path / "points_000001.ply",)
    assert meshed.nbytes == meshed.files[0].stat().st_size
    with pytest.raises(InputError, match="frame 0: no surface"):
        dymap.runs.mesh(run, level=1e6, voxel=0.2, out=tmp_path)


def test_quick_demo_returns_its_film(tmp_path: Path) -> None:
    film = dymap.runs.quick_demo(tmp_path, size=32, film=2)
    assert film == tmp_path / "quick.mp4"
    assert film.stat().st_size > 0


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'walks'"):
        _ = dymap.walks
    with pytest.raises(InputError, match=r"nearest is 'train\.steps'"):
        configure(CONFIG, {"train.step": 3})


def test_who_only_plays_does_not_wait_for_what_trains() -> None:
    code = (
        "import sys, dymap; heavy = {'dymap.train', 'dymap.runs', 'dymap.cli', 'cv2', 'tyro', 'rich', 'av', "
        "'tensorboard', 'skimage'}; print(sorted(heavy & set(sys.modules)), end=' '); print(dymap.runs.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] dymap.runs\n"
