"""Work in a process that may take little memory and time."""

from __future__ import annotations

import resource
from collections.abc import Callable
from pathlib import Path

from dymap.errors import InputError
from tests.faults import children


def in_a_child(said: Path, limit: int, kind: int, work: Callable[..., object], *arguments: object) -> str:
    """What work brings about in a process that may take `limit` bytes more than now (of `kind`) and a minute.

    said: a file for it to say so. The process is forked from one that never had threads, whose locks would stay held.
    """
    child = children.start(within_limits, said, limit, kind, work, *arguments)
    status = children.ended(child, 120)
    return said.read_text() if status == 0 else f"ended with {status}"


def within_limits(said: Path, limit: int, kind: int, work: Callable[..., object], *arguments: object) -> None:
    pages = Path("/proc/self/statm").read_text().split()
    now = int(pages[0 if kind == resource.RLIMIT_AS else 5]) * resource.getpagesize()
    resource.setrlimit(kind, (now + limit,) * 2)
    children.limit_cpu(60)
    try:
        work(*arguments)
        text = "done"
    except InputError as error:
        text = str(error)
    except BaseException as error:
        text = f"traceback: {error!r}"
    said.write_text(text[:4000])
