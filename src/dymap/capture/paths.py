"""Paths that files of strangers name: relative, with slashes, inside the capture's folder."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Any

from dymap.errors import InputError

DRIVE = re.compile("[A-Za-z]:")
"""How an absolute path begins on Windows."""


def inner_path(path: Any, where: object) -> str:
    """The path of an image below the capture's folder, without `./`. Raises InputError that names `where` for others.

    Links are followed: they are the user's own.
    """
    if not isinstance(path, str):
        raise InputError(f"{where}: expected the path of an image, found a {type(path).__name__}")
    if "\\" in path:
        raise InputError(
            f"{where}: image path {path!r} has backslashes, as Windows writes them; write paths with / instead: "
            "path.replace(chr(92), '/')"
        )
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or DRIVE.match(path):
        raise InputError(f"{where}: image path {path!r} leaves the capture's folder; write it relative to the folder")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InputError(f"{where}: image path {path!r} holds half a letter, which no disk keeps") from None
    if not pure.name or "\0" in path:
        raise InputError(f"{where}: image path {path!r} names no file")
    return str(pure)
