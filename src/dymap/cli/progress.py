"""What long work has done: a bar on a terminal, and a line a minute anywhere else, such as in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from dymap.cli.console import console, say
from dymap.runs.bars import Update

EVERY = 60.0
"""Seconds between two lines of a log."""


@contextmanager
def progress_bar(title: str) -> Iterator[Update]:
    """Show the progress of work in the way that suits where stdout goes."""
    if not console.is_terminal:
        yield Lines(title)
        return
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        _Note(),  # a terminal that is narrow takes from this one, as it is the only one that may be wrapped
    )
    bar = Progress(*columns, console=console, speed_estimate_period=60)
    with bar:
        task = bar.add_task(title, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield update


class Lines:
    """Prints the first update, the last, and one in every so many seconds between them."""

    def __init__(
        self,
        title: str,
        every: float = EVERY,
        show: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.title, self.every, self.show, self.clock = title, every, show, clock
        self._first: tuple[int, float] | None = None  # (done, when) of the first line
        self._last: tuple[int, float] | None = None  # and of the one before
        self._ended = False

    def __call__(self, done: int, total: int, note: str = "") -> None:
        if self._ended:
            return
        now = self.clock()
        self._ended = done >= total
        if self._last and not self._ended and now - self._last[1] < self.every:
            return
        parts = [f"{self.title}: {done} of {total}"]
        since = self._first if self._ended else self._last
        if since and now > since[1] and done > since[0]:
            rate = (done - since[0]) / (now - since[1])
            parts.append(rate_text(rate))
            if not self._ended:
                parts.append(f"{timedelta(seconds=round((total - done) / rate))} left")
        self.show(", ".join([*parts, note] if note else parts))
        self._last = done, now
        self._first = self._first or self._last


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(rate_text(speed) if speed else "")


class _Note(ProgressColumn):
    """What else there is to say, as much of it as the line holds."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"], no_wrap=True, overflow="ellipsis")


def rate_text(rate: float) -> str:
    """A number of things a second in words."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
