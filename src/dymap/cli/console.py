"""What all commands share: the terminal, progress bars, devices, common options."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from dymap.errors import InputError

console = Console(highlight=False, soft_wrap=True, markup=False)

Device = Annotated[str, tyro.conf.arg(help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")]
Threads = Annotated[int, tyro.conf.arg(help="CPU threads; 0: as many as torch takes by itself.")]
Renderer = Literal["march", "fast", "volume"]


def keep_freed_memory() -> None:
    """Let the C library keep large freed blocks: by default glibc gives them back to the kernel, which hands out
    zeroed pages again for the same tensors at every step. Does nothing with other C libraries."""
    trim_threshold, mmap_threshold = -1, -3
    try:
        library = ctypes.CDLL("libc.so.6")
        library.mallopt(mmap_threshold, 32 * 2**20)
        library.mallopt(trim_threshold, 2**30)
    except (OSError, AttributeError):
        return


def exit_code(command: Callable[[], int | None]) -> int:
    """Call a command; returns its exit code. Faults of the input become one sentence on stderr and exit code 1."""
    from dymap.train.distributed import LostError, PeerError
    from dymap.train.step import NotFiniteError

    try:
        return int(command() or 0)
    except PeerError:  # the process that failed says why
        return 1
    except (InputError, NotFiniteError, LostError) as error:
        print("error:", " ".join(str(error).splitlines()), file=sys.stderr)
        return 1
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search("out of memory|allocate memory", str(error)):
            raise
        print(
            "error: not enough memory for this; ask for smaller images, fewer rays or a coarser lattice",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def check_threads(threads: int) -> None:
    if threads < 0:
        raise InputError(f"--threads {threads}: expected 1 or more, or 0 for as many as torch takes by itself")


def resolve_device(name: str) -> str:
    """What `auto` stands for here; other names as they are."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_device(name: str, threads: int = 0) -> torch.device:
    """The torch device called `name`; auto takes a GPU where there is one. Raises InputError if it is absent.

    Also sets up the process for computing: threads, memory, denormal numbers.
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


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[..., None]]:
    """A bar with rate and time left; call the yielded function with (done, total) and an optional note."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"), console=console, speed_estimate_period=60,
    )  # fmt: skip
    with bar:
        task = bar.add_task(title, total=None, note="")

        def update(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield update


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Warnings as one line, without the place in the code."""
    if issubclass(category, UserWarning):
        print(f"warning: {message}", file=sys.stderr)
