"""One command in a child process, undisturbed or with a fault on its way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.faults.children import context, ended, quiet, start

PATIENCE = 300.0
"""Seconds after which a command hangs."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True)
class Fault:
    """What befalls a command.

    number: the signal that is sent `after` seconds, or just before its change `change` (from 0) of the file system.
    size: bytes beyond which no file grows, as on a full disk.
    """

    number: signal.Signals = signal.SIGKILL
    after: float | None = None
    change: int | None = None
    size: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a command ended. code: its exit code, negative: the signal that ended it, None: it hung. said: on both
    streams. changes: of the file system, if it came to its end."""

    code: int | None
    said: str
    seconds: float
    changes: int = 0


def run(arguments: list[str], place: Path, cache: Path, fault: Fault | None = None) -> Outcome:
    """Run a command in a forked child. place: the folder within which changes are counted."""
    fault = fault or Fault()
    begun, begins = context().Pipe(duplex=False)
    words, speaks = context().Pipe(duplex=False)
    child = start(_command, arguments, place, cache, fault, begins, speaks)
    begins.close()
    speaks.close()
    assert begun.recv() == "begins"
    before = time.monotonic()
    if fault.after is not None:
        child.join(fault.after)
        if child.is_alive() and child.pid is not None:
            os.kill(child.pid, fault.number)
    code = ended(child, PATIENCE)
    seconds = time.monotonic() - before
    try:
        changes = begun.recv()
    except EOFError:  # it did not come to its end
        changes = 0
    said = b""
    while part := os.read(words.fileno(), 2**16):
        said += part
    return Outcome(code, said.decode(errors="replace"), seconds, changes)


def _command(
    arguments: list[str], place: Path, cache: Path, fault: Fault, begins: Connection, speaks: Connection
) -> None:
    import resource

    import torch

    from dymap.cli import main

    os.environ["DYMAP_CACHE"] = str(cache)
    quiet(speaks.fileno())
    torch.set_num_threads(1)
    changes = _Changes(str(place), fault)
    sys.addaudithook(changes)
    if fault.size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.size, resource.RLIM_INFINITY))
    begins.send("begins")
    code = main(arguments)
    begins.send(changes.count)
    sys.exit(code)


class _Changes:
    """Counts what a process changes below a folder, and sends the signal of the fault when its turn has come."""

    def __init__(self, place: str, fault: Fault):
        self.place, self.fault, self.count = place, fault, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            name = str(arguments[0])  # relative: in a folder that is open
            if os.path.isabs(name) and not name.startswith(self.place):
                return
            self.count += 1
            if self.count - 1 == self.fault.change:
                os.kill(os.getpid(), self.fault.number)


def run_alone(arguments: list[str], cache: Path, fault: Fault | None = None, **more: str) -> Outcome:
    """Run a command as users do, with its imports and the processes that it starts. Only `after` befalls it."""
    environment: Mapping[str, str] = {**os.environ, "DYMAP_CACHE": str(cache), "OMP_NUM_THREADS": "1", **more}
    process = subprocess.Popen(
        [sys.executable, "-m", "dymap", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    )
    before = time.monotonic()
    try:
        if fault is not None and fault.after is not None:
            try:
                process.wait(fault.after)
            except subprocess.TimeoutExpired:
                process.send_signal(fault.number)
        said = process.communicate(timeout=PATIENCE)[0]  # until those that it has started have ended too
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        said, code = "", None
    finally:
        process.kill()
        process.wait()
    return Outcome(code, said, time.monotonic() - before)
