"""What killed commands leave is swept by the next; what the living write, and what others own, stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap import partials
from dymap.files import replacing, replacing_folder
from dymap.partials import OLD, Owner, beside, hold, lives, this_process

WRITER = """
import sys, time
from pathlib import Path
from dymap.files import replacing, replacing_folder
place, kind = Path(sys.argv[1]), sys.argv[2]
with (replacing if kind == "file" else replacing_folder)(place) as partial:
    if kind == "file":
        partial.write_text("half")
        (partial.parent / ".tmpAb12Cd").write_text("of the library that writes it")
    else:
        (partial / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(100)
"""


@pytest.fixture(params=["file", "folder"])
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of writing `tmp_path/film.mov`."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "film.mov"), request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            yield process
        finally:
            process.kill()


def write(path: Path) -> None:
    with replacing(path) as partial:
        partial.write_text("text")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_next_command_sweeps_what_a_killed_one_left_but_not_what_a_living_one_writes(
    writer: subprocess.Popen[str], tmp_path: Path
) -> None:
    (partial,) = names(tmp_path)
    write(tmp_path / "a.txt")
    assert names(tmp_path) == [partial, "a.txt"]
    writer.kill()  # and not waited for: a zombie is no living process
    end = time.monotonic() + 20
    while partial in names(tmp_path):
        assert time.monotonic() < end
        write(tmp_path / "a.txt")
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_names_that_only_look_similar_are_left(tmp_path: Path, kind: str) -> None:
    mine = this_process()
    similar = (
        "mine.partial", "mine.123.partial", ".film.mov.123.partial.mov", ".tmpAb12Cd", ".a.partial",
        f".a.{mine.machine}-{mine.pid}-{mine.started}-0.partial.txt", f"a.{mine.machine}-99999999-1-0.partial",
        f".a.{mine.machine}-0-1-0.partial", ".a.0123456789ab-77-5-0.partial",
    )  # fmt: skip
    for name in similar:
        if kind == "file":
            (tmp_path / name).touch()
        else:
            (tmp_path / name).mkdir()
    (tmp_path / f".link.{mine.machine}-99999999-1-0.partial").symlink_to(tmp_path)
    before = names(tmp_path)
    write(tmp_path / "mine")
    with replacing_folder(tmp_path / "other") as partial:
        (partial / "a").touch()
    assert names(tmp_path) == sorted([*before, "mine", "other"])


def leave(folder: Path, owner: Owner, age: float = 0.0) -> Path:
    """What a process left that began to write `age` seconds ago."""
    partial = folder / f".a.{owner.machine}-{owner.pid}-{owner.started}-3.partial"
    (partial / "a").mkdir(parents=True)
    (partial / "a/b").touch()
    for path in (partial / "a/b", partial / "a", partial):
        os.utime(path, (time.time() - age,) * 2)
    return partial


def test_other_machines_have_a_day(tmp_path: Path) -> None:
    other = Owner("0123456789ab", os.getpid(), 7)
    old, young = leave(tmp_path / "old", other, OLD + 60), leave(tmp_path / "young", other, OLD - 60)
    busy = leave(tmp_path / "busy", other, OLD + 60)
    (busy / "a/new").touch()
    for folder in ("old", "young", "busy"):
        write(tmp_path / folder / "c")
    assert (old.exists(), young.exists(), busy.exists()) == (False, True, True)


def test_a_number_that_went_to_another_process_is_no_sign_of_life(tmp_path: Path) -> None:
    mine = this_process()
    assert lives(mine)
    reused = Owner(mine.machine, mine.pid, mine.started + 1)
    if mine.started:  # else the system does not tell
        assert not lives(reused)
        gone = leave(tmp_path, reused)
        write(tmp_path / "c")
        assert not gone.exists()


def test_what_is_still_read_is_not_removed(tmp_path: Path) -> None:
    """A folder that was replaced stays aside as long as its files are mapped somewhere; then it is swept."""
    with replacing_folder(tmp_path / "cache") as partial:
        (partial / "images").write_text("old")
    with (tmp_path / "cache/images").open("rb") as file:
        hold(file.fileno())
        with replacing_folder(tmp_path / "cache") as partial:
            (partial / "images").write_text("new")
        assert (tmp_path / "cache/images").read_text() == "new"
        aside, _ = sorted(tmp_path.iterdir())
        assert (aside / "replaced-0/images").read_text() == "old"
    partials.discard(aside)
    assert names(tmp_path) == ["cache"]


def test_long_names_have_room(tmp_path: Path) -> None:
    write(tmp_path / ("ü" * 120 + ".txt"))
    assert len(names(tmp_path)) == 1


def test_a_folder_of_many_files_is_not_listed_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[object] = []
    scandir = os.scandir

    def counted(folder: Path) -> object:
        listed.append(folder)
        time.sleep(0.02)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counted)
    for index in range(10):
        with beside(tmp_path / str(index)):
            pass
    assert listed.count(tmp_path) == 1
