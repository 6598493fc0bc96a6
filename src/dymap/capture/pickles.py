"""Reading annots.npy, which is or holds a pickle (pickle_machine.py), without executing anything in it.

Under the name of annots.npy there may be what `np.save` wrote, an .npz (archives.py) or a plain pickle. Dictionaries
of any kind become plain ones, matrices arrays, and pathlib's paths text with slashes.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture.archives import archived_arrays, is_archive
from dymap.capture.pickle_machine import MAX_BYTES, MAX_UNPACKED, Budget, Machine, Strange
from dymap.errors import InputError
from dymap.files import read_regular

REWRITE = (
    "python -c \"import numpy as np; a = np.load('annots.npy', allow_pickle=True).item(); "
    "np.save('annots.npy', {'cams': {k: [np.array(v, float) for v in a['cams'][k]] for k in 'KDRT'}, "
    "'ims': [{'ims': [v and str(v) for v in f['ims']]} for f in a['ims']]})\""
)
"""A command that makes plain annotations of what only numpy can read, which runs whatever is in the file."""


def load_annotations(path: Path) -> Any:
    """The object in a file of np.save(allow_pickle=True), np.savez or pickle.dump; a 0-d object array gives its item.

    Nothing in the file is executed. Raises InputError for missing, oversized, broken or suspicious files.
    """
    try:
        data = read_regular(path, MAX_BYTES, "camera annotations")
    except FileNotFoundError:
        raise InputError(f"{path}: missing; it holds the cameras of the capture") from None
    try:
        return _load(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Strange as error:
        raise InputError(
            f"{path}: refused or broken ({str(error)[:200]}); if you made it yourself, write it again in plain numbers "
            f"and text, in its folder: {REWRITE}"
        ) from None
    except Exception as error:  # a broken pickle can raise anything
        raise InputError(f"{path}: refused or broken ({str(error)[:200] or type(error).__name__})") from None


def _load(data: bytes) -> Any:
    """Raises InputError without the file's name, Refused, or whatever a broken file brings about."""
    budget = Budget()  # of the whole file, however many parts it has
    if not is_archive(data):
        return _load_one(data, budget)
    parts = {name: _load_one(part, budget) for name, part in archived_arrays(data, MAX_UNPACKED).items()}
    return next(iter(parts.values())) if len(parts) == 1 and "cams" not in parts else parts


def _load_one(data: bytes, budget: Budget) -> Any:
    """The object of what `np.save` or `pickle.dump` wrote. Raises as `_load` does."""
    if data[:6] != np.lib.format.MAGIC_PREFIX:
        return _item(Machine(budget).run(io.BytesIO(data)))
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = read(file)
    if dtype != np.dtype(object):
        raise InputError(f"holds a plain array of {dtype}, expected a pickled dictionary")
    return _item(Machine(budget).run(file))


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.ndarray) and value.shape == () else value
