"""Several processes of this machine that work together, and what becomes of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from dymap.config import INTERRUPTED
from dymap.partials import beside
from dymap.signals import ENDING
from dymap.train.distributed import LostError, Rank

GRACE = 10.0
"""Seconds in which the others must end once one has failed."""
Stopped = Callable[[], bool]


def launch(size: int, work: Callable[[Rank, Stopped], int], asked: Stopped) -> int:
    """Call `work(own, stopped)` in `size` new processes; its results are their exit codes. Returns the first that is
    neither 0 nor INTERRUPTED, or the largest.

    work: importable by its name. stopped() becomes true in all of them when asked() is true here; they ignore
    Ctrl-C and its like (`ENDING`), which often reach a whole group of processes. When one fails, so do the others,
    after GRACE seconds at the latest; when this process is gone, so are they. Raises LostError that names a process
    that was killed.
    """
    context = multiprocessing.get_context("spawn")  # a process that has used threads or a GPU cannot be forked
    stop = context.Event()
    with beside(Path(tempfile.gettempdir()) / "dymap") as meeting:
        processes = [
            context.Process(target=_work, args=(work, Rank(rank, size, rank, size, meeting), stop.is_set), daemon=True)
            for rank in range(size)
        ]
        try:
            with ignoring(*ENDING):  # as the new processes will for good
                for process in processes:
                    process.start()
            for _ in _until_all_end(processes):
                if asked():
                    stop.set()
            return _exit_code(processes)
        finally:
            started = [process for process in processes if process.pid is not None]
            for process in started:
                process.kill()
            for process in started:
                process.join()


def _work(work: Callable[[Rank, Stopped], int], own: Rank, stopped: Stopped) -> None:
    """What a new process does."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.exit(work(own, stopped))


def end_with_parent() -> None:
    """For a thread of a new process: end it when the process that has started it is gone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def ignoring(*numbers: signal.Signals) -> Iterator[None]:
    """A block whose new processes ignore these signals for good."""
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _until_all_end(processes: list[SpawnProcess]) -> Iterator[None]:
    """Yields a few times a second until all processes have ended, or one has failed and the others had their time."""
    end = float("inf")
    while running := [process.sentinel for process in processes if process.exitcode is None]:
        wait(running, timeout=0.2)
        if end == float("inf") and any(process.exitcode not in (None, 0, INTERRUPTED) for process in processes):
            end = time.monotonic() + GRACE
        if time.monotonic() >= end:
            return
        yield


def _exit_code(processes: list[SpawnProcess]) -> int:
    codes = [process.exitcode for process in processes if process.exitcode is not None]
    for rank, process in enumerate(processes):
        if process.exitcode is not None and process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            hint = ", as a system does that runs out of memory" if name == "SIGKILL" else ""
            raise LostError(f"process {rank} of {len(processes)} was ended by {name}{hint}")
    return next((code for code in codes if code not in (0, INTERRUPTED)), max(codes))
