"""What long work has done: a bar on a terminal, and a line a minute anywhere else, such as in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from dymap.cli.console import console, rate_text, say
from dymap.errors import printable
from dymap.runs.bars import Update

EVERY = 60.0
"""Seconds between two lines of a log."""


@contextmanager
def progress_bar(title: str) -> Iterator[Update]:
    """Show the progress of work in the way that suits where stdout goes."""
    title = printable(title)
    if not console.is_terminal:
        yield Lines(title)
        return
    from dymap.cli.bar import bar  # here, as it is only needed for long work on a terminal

    with bar(title) as update:
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
