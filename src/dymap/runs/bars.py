"""How long work reports what it has done: one callable, which by default shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol


class Update(Protocol):
    """Takes what is done, of how much, and what else is worth showing."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


Bars = Callable[[str], AbstractContextManager[Update]]
"""title -> a context in which the work of that title is done; it yields the Update to call.

A progress bar of one's own is a function of a few lines; `no_bars` is the shortest.
"""
Say = Callable[[str], None]
"""Takes a sentence that is worth reading before the work is done."""


@contextmanager
def no_bars(title: str) -> Iterator[Update]:  # noqa: ARG001
    """Show nothing."""
    yield ignore_update


@contextmanager
def when_needed(progress: Bars, title: str) -> Iterator[Update]:
    """A bar that is there from its first update on: work that turns out to be done already shows none."""
    with ExitStack() as opened:
        bars: list[Update] = []

        def update(done: int, total: int, note: str = "") -> None:
            if not bars:
                bars.append(opened.enter_context(progress(title)))
            bars[0](done, total, note)

        yield update


def ignore_update(done: int, total: int, note: str = "") -> None:
    """Do nothing."""


def say_nothing(sentence: str) -> None:
    """Do nothing."""
