"""Work that is done side by side: one new process a task, as many at once as there are places.

    tasks -> the next free place -> a process, that tells what it does -> its result

A process that fails, or is killed, ends only its own task: that is told at once, the others go on, and at the end the
first fault is raised. Nothing is tried again by itself.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

import torch

from dymap.runs.process import pick_device, resolve_device
from dymap.runs.tasks import Asked, Place, Result, Task, Told, cores
from dymap.signals import ENDING
from dymap.train.distributed import LostError
from dymap.train.launch import end_with_parent, ignoring


@dataclass(frozen=True)
class Pool:
    """The engine of one machine: see `places` and `run_pool`. threads: of the CPU in all, see `places`."""

    device: str = "auto"
    threads: int = 0

    def places(self, count: int) -> list[Place]:
        return places(count, self.device, self.threads)

    def here(self, where: Sequence[Place]) -> tuple[torch.device, int]:
        return pick_device(where[0].device), len(where)

    def run(
        self, tasks: Sequence[Task[Result]], where: Sequence[Place], told: Told, asked: Asked = lambda: False
    ) -> list[Result | None]:
        return run_pool(tasks, where, told, asked)


class PipeChannel:
    """A task's channel to the process that has started its own."""

    def __init__(self, connection: Connection):
        self._connection = connection
        self._stopped = False

    def tell(self, what: Any) -> None:
        """Say how far the work is, in whatever form who started the pool understands."""
        self._connection.send(("told", what))

    def warn(self, message: Warning | str, category: type[Warning] = UserWarning, *_: Any, **__: Any) -> None:
        """Takes the place of `warnings.showwarning`: the process that started this one shows it."""
        if issubclass(category, UserWarning):
            self._connection.send(("warned", str(message)))

    def stopped(self) -> bool:
        """Whether the work is to end after its step."""
        while not self._stopped and self._connection.poll():
            self._connection.recv()
            self._stopped = True
        return self._stopped


def places(count: int, device: str, threads: int) -> list[Place]:
    """Where so many tasks run side by side: on a GPU each, or on a core each; at least one place.

    threads: of the CPU in all, 0: those that this process may use. More cores than tasks are shared out to them.
    """
    name = resolve_device(device)
    if name == "cuda":
        import torch

        gpus = max(1, min(count, torch.cuda.device_count()))
        return [Place(f"cuda:{gpu}", max(1, (threads or cores()) // gpus)) for gpu in range(gpus)]
    if name != "cpu":
        return [Place(name, threads)]
    total = threads or cores()
    side_by_side = max(1, min(count, total))
    return [Place(name, total // side_by_side) for _ in range(side_by_side)]


@dataclass
class _Running:
    """A task in its process. task: its number."""

    task: int
    place: Place
    process: SpawnProcess
    connection: Connection
    ended: bool = False


def run_pool(
    tasks: Sequence[Task[Result]],
    where: Sequence[Place],
    told: Told,
    asked: Asked = lambda: False,
) -> list[Result | None]:
    """The results of tasks, None for those that were not begun; at most one at a time in each place.

    told(number of the task, what): what processes tell. asked: whether all are to stop: no task is begun any more, and
    those that run are told so. Processes ignore Ctrl-C and its like, which often reach a whole group of them. Raises
    the first error of a task, LostError for one whose process was killed, when the others have ended.
    """
    context = multiprocessing.get_context("spawn")  # a process that has used threads or a GPU cannot be forked
    results: list[Result | None] = [None] * len(tasks)
    faults: list[Exception] = []
    left, free, running = list(range(len(tasks))), list(where), list[_Running]()
    stopping = False
    try:
        while running or (left and not stopping):
            if not stopping and asked():
                stopping = True
                for one in running:
                    _stop(one)
            while left and free and not stopping:
                number, place = left.pop(0), free.pop(0)
                ours, theirs = context.Pipe()
                process = context.Process(target=_work, args=(tasks[number], place, theirs), daemon=True)
                running.append(_Running(number, place, process, ours))
                with ignoring(*ENDING):
                    process.start()
                theirs.close()
            for connection in wait([one.connection for one in running], timeout=0.2):
                one = next(one for one in running if one.connection is connection)
                try:
                    kind, what = one.connection.recv()
                except (EOFError, OSError, pickle.UnpicklingError):
                    one.process.join()
                    running.remove(one)
                    free.append(one.place)
                    if not one.ended:
                        faults.append(_lost(tasks[one.task], one.process.exitcode))
                        _tell_fault(faults[-1], bool(left or running))
                    continue
                if kind == "told":
                    told(one.task, what)
                elif kind == "warned":
                    warnings.warn(f"{tasks[one.task].name}: {what}", stacklevel=2)
                elif kind == "done":
                    results[one.task], one.ended = what, True
                else:
                    faults.append(what)
                    one.ended = True
                    _tell_fault(what, bool(left or len(running) > 1))
    finally:
        for one in running:
            if one.process.pid is not None:
                one.process.kill()
                one.process.join()
            one.connection.close()
    if faults:
        raise faults[0]
    return results


def _work(task: Task[Any], place: Place, connection: Connection) -> None:
    """What a new process does."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    channel = PipeChannel(connection)
    warnings.showwarning = channel.warn
    try:
        connection.send(("done", task.work(place, channel)))
    except Exception as error:
        error.add_note(f"in {task.name}:\n{traceback.format_exc()}")
        try:
            connection.send(("failed", error))
        except (pickle.PicklingError, TypeError, AttributeError):
            connection.send(("failed", RuntimeError(f"{task.name}: {error!r}")))


def _stop(one: _Running) -> None:
    try:
        one.connection.send("stop")
    except OSError:  # it has ended
        return


def _lost(task: Task[Any], code: int | None) -> LostError:
    """The sentence about a process that is gone."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        how = f"was ended by {name}" + (", as a system does that runs out of memory" if name == "SIGKILL" else "")
    else:
        how = f"ended with exit code {code}"
    return LostError(f"{task.name}: its process {how}; {task.remedy}")


def _tell_fault(fault: Exception, others: bool) -> None:
    """At once, if there are others that go on: they may take hours."""
    if others:
        warnings.warn(f"{fault}; the others go on", stacklevel=3)
