"""Files that a library maps into memory, safe from whoever changes them meanwhile."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def private_copy(path: Path) -> Iterator[Path]:
    """A copy of a file in memory, to be opened in its place: what is mapped from it stays when the file is cut short.

    Looking at what a mapped file has lost ends the process (SIGBUS), and safetensors maps. The copy needs no more
    memory than what is mapped, and lives as long. Where the system has no such files (Linux has), or no room for one,
    it is the file itself.
    """
    copy = _copy(path)
    if copy is None:
        yield path
        return
    try:
        yield Path(f"/proc/self/fd/{copy}")
    finally:
        os.close(copy)


def _copy(path: Path) -> int | None:
    """An open file in memory with the content of another; None if there can be none."""
    if not hasattr(os, "memfd_create") or not path.is_file():
        return None
    handle = None
    try:
        with path.open("rb") as file:
            handle = os.memfd_create("dymap")
            with os.fdopen(handle, "wb", closefd=False) as copy:
                shutil.copyfileobj(file, copy, 2**20)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle
