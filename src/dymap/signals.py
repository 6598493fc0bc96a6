"""Ctrl-C while the main thread waits for others.

A handler that raises inside Python's own locks (of a Future, an Event, a queue) can leave one held for ever, and then
whoever needs it next hangs. So the main thread waits with signals held: they are raised when it has let go.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What asks a command to end: Ctrl-C, a termination, a terminal that was closed."""
Handler = Callable[[int, FrameType | None], Any]
Given = TypeVar("Given")
Made = TypeVar("Made")
LONGEST = 0.1
"""Seconds for which signals are held while a job is waited for."""
_job = threading.local()
"""Of a thread of `threads`: `ended`, whether their block is being left."""


class Ended(Exception):
    """Ends a job whose result nobody waits for any more."""


@contextmanager
def held() -> Iterator[None]:
    """Signals that arrive in the block are handled at its end. For short waits: nothing interrupts them.

    Outside the main thread, which alone is interrupted, and for signals that no handler of Python's takes, it does
    nothing.
    """
    received: list[tuple[Handler, int]] = []
    before: list[tuple[signal.Signals, Handler]] = []

    def later(handler: Handler) -> Handler:
        return lambda number, _: received.append((handler, number))

    try:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if callable(handler := signal.getsignal(number)):
                    before.append((number, handler))
                    signal.signal(number, later(handler))
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        for handler, number in received:
            handler(number, None)


@contextmanager
def threads(count: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads that end with the block: what has not begun is dropped, and what they are at ends where it asks for that
    (`check_ended`), else when it is done. Who waits for them does so with signals `held`, or by `in_order`."""
    ended = threading.Event()
    with held():
        pool = ThreadPoolExecutor(count, initializer=setattr, initargs=(_job, "ended", ended))
    try:
        yield pool
    finally:
        with held():
            ended.set()
            pool.shutdown(cancel_futures=True)


def check_ended() -> None:
    """For long jobs, at each of their steps: raises Ended if the block of `threads` that they run in is being left."""
    ended: threading.Event | None = getattr(_job, "ended", None)
    if ended is not None and ended.is_set():
        raise Ended


def in_order(
    pool: ThreadPoolExecutor, given: Iterable[Given], make: Callable[[Given], Made], most: int
) -> Iterator[tuple[Given, Made]]:
    """What is made of each, in order; at most so many are under way or wait to be taken. Signals are raised at once,
    however long one takes."""
    waiting: list[tuple[Given, Future[Made]]] = []
    for one in given:
        with held():
            waiting.append((one, pool.submit(make, one)))
        if len(waiting) >= most:
            yield _waited_for(*waiting.pop(0))
    for pair in waiting:
        yield _waited_for(*pair)


def _waited_for(given: Given, future: Future[Made]) -> tuple[Given, Made]:
    done = False
    while not done:
        with held():
            done = bool(wait([future], LONGEST).done)
    with held():
        return given, future.result()


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """What asks to end goes to `handler`, even if it was ignored, as Ctrl-C is in a shell's background; afterwards to
    whom it went before. A closed terminal that is ignored (nohup) stays ignored."""
    hangup = getattr(signal, "SIGHUP", None)
    numbers = [n for n in ENDING if n != hangup or signal.getsignal(n) != signal.SIG_IGN]
    before = [(number, signal.signal(number, handler)) for number in numbers]
    try:
        yield
    finally:
        for number, old in before:
            signal.signal(number, old)


@contextmanager
def asked_to_end() -> Iterator[Callable[[], bool]]:
    """Whether anything has asked to end since the block began: nothing raises in it. A second request ends the process
    at once, as the system does by itself, so nothing may be half-done in it."""
    received: list[int] = []

    def receive(number: int, _: FrameType | None) -> None:
        received.append(number)
        for ending in ENDING:
            signal.signal(ending, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    with handling(receive):
        yield lambda: bool(received)
