"""What all commands share: the terminal, exit codes, common options."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import tyro
from rich.console import Console

from dymap.config import INTERRUPTED
from dymap.errors import InputError

console = Console(highlight=False, soft_wrap=True, markup=False)

Device = Annotated[str, tyro.conf.arg(help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")]
Threads = Annotated[int, tyro.conf.arg(help="CPU threads; 0: as many as torch takes by itself.")]
RENDERERS = "march: exact; fast: real time; volume: all samples of the box."


def say(sentence: str) -> None:
    """Print a line."""
    console.print(sentence)


def warn(sentence: str) -> None:
    """Print a warning, which --quiet does not keep back."""
    print(f"warning: {sentence}", file=sys.stderr)


def exit_code(command: Callable[[], int | None]) -> int:
    """Call a command; returns its exit code. Faults of the input become one sentence on stderr and exit code 1."""
    try:
        return int(command() or 0)
    except InputError as error:
        return failed(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, ImportError) and error.name == "dymap._core":  # it was asked for, and is missing
            return failed(str(error))
        # Imported here, as torch comes with it: a command line that is only explained does not need it.
        from dymap.runs.training import FAILURES, PEER_FAILURE

        if isinstance(error, PEER_FAILURE):  # the process that failed says why
            return 1
        if isinstance(error, FAILURES):
            return failed(str(error))
        if isinstance(error, MemoryError) or (
            isinstance(error, RuntimeError) and re.search("out of memory|allocate memory", str(error))
        ):
            return failed("not enough memory for this; ask for smaller images, fewer rays or a coarser lattice")
        raise


def failed(sentence: str) -> int:
    """Say why on stderr; returns the exit code."""
    print("error:", " ".join(sentence.splitlines()), file=sys.stderr)
    return 1


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Warnings as one line, without the place in the code."""
    if issubclass(category, UserWarning):
        warn(str(message))


def rate_text(rate: float) -> str:
    """A number of things a second in words."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each"
