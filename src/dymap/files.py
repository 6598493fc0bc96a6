"""Files: written beside and renamed, so that nothing is ever half-written; read without executing anything in them."""

from __future__ import annotations

import errno
import io
import itertools
import json
import math
import os
import pickle
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.errors import InputError
from dymap.partials import beside


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block succeeds, and vanishes when not.

    Raises InputError that names the file for a full disk and other faults of the file system, and for a folder.
    """
    check_no_folder(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside(path) as partial:
            yield partial
            partial.chmod(0o666 & ~_umask())  # some writers keep their files to themselves
            flush(partial)
            os.replace(partial, path)
            flush(path.parent)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error}); nothing was changed") from error


def check_no_folder(path: Path) -> None:
    """Raises InputError for a folder where a file is to be written, such as `.`."""
    if path.is_dir():
        raise InputError(f"{path}: cannot be written (it is a folder; expected the name of a file)")


@contextmanager
def replacing_folder(folder: Path, what: str = "the folder", overwrite: bool = True) -> Iterator[Path]:
    """A fresh folder beside `folder` that takes its place when the block succeeds, and vanishes when not.

    overwrite: whether a folder that is there already gives way; else it stays, and only an empty one is replaced. The
    empty folder in which the process stands (`.`) is filled: a terminal would stand in one that is gone.
    Raises InputError that names the folder, and `what` it is, for a full disk and other faults of the file system.
    """
    try:
        home = folder.resolve()  # `.` has no name, and a link keeps what it points at
        home.parent.mkdir(parents=True, exist_ok=True)
        with beside(home) as partial:
            partial.mkdir()
            yield partial
            for place, _, names in os.walk(partial, topdown=False):
                for name in names:
                    flush(Path(place, name))
                flush(Path(place))
            if overwrite:
                _replace_folder(partial, home)
            elif _stands_in(home):
                _fill_folder(partial, home)
            else:
                os.replace(partial, home)
            flush(home.parent)
    except OSError as error:
        raise InputError(f"{folder}: {what} cannot be written ({error.strerror or error})") from error


def _replace_folder(partial: Path, folder: Path) -> None:
    """Rename a new folder into the place of an old one, which goes aside: who reads from it keeps its files."""
    for turn in itertools.count():
        if folder.is_dir():
            with suppress(FileNotFoundError):  # another process was faster
                os.replace(folder, partial.parent / f"replaced-{turn}")
        try:
            os.replace(partial, folder)
            return
        except OSError as error:  # another process has put its own there meanwhile
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or turn == 9:
                raise


def _stands_in(folder: Path) -> bool:
    """Whether a folder is the one in which this process is."""
    try:
        return folder.is_dir() and os.path.samefile(folder, os.curdir)
    except OSError:  # it is in one that is gone
        return False


def _fill_folder(partial: Path, folder: Path) -> None:
    """Move what a new folder holds into an empty one. Raises OSError if it is not empty."""
    if any(folder.iterdir()):
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
    for entry in sorted(partial.iterdir()):
        os.replace(entry, folder / entry.name)
    flush(folder)


def check_new_folder(folder: Path) -> None:
    """Raises InputError for a folder that holds something, or a file in its place: before hours of work, not after."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: exists already, and nothing is overwritten; name a new folder")


def flush(path: Path) -> None:
    """Have a file or folder on the disk before going on: what is only in memory is lost when the power fails.

    Raises OSError if the disk refuses a file; a folder that cannot be flushed (some network disks, Windows) stays as
    the system keeps it.
    """
    folder = path.is_dir()
    if folder and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY if folder or os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError:
        if not folder:
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's file mode mask; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def read_regular(path: Path, max_bytes: int, what: str) -> bytes:
    """The bytes of a regular file: no pipe, which would keep us waiting, and no device, which has no end.

    what: of what kind it is, in plural. Raises FileNotFoundError, and InputError for what is not readable, no regular
    file, or of more than `max_bytes` (before it is read).
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError(f"{path}: no regular file, but a folder, pipe or device")
            if status.st_size > max_bytes:
                raise InputError(f"{path}: {status.st_size} bytes are more than {what} need ({max_bytes})")
            return file.read(status.st_size)  # Python makes room for as much as it is asked for
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None


def write_json(path: Path, data: Any) -> None:
    with replacing(path) as partial:
        partial.write_text(json.dumps(data, indent=2) + "\n")


MAX_JSON = 64 * 2**20


def read_json(path: Path) -> Any:
    """Raises InputError for missing and broken files, and for what is no regular file of 64 MiB at most."""
    try:
        return json.loads(read_regular(path, MAX_JSON, "JSON files"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error})") from None


def read_array(path: Path, max_bytes: int, what: str) -> NDArray[Any]:
    """The plain numbers of an .npy file, whose size is compared with its header before the array is made.

    what: of what, in plural, with its shape. Raises as `read_regular` does, and InputError for anything else.
    """
    data = read_regular(path, max_bytes, what)
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        if dtype.kind not in "fiu":
            raise ValueError("it holds no plain numbers")
        if min(shape, default=0) < 0 or len(data) - file.tell() < (count := math.prod(shape)) * dtype.itemsize:
            raise ValueError(f"it ends before the numbers of its header, {shape}")
        flat = np.frombuffer(data, dtype, count, file.tell())
        return flat.reshape(shape, order="F" if fortran else "C").copy()
    except Exception as error:  # a broken header can raise anything
        raise InputError(f"{path}: not an array of {what} ({error})") from None


def check_regular(path: Path) -> None:
    """Raises InputError for what is no regular file, before anything waits for a pipe or reads a device without end.

    A file that is missing or cannot be asked is left to who reads it.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: no regular file, but a folder, pipe or device")


SUMS = "checksums"


def sealed(head: dict[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """A header as JSON, with CRC-32 sums of itself and of the tensors (contiguous, on the CPU) that it belongs to."""
    sums = {"header": _text_sum(head), "tensors": {name: _tensor_sum(value) for name, value in tensors.items()}}
    return json.dumps(head | {SUMS: sums})


def check_header(path: Path, head: dict[str, Any]) -> None:
    """Compare a header with its own checksum, if it has one: older files have none. Raises InputError if it differs."""
    if SUMS in head:
        held, rest = head[SUMS], {key: value for key, value in head.items() if key != SUMS}
        if not isinstance(held, dict) or held.get("header") != _text_sum(rest):
            raise InputError(f"{path}: damaged header (it is not what was written: its checksum differs)")


def check_tensors(path: Path, head: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Compare tensors with the checksums in their header, if it has any. Raises InputError that names the damaged."""
    if SUMS in head:
        held = head[SUMS].get("tensors")
        for name, value in tensors.items():
            if not isinstance(held, dict) or held.get(name) != _tensor_sum(value):
                raise InputError(
                    f"{path}: damaged file (tensor {name!r} is not what was written: its checksum differs)"
                )


def _tensor_sum(value: Tensor) -> int:
    return zlib.crc32(value.reshape(-1).view(torch.uint8).numpy().data)


def _text_sum(head: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(head, sort_keys=True).encode())


def read_torch(path: Path, max_bytes: int, allowed: Sequence[Any] = ()) -> Any:
    """The content of a .pth file on the CPU: tensors, numbers, plain containers and what is `allowed`; nothing runs.

    Raises InputError for a missing file, one of more than `max_bytes` (before it is read), and a broken or refused one.
    """
    try:
        check_regular(path)
        if (size := path.stat().st_size) > max_bytes:
            raise InputError(f"{path}: {size} bytes, expected {max_bytes} at most; is it another file?")
        _check_archive(path, max_bytes)
        with torch.serialization.safe_globals(list(allowed)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except InputError:
        raise
    except Exception as error:  # a broken archive or pickle can raise anything
        raise InputError(f"{path}: refused or broken ({_reason(error)})") from None


def _check_archive(path: Path, max_bytes: int) -> None:
    """Raises InputError for an archive of torch.save with flipped bits, or that unpacks to more than `max_bytes`."""
    if not zipfile.is_zipfile(path):  # of torch before 1.6, without checksums
        return
    with zipfile.ZipFile(path) as archive:
        if (size := sum(part.file_size for part in archive.infolist())) > max_bytes:
            raise InputError(f"{path}: unpacks to {size} bytes, expected {max_bytes} at most")
        if damaged := archive.testzip():
            raise InputError(f"{path}: damaged file ({damaged} is not what was written: its checksum differs)")


def _reason(error: Exception) -> str:
    """One sentence of torch's many, which advise to run what the file asks for."""
    if found := re.search(r"GLOBAL (\S+)", text := str(error)):
        return f"it asks for {found[1]}, which no model needs"
    if isinstance(error, pickle.UnpicklingError | KeyError | EOFError):
        return "not what torch.save writes"
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
