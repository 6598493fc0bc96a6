"""What a process of a cluster does: one task, whose letters go to a mailbox.

place of the task -> the folder in which the command was called -> its work -> done or failed, and what
"""

from __future__ import annotations

import importlib
import os
import pickle
import platform
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from dymap.errors import InputError
from dymap.runs.mailbox import Letter
from dymap.runs.tasks import Place, Task

EACH = 0.3
"""Seconds between two letters of a task."""
PATIENCE = 60.0
"""Seconds in which the mailbox must answer."""


def do_task(task: Task[Any], place: Place, number: int, mailbox: Any, folder: str) -> tuple[str, Any]:
    """What a process of the cluster does. folder: in which the command was called."""
    channel = LetterChannel(mailbox, number)
    channel.write("begun", f"process {os.getpid()} on {platform.node()}")
    if channel.stopped():
        return "left", None
    before, warnings.showwarning = warnings.showwarning, channel.warn
    try:
        _go_to(Path(folder))
        return "done", task.work(place, channel)
    except Exception as error:
        error.add_note(f"in {task.name}:\n{traceback.format_exc()}")
        try:
            pickle.dumps(error)
        except (pickle.PicklingError, TypeError, AttributeError):
            return "failed", RuntimeError(f"{task.name}: {error!r}")
        return "failed", error
    finally:
        warnings.showwarning = before
        channel.post(now=True)


def _go_to(folder: Path) -> None:
    """Names of files mean there what they mean to who called."""
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be entered on {platform.node()} ({error.strerror}); all machines of a cluster must see "
            "the folder in which the command is called, and those that it names"
        ) from None


class LetterChannel:
    """A task's channel to who started it, by way of the mailbox."""

    def __init__(self, mailbox: Any, number: int):
        self._ray: Any = importlib.import_module("ray")
        self._mailbox, self._number = mailbox, number
        self._letters: list[Letter] = []
        self._next, self._stopped = 0.0, False

    def tell(self, what: Any) -> None:
        self.write("told", what)

    def warn(self, message: Warning | str, category: type[Warning] = UserWarning, *_: Any, **__: Any) -> None:
        """Takes the place of `warnings.showwarning`: who started the task shows it."""
        if issubclass(category, UserWarning):
            self.write("warned", str(message))

    def stopped(self) -> bool:
        self.post()
        return self._stopped

    def write(self, kind: str, what: Any) -> None:
        self._letters.append((self._number, kind, what))
        self.post()

    def post(self, now: bool = False) -> None:
        """Send what is written, unless that was done a moment ago."""
        if now or time.monotonic() >= self._next:
            letters, self._letters = self._letters, []
            with suppress(self._ray.exceptions.RayError):
                self._stopped = bool(self._ray.get(self._mailbox.post.remote(letters), timeout=PATIENCE))
            self._next = time.monotonic() + EACH
