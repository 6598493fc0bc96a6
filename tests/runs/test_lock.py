"""Two trainings in one folder: the second is refused and told who the first is; the dead keep nothing."""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.errors import InputError
from dymap.partials import this_process
from dymap.runs import lock
from dymap.runs.lock import NAME, only_training

HOLDER = """
import sys, time
from pathlib import Path
from dymap.runs.lock import only_training
with only_training(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that trains in `tmp_path/run`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "holds\n"
            yield process
        finally:
            process.kill()


def take(folder: Path) -> None:
    with only_training(folder):
        pass


def test_the_second_is_told_who_the_first_is_and_the_dead_keep_nothing(
    holder: subprocess.Popen[str], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = rf"run: process {holder.pid} on {platform.node()} trains there since 20.*; wait for it, or choose another"
    with pytest.raises(InputError, match=said):
        take(run)
    take(tmp_path / "other")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (run / NAME).exists(), "nobody took it away"
    take(run)
    assert list(run.iterdir()) == []
    assert not (tmp_path / "other").exists(), "nothing is left of a folder that was made for the lock only"


def test_the_folder_of_a_run_is_kept(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with only_training(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()} on"):
        take(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def without_locks(*_: object) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


def leave(folder: Path, **words: object) -> None:
    owner = this_process()
    known = {"host": "far", "machine": owner.machine, "pid": owner.pid, "started": owner.started, "since": "yesterday"}
    (folder / NAME).write_text(json.dumps(known | words))


def test_on_a_disk_without_locks_the_words_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock.fcntl, "flock", without_locks)
    take(tmp_path)
    leave(tmp_path)
    with pytest.raises(InputError, match=rf"process {os.getpid()} on far .*if it no longer runs, remove .*{NAME}"):
        take(tmp_path)
    leave(tmp_path, machine="0123456789ab", pid=1)
    with pytest.raises(InputError, match="process 1 on far trains there since yesterday"):
        take(tmp_path)
    for dead in ({"started": 1}, {"pid": 99999999}):
        leave(tmp_path, **dead)
        take(tmp_path)
    for damaged in (b"", b"{", b"[]", b"\xff"):
        (tmp_path / NAME).write_bytes(damaged)
        take(tmp_path)


def test_a_system_without_locks_and_reads_at_a_place_has_the_words_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows is."""
    monkeypatch.setattr(lock, "fcntl", None)
    for name in ("pread", "pwrite"):
        monkeypatch.delattr(os, name, raising=False)
    take(tmp_path)
    with only_training(tmp_path), pytest.raises(InputError, match=f"process {os.getpid()} on"):
        take(tmp_path)
    leave(tmp_path, pid=99999999)
    take(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_another_machine_left_is_told_and_taken_where_locks_work(tmp_path: Path) -> None:
    leave(tmp_path, machine="0123456789ab", pid=1)
    with pytest.warns(UserWarning, match="process 1 on far has not said that its training ended; if it still runs"):
        take(tmp_path)
    take(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/run: cannot be written \(Not a directory\)"):
        take(tmp_path / "file/run")
