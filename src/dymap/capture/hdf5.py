"""HDF5 files of strangers, with h5py (extra `hdf5`): only what lies in the file itself is read, and only little.

Links to other files, data that lie outside the file or are put together from elsewhere, and filters that would load a
library are refused; sizes are looked at before memory is taken, those of what is packed included.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.files import check_regular

MAX_NAMES = 200_000
"""Of a group."""
MAX_PACKED = 2**20
"""Bytes of one packed array in the file: zlib unpacks a byte to 1032 at most."""
PACKED, HARMLESS = 1, (2, 3)
"""Numbers of filters: deflate; shuffle and fletcher32, which change no size."""


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do. Never raises."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(8) == b"\x89HDF\r\n\x1a\n"
    except (OSError, ValueError):
        return False


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The root group of a file. Raises InputError that names the file, also for whatever the library makes of a
    damaged one in the block."""
    try:
        h5py: Any = importlib.import_module("h5py")
    except ImportError:
        raise InputError(f"{path}: HDF5 files need the extra hdf5: pip install 'dymap[hdf5]'") from None
    check_regular(path)
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path}: not readable HDF5 ({str(error)[:200] or type(error).__name__})") from None


def names(group: Any, where: Path) -> list[str]:
    """What a group holds. Raises InputError for a dataset, and for more than anyone filmed."""
    if not hasattr(group, "keys"):
        raise InputError(f"{where}: expected a group")
    if len(group) > MAX_NAMES:
        raise InputError(f"{where}: holds {len(group)} entries, which are more than anyone filmed")
    return [name for name in group if isinstance(name, str)]


def child(group: Any, path: str, where: Path) -> Any | None:
    """The group or dataset at a path of names below a group; None: there is none. Raises InputError for links."""
    for name in path.split("/"):
        where = where / name
        if not hasattr(group, "keys") or (link := group.get(name, getlink=True)) is None:
            return None
        if type(link).__name__ != "HardLink":
            raise InputError(f"{where}: a link to elsewhere, which is not followed")
        group = group[name]
    return group


def array(group: Any, path: str, where: Path, max_bytes: int) -> NDArray[Any] | None:
    """The numbers of a dataset of at most `max_bytes`; None: there is none. where: the group's place, for errors.

    Raises InputError for anything but plain numbers that lie in the file.
    """
    where, dataset = where / path, child(group, path, where)
    if dataset is None:
        return None
    if not hasattr(dataset, "shape") or dataset.shape is None or dataset.dtype.kind not in "fiu":
        raise InputError(f"{where}: expected plain numbers")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > max_bytes or math.prod(dataset.chunks or ()) * dataset.dtype.itemsize > max(max_bytes, 1):
        raise InputError(f"{where}: {size} bytes of numbers are more than expected here ({max_bytes})")
    _check_storage(dataset, where)
    return np.asarray(dataset[()])


def _check_storage(dataset: Any, where: Path) -> None:
    """Raises InputError for numbers that are not in the file, or packed so that nobody knows to what size."""
    if dataset.is_virtual or dataset.external:
        raise InputError(f"{where}: its numbers lie in another file, which is not read")
    created = dataset.id.get_create_plist()
    filters = [created.get_filter(place)[0] for place in range(created.get_nfilters())]
    if any(kind not in (PACKED, *HARMLESS) for kind in filters) or filters.count(PACKED) > 1:
        raise InputError(f"{where}: packed in an unexpected way (filters {filters})")
    if PACKED in filters and dataset.id.get_storage_size() > MAX_PACKED:
        raise InputError(f"{where}: more than {MAX_PACKED} bytes are packed, which pictures and cameras are not")
