"""What all commands share: the terminal, exit codes, common options."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import tyro
from rich.console import Console

from dymap.errors import InputError

console = Console(highlight=False, soft_wrap=True, markup=False)

Device = Annotated[str, tyro.conf.arg(help="Where to compute: auto, cpu, cuda, cuda:1, mps, ...")]
Threads = Annotated[int, tyro.conf.arg(help="CPU threads; 0: as many as torch takes by itself.")]
RENDERERS = "march: exact; fast: real time; volume: all samples of the box."


def say(sentence: str) -> None:
    """Print a line."""
    console.print(sentence)


def exit_code(command: Callable[[], int | None]) -> int:
    """Call a command; returns its exit code. Faults of the input become one sentence on stderr and exit code 1."""
    from dymap.runs.training import FAILURES, PEER_FAILURE

    try:
        return int(command() or 0)
    except PEER_FAILURE:  # the process that failed says why
        return 1
    except (InputError, *FAILURES) as error:
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


def show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    """Warnings as one line, without the place in the code."""
    if issubclass(category, UserWarning):
        print(f"warning: {message}", file=sys.stderr)
