"""Whatever a command is given, it says what that is and what to do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from dymap.runs.facts import means_text
from tests.captures import write_capture
from tests.cli.conftest import Run, baked, dymap, sample, trained  # noqa: F401
from tests.golden.sources import Golden

FILES = {
    "transforms.json": "NeRF tools",
    "intri.yml": "EasyMocap",
    "extri.yml": "EasyMocap",
    "film.mp4": "a film",
    "film.MOV": "a film",
    "cloud.ply": "dymap mesh",
    "body.glb": "dymap mesh",
    "cameras.bin": "COLMAP",
    "poses_bounds.npy": "LLFF",
    "annots.npy": "the cameras of a capture; name its folder",
    "photo.JPG": "a picture",
    "final.pth": "dymap import-model",
    "capture.zip": "an archive; unpack it",
    "other.json": "a JSON file",
    "settings.yaml": "a YAML file",
    "step-0000004.safetensors": "a checkpoint of a training; name the folder of its run",
    "metrics.json": "numbers of an evaluation",
}
COMMANDS = {
    "info": ("info",), "bake": ("bake",), "evaluate": ("evaluate",), "render": ("render",), "mesh": ("mesh",),
    "view": ("view", "--port", 0), "train": ("train", "--out", "never", "--data"),
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_files_are_told_by_every_command(
    dymap: Run, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, part in FILES.items():
        file = tmp_path / "some" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"anything")
        dymap(*COMMANDS[command], file).failed_with(name, part)
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("inside", "part"),
    [
        ("extri.yml", "EasyMocap"),
        ("intri.yml", "EasyMocap"),
        ("sparse/0/cameras.bin", "COLMAP"),
        ("database.db", "COLMAP"),
        ("a.mp4", "a folder of films"),
        ("a.png", "a folder of pictures"),
        ("mine/config.json", "a folder above runs; name one of them"),
        ("mine.dymap", "a folder of baked files"),
        ("step-0000004.safetensors", "checkpoints of a training"),
        ("../config.json", "part of a run; name its folder"),
    ],
)
def test_folders_are_told_by_every_command(
    dymap: Run, tmp_path: Path, command: str, inside: str, part: str, monkeypatch: pytest.MonkeyPatch  # noqa: F811
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "holder" / "some"
    folder.mkdir(parents=True)
    (folder / inside).parent.mkdir(parents=True, exist_ok=True)
    (folder / inside).write_bytes(b"anything")
    dymap(*COMMANDS[command], folder).failed_with("some", part)


def test_captures_and_runs_are_not_mistaken(dymap: Run, sample: Path, baked: Path, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "nerf").mkdir()
    (tmp_path / "nerf/transforms.json").write_text("{}")
    for command in ("bake", "evaluate", "render", "mesh"):
        for capture in (sample, tmp_path / "nerf"):
            dymap(command, capture).failed_with("a capture", "dymap info")
    dymap("train", "--data", baked, "--out", tmp_path / "run").failed_with("a run, not a capture")
    dymap("info", sample.parent).failed_with("a folder above captures; name one of them", str(sample))
    dymap("info", baked / "checkpoints").failed_with("name its folder", str(baked))
    dymap("info", baked / "config.json").failed_with("name its folder", str(baked))


def test_the_next_command_carries_the_options_that_it_needs(dymap: Run, sample: Path, tmp_path: Path) -> None:  # noqa: F811
    bare = tmp_path / "bare"
    shutil.copytree(sample, bare)
    shutil.rmtree(bare / "vertices")
    said = dymap("info", bare).out
    assert "--boxes" not in said, "the hull is carved if there are no vertices"
    assert re.search(r"box [\d.]+ x [\d.]+ x 2\.\d\d m, of the first frame's masks; [12]\.\d\d m tall", said)
    assert re.search(r"box [\d.]+ x [\d.]+ x 2\.\d\d m, the median of all frames", dymap("info", sample).out)
    assert "--boxes" not in dymap("info", sample).out


@pytest.mark.parametrize("vertices", [True, False])
def test_a_capture_in_metres_is_told_the_unit(dymap: Run, trimmed: Golden, tmp_path: Path, vertices: bool) -> None:  # noqa: F811
    root = write_capture(tmp_path / "tiny", trimmed.arrays("dataset"), metres=True)
    if not vertices:
        shutil.rmtree(root / "vertices", ignore_errors=True)
        shutil.rmtree(root / "new_vertices", ignore_errors=True)
    said = dymap("info", root)
    assert "--unit m" in said.out.partition("next")[2], said


@pytest.mark.parametrize("content", [[], None, 5, {}, {"mean": 5}, {"mean": {"psnr": "high", "ssim": None, "a": []}}])
def test_means_that_are_none_are_no_traceback(content: object) -> None:
    assert "high" not in means_text(content)


def test_means_are_shown() -> None:
    assert means_text({"mean": {"psnr": 30.25, "lpips": None}}) == "psnr 30.250"
