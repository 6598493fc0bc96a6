"""dymap export that comes to no end, by Ctrl-C or for want of room: nothing half-written, and what was there stays."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.config import INTERRUPTED
from dymap.runs.demonstration import PACKAGED
from tests.cli.conftest import Run
from tests.disks import files_of_at_most

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "folder": ("site", ()),
    "folder with a film": ("site", ("--film", "--film-size", "32", "32")),
    "file": ("clip.html", ("--single-file",)),
    "packed anew": ("site", ("--title", "Another")),
}
PLACES = {
    "while it is packed": ("dymap.runs.packing.save_packed", "packed anew"),
    "while it is filmed": ("dymap.runs.exporting.write_film", "folder with a film"),
    "while the clip is copied": ("dymap.site.export.shutil.copyfile", "folder"),
    "while pages are written": ("dymap.site.export._player_page", "folder"),
    "before a folder is renamed": ("dymap.files._replace_folder", "folder"),
    "while one page is written": ("dymap.site.export.script_text", "file"),
    "before a file is renamed": ("dymap.files.os.replace", "file"),
}
"""Where it ends, and what was to be written."""


@pytest.fixture(params=["new", "written before"])
def before(request: pytest.FixtureRequest) -> str:
    return request.param


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def exporting(dymap: Run, tmp_path: Path, kind: str, before: str) -> tuple[tuple[object, ...], dict[str, bytes]]:
    """The command, and what lies there now."""
    name, options = KINDS[kind]
    words = ("export", PACKAGED, "--out", tmp_path / name, *options, "--threads", 1)
    if before == "written before":
        assert dymap(*words).code == 0
    return words, contents(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
@pytest.mark.parametrize("place", PLACES)
def test_ctrl_c_leaves_what_was_there(
    dymap: Run, tmp_path: Path, place: str, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    what, kind = PLACES[place]
    words, held = exporting(dymap, tmp_path, kind, before)

    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    with monkeypatch.context() as patch:
        patch.setattr(what, interrupted)
        said = dymap(*words)
    assert said.code == INTERRUPTED, said
    assert contents(tmp_path) == held
    assert len(list(tmp_path.iterdir())) == (before == "written before")
    assert dymap(*words).code == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1000, 300_000])
def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(
    dymap: Run, tmp_path: Path, kind: str, most: int, before: str
) -> None:
    words, held = exporting(dymap, tmp_path, kind, before)
    with files_of_at_most(most):
        said = dymap(*words)
    said.failed_with("cannot be written", "too large")
    assert contents(tmp_path) == held
    assert len(list(tmp_path.iterdir())) == (before == "written before")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_disk_on_which_no_folder_can_be_made_is_one_sentence(
    dymap: Run, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, _ = exporting(dymap, tmp_path, kind, "new")

    def full(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", full)
        said = dymap(*words)
    said.failed_with("No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with little room, if the system lets us have one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_small_disk_keeps_nothing_of_it(dymap: Run, small_disk: Path, kind: str) -> None:
    name, options = KINDS[kind]
    said = dymap("export", PACKAGED, "--out", small_disk / name, *options, "--threads", 1)
    said.failed_with("No space left on device")
    assert list(small_disk.iterdir()) == []
