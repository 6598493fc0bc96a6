"""The bar that long work has on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from dymap.cli.console import console, rate_text
from dymap.errors import printable
from dymap.runs.bars import Update


@contextmanager
def bar(title: str) -> Iterator[Update]:
    """A bar of this title, until the context ends."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        _Rate(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
        _Note(),  # a terminal that is narrow takes from this one, as it is the only one that may be wrapped
    )
    progress = Progress(*columns, console=console, speed_estimate_period=60)
    with progress:
        task = progress.add_task(title, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            progress.update(task, completed=done, total=total, note=note)

        yield update


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(rate_text(speed) if speed else "")


class _Note(ProgressColumn):
    """What else there is to say, as much of it as the line holds."""

    def render(self, task: Task) -> Text:
        return Text(printable(task.fields["note"]), no_wrap=True, overflow="ellipsis")
