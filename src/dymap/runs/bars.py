"""How long work reports what it has done: one callable, which by default shows nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
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


def ignore_update(done: int, total: int, note: str = "") -> None:
    """Do nothing."""


def say_nothing(sentence: str) -> None:
    """Do nothing."""
