"""Child processes forked from a server that has imported everything: each begins within milliseconds.

The server is started once and computes nothing, so that no thread is lost in a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import resource
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import dymap

LATE = ("torch._dynamo", "torch.fx.experimental.symbolic_shapes", "torch.utils.serialization", "trimesh")
"""What is imported only when it is needed, for seconds."""


def context() -> ForkServerContext:
    """Of `multiprocessing`; its server has imported all of dymap."""
    rooms = [module.name for module in pkgutil.walk_packages(dymap.__path__, "dymap.")]
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([*LATE, *(name for name in rooms if not name.endswith("__main__"))])
    return server


def start(target: Callable[..., None], *arguments: Any) -> BaseProcess:
    """Begin a child; it ends with us."""
    child = context().Process(target=target, args=arguments, daemon=True)
    child.start()
    return child


def ended(child: BaseProcess, seconds: float) -> int | None:
    """Wait for a child; its exit code (negative: the signal that ended it), or None: it hung and was killed."""
    child.join(seconds)
    hung = child.is_alive()
    child.kill()
    child.join()
    return None if hung else child.exitcode


def quiet(descriptor: int | None = None) -> None:
    """Within a child: what is written to the terminal goes to a file that is open, or nowhere."""
    target = os.open(os.devnull, os.O_WRONLY) if descriptor is None else descriptor
    os.dup2(target, 1)
    os.dup2(target, 2)
    # Ours were the server's, and may know of a file that could be searched.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, closefd=False) for number in (1, 2))


def limit_memory(more: int) -> None:
    """Within a child: it may take `more` bytes than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limit_cpu(more: int) -> None:
    """Within a child: the kernel ends it if it computes for `more` seconds from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(
        resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + more, resource.getrlimit(resource.RLIMIT_CPU)[1])
    )
