"""The process that computes: its device, threads, memory, and the signals that ask it to stop."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from dymap.errors import InputError
from dymap.runs.bars import Say, say_nothing
from dymap.signals import handling
from dymap.train.distributed import Rank

HANGUP = getattr(signal, "SIGHUP", None)


def pick_device(name: str, threads: int = 0) -> torch.device:
    """The torch device called `name`; auto takes a GPU if there is one. Raises InputError if it is absent.

    Also sets up the process for computing: threads (0: as many as torch takes by itself), memory, denormal numbers.
    """
    # Adam's decaying averages end as denormal numbers, which many CPUs compute far slower than zeros. Set before
    # torch makes its threads, which inherit it.
    torch.set_flush_denormal(True)
    check_threads(threads)
    keep_freed_memory()
    if threads > 0:
        torch.set_num_threads(threads)
    name = resolve_device(name)
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device {name!r} cannot be used ({str(error).splitlines()[0]})") from None
    return device


def resolve_device(name: str) -> str:
    """What `auto` stands for here; other names as they are."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def check_threads(threads: int) -> None:
    """Raise InputError for a number of threads that cannot be."""
    if threads < 0:
        raise InputError(f"--threads {threads}: expected 1 or more, or 0 for as many as torch takes by itself")


def device_of(name: str, own: Rank) -> str:
    """The device of a process, among those of its machine. Raises InputError if there are not enough."""
    name = resolve_device(name)
    if own.world_size == 1 or name == "cpu":
        return name
    if name != "cuda":
        raise InputError(f"--device {name}: several processes train on cuda, one GPU each, or on cpu")
    if torch.cuda.device_count() < own.local_size:
        raise InputError(f"{own.local_size} processes need as many GPUs, this machine has {torch.cuda.device_count()}")
    return f"cuda:{own.local_rank}"


def threads_of(threads: int, own: Rank) -> int:
    """How many of its machine's threads a process takes; 0: as many as torch, or torchrun, has given it."""
    if threads == 0 and own.meeting:
        threads = torch.get_num_threads()
    return max(1, threads // own.local_size) if threads > 0 else threads


def keep_freed_memory() -> None:
    """Let the C library keep large freed blocks: by default glibc gives them back to the kernel, which returns zeroed
    pages for the same tensors at every step. Does nothing with other C libraries."""
    trim_threshold, mmap_threshold = -1, -3
    try:
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(mmap_threshold, 32 * 2**20)
        library.mallopt(trim_threshold, 2**30)
    except (OSError, AttributeError):
        return


@contextmanager
def stop_on_signal(say: Say = say_nothing) -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C, a termination or the end of the terminal asks to stop; a second Ctrl-C or
    termination stops at once.

    Outside the main thread, to which Python gives the signals, it stays empty.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def receive(number: int, _: Any) -> None:
        leave_lost_terminal()
        if received and number != HANGUP:  # which a closed terminal and its shell may both send
            raise KeyboardInterrupt
        received.append(number)
        say("stopping after this step ...")

    with handling(receive):
        yield received


def leave_lost_terminal() -> None:
    """Say everything to nobody from now on if the terminal is gone, as its errors would end what is being saved."""
    try:
        import termios
    except ModuleNotFoundError:  # Windows
        return
    for stream in range(3):
        try:
            termios.tcgetattr(stream)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                nobody = os.open(os.devnull, os.O_RDWR)
                os.dup2(nobody, stream)
                os.close(nobody)


def signalled(received: list[int]) -> Callable[[], bool]:
    """Whether a signal was received (see `stop_on_signal`)."""
    return lambda: bool(received)


class Clock:
    """A time budget in minutes; None is endless."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end
