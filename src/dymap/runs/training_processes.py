"""A training by several processes that are started here: their results and errors come back as if it were one."""

from __future__ import annotations

import multiprocessing
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from dymap.config import INTERRUPTED
from dymap.runs.process import check_threads, device_of, signalled, stop_on_signal
from dymap.runs.training_process import Job, Trained, train_in_place
from dymap.train.distributed import LostError, PeerError, Rank
from dymap.train.launch import launch


def train_in_processes(job: Job) -> Trained:
    """Train in new processes of this machine. Raises what the first of them that failed has raised."""
    count = job.config.train.processes
    check_threads(job.threads)  # before anything is started
    device_of(job.device, Rank(count - 1, count, count - 1, count))
    outcomes: Outcomes = multiprocessing.get_context("spawn").SimpleQueue()
    lost: LostError | None = None
    with stop_on_signal(job.say) as stopped:
        try:
            alone = replace(job, source=None)  # each reads the capture itself: files may be open in it
            launch(count, partial(work, alone, outcomes, warnings.showwarning), signalled(stopped))
        except LostError as error:
            lost = error
    trained = None
    while not outcomes.empty():
        outcome = outcomes.get()
        if isinstance(outcome, Exception):
            raise outcome
        trained = outcome
    if lost or not trained:
        raise lost or LostError(f"the {count} processes have ended without a word")
    return trained


def work(job: Job, outcomes: Outcomes, show_warning: Callable[..., Any], own: Rank, stopped: Callable[[], bool]) -> int:
    """What a new process does; returns its exit code. Its result or its error goes to `outcomes`."""
    warnings.showwarning = show_warning  # warnings look as they do in the process that has started this one
    try:
        trained = train_in_place(job, own, stopped)
    except PeerError:  # the process that failed says why
        return 1
    except Exception as error:
        error.add_note(f"in process {own.rank} of {own.world_size}:\n{traceback.format_exc()}")
        outcomes.put(error)
        return 1
    if trained.leads:
        outcomes.put(trained)
    return INTERRUPTED if trained.interrupted else 0


class Outcomes(Protocol):
    """A queue between processes."""

    def put(self, outcome: Trained | Exception) -> None: ...
    def get(self) -> Trained | Exception: ...
    def empty(self) -> bool: ...
