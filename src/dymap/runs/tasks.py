"""Work that is cut into tasks, and who does it: the interface of all engines.

    tasks -> places of an engine -> each tells what it does -> their results, in the tasks' order

Who has work to be done makes tasks and calls `Engine.run`; which engine that is, only `engines.py` knows.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch

Result = TypeVar("Result")
Told = Callable[[int, Any], None]
"""Takes the number of a task and what it tells."""
Asked = Callable[[], bool]
"""Whether all is to stop."""


@dataclass(frozen=True)
class Place:
    """Where a task computes: a device, and the threads that it takes of the CPU."""

    device: str
    threads: int


class Channel(Protocol):
    """What a task tells who has started it, and whether it is to stop."""

    def tell(self, what: Any) -> None:
        """Say how far the work is, in whatever form who made the task understands."""

    def stopped(self) -> bool:
        """Whether the work is to end after its step."""


@dataclass(frozen=True)
class Task(Generic[Result]):
    """name: for messages. work: importable by its name; its result (without tensors, whose memory would go
    with the process) and its errors come back. remedy: how to go on if
    its process is killed."""

    name: str
    work: Callable[[Place, Channel], Result]
    remedy: str


class Engine(Protocol):
    """Who does tasks."""

    def places(self, count: int) -> list[Place]:
        """Where so many tasks run side by side: on a GPU each, or on a core each; at least one place. Raises InputError
        if the device is not there."""

    def here(self, where: Sequence[Place]) -> tuple[torch.device, int]:
        """The device on which this process looks at what the tasks have made, and how many of them share a machine."""

    def run(
        self, tasks: Sequence[Task[Result]], where: Sequence[Place], told: Told, asked: Asked = lambda: False
    ) -> list[Result | None]:
        """The results of tasks, None for those that were not begun.

        told: is called here, in the main thread. asked: whether all are to stop: no task is begun any more, and those
        that run are told so. Raises the first error of a task, LostError for one whose process was killed, when the
        others have ended.
        """


def cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
