"""Bad input: exit code 1 and one sentence that says what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.captures import write_capture
from tests.cli.conftest import Run, train_arguments
from tests.disks import files_of_at_most
from tests.golden.sources import Golden


def test_not_a_capture(dymap: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    dymap(*train_arguments(tmp_path / "empty", tmp_path / "run")).failed_with("no known capture layout", "annots.npy")
    dymap(*train_arguments(tmp_path / "none", tmp_path / "run")).failed_with("no such folder", "none")
    (tmp_path / "empty" / "annots.npy").write_bytes(b"not numpy")
    dymap(*train_arguments(tmp_path / "empty", tmp_path / "run")).failed_with("annots.npy")
    assert not (tmp_path / "run").exists(), "a run that cannot begin leaves nothing"


def test_unknown_preset(dymap: Run, sample: Path, tmp_path: Path) -> None:
    said = dymap("train", "--data", sample, "--out", tmp_path / "run", "--preset", "huge")
    said.failed_with("'huge' is unknown", "tiny", "small")


@pytest.mark.parametrize(
    ("assignment", "part"),
    [
        ("train.stepz=3", "stepz"),
        ("trains.steps=3", "trains"),
        ("train.steps=many", "expected int, found 'many'"),
        ("train.steps", "expected key=value"),
        ("train.batches=all", "'all' is none of 'items', 'frames'"),
        ("bake.grid=[1,2]", "expected 3 values, found 2"),
        ("field.plane_size=48", "field.plane_size = 48: expected a power of two"),
        ("bake.subsamples=[1,1,1]", "bake.subsamples = (1, 1, 1): expected a number from 2"),
        ("train.seed=-1", "train.seed = -1: expected a number from 0"),
        ("train.foreground=NaN", "train.foreground = nan: expected a number from 0 to 1"),
        ("capture.transform=[1,2]", "capture.transform = (1.0, 2.0): expected nothing, or the 16"),
        ("capture.ratio=0", "ratio = 0.0: expected a number above 0"),
        ("capture.ratio=NaN", "ratio = nan: expected a number above 0"),
        ("capture.ratio=0.001", "ratio 0.001: camera '00': image size 0x0 is not positive"),
        ("capture.fps=Infinity", "fps = inf"),
        ("train.steps=0", "steps = 0"),
        ("train.preview_every=0", "preview_every = 0"),
    ],
)
def test_bad_setting(dymap: Run, sample: Path, tmp_path: Path, assignment: str, part: str) -> None:
    said = dymap("train", "--data", sample, "--out", tmp_path / "run", "--set", assignment)
    said.failed_with(part)
    assert not (tmp_path / "run").exists()


def test_view_or_frame_that_does_not_exist(dymap: Run, sample: Path, baked: Path, tmp_path: Path) -> None:
    said = dymap("train", "--data", sample, "--out", tmp_path / "run", "--test-views", 6)
    said.failed_with("view 6 does not exist", "0 to 5")
    dymap("evaluate", baked, "--views", 6).failed_with("view 6 does not exist")
    dymap("evaluate", baked, "--frames", 3).failed_with("frame 3 does not exist")
    dymap("evaluate", baked, "--frames", -1).failed_with("frame -1 does not exist")


def test_resume_with_another_option(dymap: Run, sample: Path, trained: Path) -> None:
    before = (trained / "config.json").read_bytes()
    said = dymap(*train_arguments(sample, trained, "--steps", 4, "--seed", 3))
    said.failed_with("begun with --seed 0, and not with --seed 3", str(trained))
    said = dymap(*train_arguments(sample, trained, "--steps", 3))
    said.failed_with("has done 4 steps already; --steps 3 is less")
    dymap("train", "--out", trained, "--preset", "tiny").failed_with("with --preset small, and not with --preset tiny")
    assert (trained / "config.json").read_bytes() == before


def test_too_early(dymap: Run, trained: Path, tmp_path: Path) -> None:
    for command in ("render", "evaluate"):
        dymap(command, trained).failed_with("not baked yet", "dymap bake")
    dymap("bake", tmp_path).failed_with("not a run", "dymap train")
    dymap("evaluate", tmp_path).failed_with("not a run")
    shutil.copytree(trained, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    dymap("bake", tmp_path / "run").failed_with("nothing trained yet")


def test_damaged_checkpoint(dymap: Run, sample: Path, trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    newest = tmp_path / "run" / "checkpoints" / "step-0000004.safetensors"
    newest.write_bytes(newest.read_bytes()[:5000])
    said = dymap("bake", tmp_path / "run")
    assert said.code == 0, said
    assert "step-0000004.safetensors: damaged checkpoint" in said.err
    assert "step-0000002.safetensors, an older one, is taken in its place" in said.err
    older = newest.with_name("step-0000002.safetensors")
    older.write_bytes(older.read_bytes()[:5000])
    for arguments in (["bake", tmp_path / "run"], train_arguments(sample, tmp_path / "run", "--steps", 4)):
        dymap(*arguments).failed_with("step-0000004.safetensors: damaged checkpoint")


def test_capture_that_moved_away(dymap: Run, trained: Path, baked: Path, tmp_path: Path) -> None:
    for command, run in (("bake", trained), ("evaluate", baked)):
        shutil.copytree(run, tmp_path / command)
        config = tmp_path / command / "config.json"
        config.write_text(config.read_text().replace("/dance", "/gone"))
        dymap(command, tmp_path / command).failed_with("gone: no such folder")


def test_file_that_is_no_video(dymap: Run, tmp_path: Path) -> None:
    text, foreign, headless = tmp_path / "a.txt", tmp_path / "b.safetensors", tmp_path / "c.dymap"
    text.write_text("hello")
    save_file({"a": torch.zeros(2)}, foreign)
    save_file({"a": torch.zeros(2)}, headless, {"dymap-video": '{"version": 1}'})
    for command in ("info", "render"):
        dymap(command, text).failed_with("a.txt: not a complete dymap video")
        dymap(command, foreign).failed_with("b.safetensors: a safetensors file, but not a dymap video")
        dymap(command, headless).failed_with("c.dymap: damaged header")
        dymap(command, tmp_path / "none").failed_with("none: no such file")
    (tmp_path / "empty").mkdir()
    dymap("info", tmp_path / "empty").failed_with("neither a run", "nor a capture", "nor a baked file")


def test_impossible_films(dymap: Run, baked: Path) -> None:
    for option in (
        ("--views", 0),
        ("--size", 1, 5),
        ("--size", 10**5, 10**5),
        ("--fps", 0),
        ("--fps", "nan"),
        ("--fps", "inf"),
    ):
        dymap("render", baked, *option).failed_with("--views must be positive")


@pytest.mark.parametrize("option", [("--film", 0), ("--size", -3), ("--size", 31), ("--size", 10**5)])
@pytest.mark.parametrize("quick", [(), ("--quick",)])
def test_impossible_demos(dymap: Run, tmp_path: Path, option: tuple[object, ...], quick: tuple[str, ...]) -> None:
    dymap("demo", "--out", tmp_path / "demo", *option, *quick).failed_with("--film 1 or more and --size from 32")
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: ...")])
def test_too_large_for_the_memory(dymap: Run, baked: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("dymap.runs.filming.load", refuse)
    dymap("render", baked).failed_with("not enough memory")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (PermissionError(13, "Permission denied", "secret.npy"), "secret.npy: cannot be used (Permission denied)"),
        (OSError(36, "File name too long", "x" * 5000), "cannot be used (File name too long)"),
        (UnicodeEncodeError("utf-8", "a\udcff", 1, 2, "surrogates not allowed"), "cannot be written or read here"),
        (ValueError("embedded null byte"), "NUL character"),
    ],
)
def test_faults_of_the_system_are_one_sentence(
    dymap: Run, baked: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, part: str
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr("dymap.runs.filming.load", refuse)
    said = dymap("render", baked)
    said.failed_with(part)
    assert len(said.err) < 3000
    assert "Traceback" in dymap("render", baked, "--debug").err


def test_a_fault_of_ours_is_raised(dymap: Run, baked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.runs.filming.load", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        dymap("render", baked)


def test_an_empty_path_is_told(dymap: Run, baked: Path) -> None:
    dymap("render", baked, "--out", "").failed_with("is empty", "variable of the shell")


def test_names_do_nothing_to_the_terminal(dymap: Run, tmp_path: Path) -> None:
    name = "\x1b]0;owned\x07\nframes     999\u202e"
    said = dymap("info", tmp_path / name)
    said.failed_with("no such file")
    assert said.err.rstrip("\n").isprintable()


def test_sample_in_the_way(dymap: Run, sample: Path, tmp_path: Path) -> None:
    said = dymap("sample", "--out", sample, "--size", 64, "--frames", 3, "--views", 6)
    said.failed_with("made with other parameters")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    dymap("sample", "--out", tmp_path / "mine").failed_with("is not a dymap sample")
    dymap("sample", "--out", tmp_path / "mine" / "thesis.tex" / "sub", "--size", 32).failed_with("cannot be written")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"
    dymap("sample", "--out", tmp_path / "new", "--size", 8).failed_with("--size 32 or more")


def test_places_that_cannot_be_written(dymap: Run, sample: Path, baked: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    dymap(*train_arguments(sample, tmp_path / "file")).failed_with("cannot be written")
    dymap("bake", baked, "--out", tmp_path / "file" / "a.dymap").failed_with("cannot be written")
    dymap("render", baked, "--views", 1, "--out", tmp_path / "file" / "a.mp4").failed_with("cannot be written")
    dymap("evaluate", baked, "--out", tmp_path / "file").failed_with("cannot be written")
    assert (tmp_path / "file").read_text() == "in the way"


def test_full_disk_while_training(dymap: Run, sample: Path, tmp_path: Path) -> None:
    """The checkpoint of step 2 does not fit; what was written before stays."""
    with files_of_at_most(150_000):
        said = dymap(*train_arguments(sample, tmp_path / "run", "--steps", 4))
    said.failed_with("step-0000002.safetensors: cannot be written")
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []
    assert dymap(*train_arguments(sample, tmp_path / "run", "--steps", 4)).code == 0


def test_metres_read_as_millimetres(dymap: Run, trimmed: Golden, tmp_path: Path) -> None:
    """A warning names the likely cause and the option that mends it."""
    root = write_capture(tmp_path / "tiny", trimmed.arrays("dataset"), metres=True)
    said = dymap(*train_arguments(root, tmp_path / "run", "--steps", 1))
    assert "warning: " in said.err
    assert "T looks like metres where millimetres are expected: --unit m reads it so" in said.err
    said.failed_with("check R, T and their units")
    # Its masks are one ellipse for all cameras, which a check would tell.
    said = dymap(*train_arguments(root, tmp_path / "run", "--steps", 1, "--unit", "m", "--no-check"))
    assert said.code == 0
    assert said.err == ""


def test_broken_image(dymap: Run, sample: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(sample, root)
    image = root / "images" / "03" / "000001.jpg"
    image.write_bytes(image.read_bytes()[:700])
    dymap(*train_arguments(root, tmp_path / "run")).failed_with("images/03/000001.jpg: JPEG is truncated")
    image.unlink()
    dymap(*train_arguments(root, tmp_path / "run")).failed_with("images/03/000001.jpg: image is missing")


def test_vertices_that_are_not_finite(dymap: Run, sample: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(sample, root)
    path = root / "vertices" / "000002.npy"
    np.save(path, np.full((5, 3), np.nan, np.float32))
    dymap(*train_arguments(root, tmp_path / "run")).failed_with("000002.npy: vertices hold values that are not finite")


def test_numbers_that_explode(dymap: Run, sample: Path, tmp_path: Path) -> None:
    arguments = train_arguments(sample, tmp_path / "run", "--steps", 50)
    said = dymap(*arguments, "train.lr_decoder=1e30", "train.lr_hash=1e30", "train.lr_codes=1e30")
    said.failed_with("step ", "is not finite")


def test_device_that_is_not_there(dymap: Run, baked: Path) -> None:
    dymap("render", baked, "--device", "cuda:99").failed_with("device 'cuda:99' cannot be used")
    dymap("render", baked, "--device", "toaster").failed_with("device 'toaster' cannot be used")
    dymap("render", baked, "--threads", -1).failed_with("--threads -1")


def test_nothing_to_train(dymap: Run, tmp_path: Path) -> None:
    dymap("train").failed_with("nothing to train", "--data DIR", "--out RUN")
    dymap("train", "--out", tmp_path).failed_with("not a run", "--data")
    assert list(tmp_path.iterdir()) == []


def test_no_time(dymap: Run, sample: Path, tmp_path: Path) -> None:
    dymap("train", "--data", sample, "--out", tmp_path / "run", "--minutes", -1).failed_with("--minutes -1")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train", "--data", "x", "--out", "y", "--stepz", "3"]])
def test_misspelt_commands(dymap: Run, capfd: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """These are the parser's to explain."""
    with pytest.raises(SystemExit) as caught:
        dymap(*arguments)
    assert caught.value.code == 2
    said = capfd.readouterr()
    assert "Traceback" not in said.out + said.err
