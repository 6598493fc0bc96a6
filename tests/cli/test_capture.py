"""`dymap capture`: a group of commands."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path

import pytest

from dymap.capture.writers.easymocap import write_calibration
from dymap.cli.capture import COMMANDS
from tests.capture.clips import numbered_clip
from tests.capture.test_importing import ring
from tests.cli.conftest import Run


def test_help_lists_the_commands_of_the_group(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    for words, code in ((["capture"], 2), (["capture", "--help"], 0)):
        with pytest.raises(SystemExit) as caught:
            dymap(*words)
        assert caught.value.code == code
        text = capfd.readouterr().out
        assert "usage: dymap capture COMMAND" in text
        assert all(command in text for command in COMMANDS)
    with pytest.raises(SystemExit) as caught:
        dymap("capture", "import", "--help")
    assert caught.value.code == 0
    assert "--scale-calibration" in capfd.readouterr().out


def test_a_misspelt_command_of_the_group_names_the_nearest(dymap: Run, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        dymap("capture", "imprt")
    assert caught.value.code == 2
    nearest = difflib.get_close_matches("imprt", COMMANDS, 1, 0)[0]
    assert f"the nearest is {nearest!r}; dymap capture --help" in capfd.readouterr().err


def test_a_capture_is_made_where_one_stands(
    dymap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Path
) -> None:
    """`--out .`, which has no name of its own."""
    write_calibration(tmp_path / "calibration", ring())
    videos = [numbered_clip(tmp_path / f"cam{k + 1}.mp4", 6) for k in range(3)]
    calls = {
        "import": ("capture", "import", *videos, "--calibration", tmp_path / "calibration", "--frames", 2, "--out"),
        "convert": ("capture", "convert", "--to", "easymocap", sample),
        "sample": ("sample", "--size", 32, "--frames", 1, "--views", 3, "--out"),
    }
    for name, words in calls.items():
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        said = dymap(*words, ".")
        assert said.code == 0, said
        info = dymap("info", ".")
        assert info.code == 0, info
        assert name == "import" or f"--data . --out runs/{name}" in info.out


def test_what_is_made_where_one_stands_has_a_name(
    dymap: Run, baked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(baked, tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert dymap("mesh", ".", "--frames", 0, "--voxel", 0.2, "--level", -5, "--out", ".").code == 0
    assert dymap("evaluate", ".", "--frames", 0, "--out", ".").code == 0
    assert dymap("render", ".", "--size", 8, 8, "--views", 1, "--png", ".").code == 0
    for words in (("bake", ".", "--out", "."), ("render", ".", "--save-cameras", "."), ("render", ".", "--out", ".")):
        assert dymap(*words).code == 1
    dymap("bake", ".", "--out", ".").failed_with("a folder; expected the name of a file")
    assert {"000000.png", "mesh_000000.ply", "metrics.json"} <= {path.name for path in Path().iterdir()}


def test_videos_are_imported_and_the_next_command_is_said(dymap: Run, tmp_path: Path) -> None:
    write_calibration(tmp_path / "calibration", ring())
    for k in range(3):
        numbered_clip(tmp_path / f"cam{k + 1}.mp4", 6)
    videos = [tmp_path / f"cam{k + 1}.mp4" for k in range(3)]
    arguments = ["--calibration", tmp_path / "calibration", "--frames", 4, "--out", tmp_path / "out"]
    dymap("capture", "import", *videos, *arguments, "--crop", "0,0,400,4").failed_with("leaves the picture of camera")
    said = dymap("capture", "import", *videos, *arguments, "--crop", "2,2,40,40")
    assert said.code == 0
    assert "cam2: cam2.mp4, 64 x 48, 30.00 fps, 6 pictures, began at +0.0000 s (assumed)" in said.out
    assert "4 frames at 30.00 fps of 3 cameras" in said.out
    assert f"next: dymap capture masks {tmp_path / 'out'}" in said.out
    said = dymap("capture", "import", *arguments, "--crop", "2,2,40,40", *videos)
    assert "(12 pictures were there)" in said.out
    dymap("capture", "import", *videos, *arguments).failed_with("with other options; choose another --out")
