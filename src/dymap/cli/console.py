"""What all commands share: the terminal, exit codes, common options."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import tyro
from rich.console import Console

from dymap.config import INTERRUPTED
from dymap.errors import InputError, printable

console = Console(highlight=False, soft_wrap=True, markup=False)

Device = Annotated[str, tyro.conf.arg(help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")]
Threads = Annotated[int, tyro.conf.arg(help="CPU threads; 0: as many as torch takes by itself.")]
Address = Annotated[
    str | None, tyro.conf.arg(help="Of a Ray cluster, as 10.0.0.1:6379; default: RAY_ADDRESS, or one started here.")
]
RENDERERS = "march: exact; fast: real time; volume: all samples of the box; gpu: march on a GPU (extra gpu)."


def say(sentence: str) -> None:
    """Print a line. Names in it come from captures and files: see `printable`."""
    console.print(printable(sentence))


def warn(sentence: str) -> None:
    """Print a warning, which --quiet does not keep back."""
    print(f"warning: {printable(sentence)}", file=sys.stderr)


def exit_code(command: Callable[[], int | None], debug: bool = False) -> int:
    """Call a command; returns its exit code. Faults of the input become one sentence on stderr and exit code 1.

    So do those of the system: a disk, a name that cannot be, memory. Anything else is a fault of ours, and is raised.
    debug: print the traceback of any.
    """
    interrupts = show_no_traceback_of_interrupts()
    try:
        return int(command() or 0)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, ImportError) and error.name == "dymap._core":  # it was asked for, and is missing
            return failed(str(error))
        if interrupts and isinstance(error, ImportError | SystemError):  # it came while a library was being loaded
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        if isinstance(error, BrokenPipeError):  # who reads what is printed has seen enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        if (sentence := explained(error)) is None:
            raise
        return failed(sentence) if sentence else 1


def show_no_traceback_of_interrupts() -> list[int]:
    """A list that is empty until Ctrl-C. Python raises KeyboardInterrupt as usual, but says nothing if it is lost.

    Libraries that are being loaded can turn it into another error, or ignore it with a traceback; it comes again then.
    """
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        raise KeyboardInterrupt

    def ignored(lost: sys.UnraisableHookArgs) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            threading.Thread(target=interrupt_soon, daemon=True).start()  # in here it would be lost again
        else:
            sys.__unraisablehook__(lost)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
        sys.unraisablehook = ignored
    return received


def interrupt_soon() -> None:
    """Ctrl-C once more, when whoever lost it is done."""
    time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)


def explained(error: Exception) -> str | None:
    """One sentence for a fault of the input or of the system; empty if another process says it; None: it is ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError):
        place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return f"{place}cannot be used ({error.strerror or error or type(error).__name__})"
    if isinstance(error, UnicodeError):
        return f"a name or a text cannot be written or read here ({error}); is it UTF-8, and is the terminal's LC_ALL?"
    if isinstance(error, ValueError) and re.search("null (byte|character)", str(error)):
        return "a path holds a NUL character, which no file has in its name"
    # Imported here, as torch comes with it: a command line that is only explained does not need it.
    from dymap.runs.training import FAILURES, PEER_FAILURE

    if isinstance(error, PEER_FAILURE):  # the process that failed says why
        return ""
    if isinstance(error, FAILURES):
        return str(error)
    if isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and re.search("out of memory|allocate memory", str(error))
    ):
        return "not enough memory for this; ask for smaller images, fewer rays or a coarser lattice"
    return None


def failed(sentence: str) -> int:
    """Say why on stderr; returns the exit code."""
    print("error:", printable(" ".join(sentence.split("\n"))), file=sys.stderr)
    return 1


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Warnings as one line, without the place in the code."""
    if issubclass(category, UserWarning):
        warn(str(message))


def rate_text(rate: float) -> str:
    """A number of things a second in words."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
