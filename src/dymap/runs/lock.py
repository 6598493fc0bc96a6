"""One training at a time in a run's folder: the second is refused, and told who the first is.

The file `training.lock` is locked by the system (flock), which lets go when the process ends, however it ends. On a
disk without locks, what is written in it decides: the process and when it began.
"""

from __future__ import annotations

import json
import os
import platform
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from dymap.errors import InputError
from dymap.partials import Owner, lives, sweep, this_process

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]


class LockedError(InputError):
    """Another process trains in a folder."""


NAME = "training.lock"
MAX_BYTES = 4096


@contextmanager
def only_training(folder: Path) -> Iterator[None]:
    """A block in which no other process trains in a run's folder; what killed ones left in it is swept.

    Raises LockedError that names the process that trains there already, and InputError if the folder cannot be written.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = _open_locked(folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error}); nothing was changed") from None
    try:
        sweep(folder)
        with suppress(OSError):  # a full disk: the system's lock holds without words
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, _words())
        yield
    finally:
        with suppress(OSError):
            os.ftruncate(handle, 0)  # free, even if it cannot be removed while it is open (Windows)
        with suppress(OSError):
            (folder / NAME).unlink()
        os.close(handle)
        for place in made:
            with suppress(OSError):  # no longer empty
                place.rmdir()


def _open_locked(folder: Path) -> int:
    """The open lock file, which is ours now. Raises InputError if it is somebody else's."""
    path = folder / NAME
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o666)
        try:
            locked = _lock(handle)
            words = _read(handle)
            if locked is False or (locked is None and _may_live(words)):
                raise LockedError(_refusal(folder, words, locked))
            if _is_there(handle, path):
                if locked and words.get("host", platform.node()) != platform.node():
                    warnings.warn(
                        f"{folder}: process {words.get('pid')} on {words['host']} has not said that its training "
                        "ended; if it still runs there, stop one of the two",
                        stacklevel=4,
                    )
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # of one that ended in between, and took its file away


def _lock(handle: int) -> bool | None:
    """Whether the file is locked for us; None: the disk has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _words() -> bytes:
    """What the file says of this process."""
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    return json.dumps({"host": platform.node(), "since": since, **asdict(this_process())}).encode()


def _read(handle: int) -> dict[str, Any]:
    """What the file says; nothing, if it is empty or damaged."""
    try:
        os.lseek(handle, 0, os.SEEK_SET)  # Windows has no pread
        words = json.loads(os.read(handle, MAX_BYTES))
    except (ValueError, RecursionError, OSError):
        return {}
    return words if isinstance(words, dict) else {}


def _may_live(words: dict[str, Any]) -> bool:
    """Whether the process that the file names may still run: of other machines nobody here knows."""
    owner = Owner(*(words.get(key) for key in ("machine", "pid", "started")))  # type: ignore[arg-type]
    if not words or owner.machine != this_process().machine or type(owner.pid) is not int or os.name == "nt":
        return bool(words)
    return lives(owner)


def _refusal(folder: Path, words: dict[str, Any], locked: bool | None) -> str:
    who = f"process {words.get('pid')} on {words.get('host')}" if words else "another process"
    since = f" since {words['since']}" if "since" in words else ""
    remedy = "" if locked is False else f" (if it no longer runs, remove {folder / NAME})"
    return f"{folder}: {who} trains there{since}; wait for it, or choose another --out{remedy}"
