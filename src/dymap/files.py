"""Files: written beside and renamed, so that nothing is ever half-written; read without executing anything in them."""

from __future__ import annotations

import json
import os
import pickle
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch

from dymap.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block succeeds, and vanishes when not.

    Raises InputError that names the file for a full disk and other faults of the file system.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.chmod(0o666 & ~_umask())  # some writers keep their files to themselves
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error
    finally:
        with suppress(OSError):  # a parent that is no folder, a disk that went away: the first error is more useful
            partial.unlink()


@contextmanager
def replacing_folder(folder: Path, what: str = "the folder", overwrite: bool = True) -> Iterator[Path]:
    """A fresh folder beside `folder` that takes its place when the block succeeds, and vanishes when not.

    overwrite: whether a folder that is there already gives way; else it stays, and only an empty one is replaced.
    Raises InputError that names the folder, and `what` it is, for a full disk and other faults of the file system.
    """
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        yield partial
        if overwrite:
            shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except OSError as error:
        raise InputError(f"{folder}: {what} cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _umask() -> int:
    """The process's file mode mask; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def write_json(path: Path, data: Any) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(data, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """Raises InputError for missing and broken files."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable JSON ({error})") from None


def read_torch(path: Path, max_bytes: int, allowed: Sequence[Any] = ()) -> Any:
    """The content of a .pth file on the CPU: tensors, numbers, plain containers and what is `allowed`; nothing runs.

    Raises InputError for a missing file, one of more than `max_bytes` (before it is read), and a broken or refused one.
    """
    try:
        if (size := path.stat().st_size) > max_bytes:
            raise InputError(f"{path}: {size} bytes, expected {max_bytes} at most; is it another file?")
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # a broken archive or pickle can raise anything
        raise InputError(f"{path}: refused or broken ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    """One sentence of torch's many, which advise to run what the file asks for."""
    if found := re.search(r"GLOBAL (\S+)", text := str(error)):
        return f"it asks for {found[1]}, which no model needs"
    if isinstance(error, pickle.UnpicklingError | KeyError | EOFError):
        return "not what torch.save writes"
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
