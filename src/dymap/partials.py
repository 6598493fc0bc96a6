"""What is being written: a folder beside its place, named after the process that writes it.

    film.mov   ->   .film.mov.3f0c9a1b2d4e-4711-88231-0.partial/film.mov   ->   film.mov

The name says whose it is (machine, process, when that began), so that the next command that writes there sweeps what a
killed one left, and never what a living one still writes. Files that writers put beside their own go with the folder.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = re.compile(r"\..*\.([0-9a-f]{12})-([1-9]\d{0,9})-(\d{1,20})-\d+\.partial", re.DOTALL)
OLD = 24 * 3600
"""Seconds without a change after which what another machine has left is swept: nobody here knows who lives there."""
SHARE = 100
"""How often the time of looking through a folder must pass before it is looked through again."""

_serial = itertools.count()
_next_look: dict[str, float] = {}


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place beside `path` to write what will be renamed to it: of the same name, in a folder of its own.

    The folder vanishes with the block, whatever is still in it. What killed processes left there is swept first.
    """
    sweep(path.parent)
    owner = this_process()
    while True:
        mark = f"{owner.machine}-{owner.pid}-{owner.started}-{next(_serial)}"
        folder = path.with_name(f".{path.name[:40]}.{mark}.partial")
        with suppress(FileExistsError):
            folder.mkdir()
            break
    try:
        yield folder / path.name
    finally:
        discard(folder)


def sweep(folder: Path) -> None:
    """Remove what killed processes left in a folder: of this machine at once, of others after a day without a change.

    Does nothing if that was looked for a moment ago: writing thousands of files must not list them thousands of times.
    """
    key, began = os.path.abspath(folder), time.monotonic()
    if began < _next_look.get(key, 0.0):
        return
    try:
        with os.scandir(folder) as entries:
            found = [
                Path(entry) for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return
    now = time.monotonic()
    _next_look[key] = now + SHARE * (now - began)
    for partial in found:
        if is_left(partial):
            discard(partial)


def is_left(partial: Path) -> bool:
    """Whether nobody writes there any more."""
    match = NAME.fullmatch(partial.name)
    if match is None:
        return False
    owner = Owner(match[1], int(match[2]), int(match[3]))
    if owner.machine == this_process().machine and os.name != "nt":
        return not lives(owner)
    return time.time() - last_change(partial) > OLD


def discard(folder: Path) -> None:
    """Remove a folder, but for one from which a command still reads: whoever sweeps later removes that."""
    if not any(is_held(file) for file in folder.glob("*/*")):
        shutil.rmtree(folder, ignore_errors=True)


def is_held(path: Path) -> bool:
    """Whether another process, or another part of this one, holds a lock on a file (see `hold`)."""
    if fcntl is None:
        return False
    try:
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)  # network disks lock only what may be written
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return False
    finally:
        os.close(handle)
    return False


def hold(handle: int) -> None:
    """Hold an open file until it is closed: who cleans up leaves it. On a disk without locks it is not held."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)


def last_change(folder: Path) -> float:
    """The time of the newest change of anything in a folder, seconds since 1970."""
    newest = 0.0
    for place, _, names in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in names)):
            with suppress(OSError):
                newest = max(newest, os.lstat(path).st_mtime)
    return newest


@dataclass(frozen=True)
class Owner:
    """A process. machine: 12 hex digits of where it runs. started: when, in the system's own ticks; 0: unknown."""

    machine: str
    pid: int
    started: int


def this_process() -> Owner:
    """The process that asks."""
    return _owner(os.getpid())


@cache
def _owner(pid: int) -> Owner:
    found = _state(pid)
    return Owner(_machine(), pid, found[1] if found else 0)


def lives(owner: Owner) -> bool:
    """Whether a process of this machine still runs. Its number may have gone to another since, which does not count."""
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user
        pass
    found = _state(owner.pid)
    return found is None or (found[0] not in "ZX" and found[1] == owner.started)


def _state(pid: int) -> tuple[str, int] | None:
    """State (Z: killed, and not yet buried) and start of a process; None if the system does not tell (Linux does)."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return words[0], int(words[19])
    except (OSError, IndexError, ValueError):
        return None


@cache
def _machine() -> str:
    """The machine since it was switched on, and in it the container: within these, numbers of processes are unique."""
    marks = [platform.node()]
    with suppress(OSError):
        marks += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return hashlib.sha256("\n".join(marks).encode(errors="replace")).hexdigest()[:12]
