"""Reading .npy files that hold a pickle, without executing anything in them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from dymap.errors import InputError

MAX_BYTES = 256 * 2**20


def _empty_array(subtype: Any, shape: Any, _typecode: Any) -> np.ndarray:
    """Stands in for numpy's `_reconstruct`, which pickled arrays call with an empty shape before their state is set."""
    if subtype is not np.ndarray or tuple(shape) != (0,):
        raise pickle.UnpicklingError(f"array of an unexpected kind ({subtype}, {shape})")
    return np.ndarray((0,), np.int8)


def _number(dtype: np.dtype, data: bytes) -> Any:
    """Stands in for numpy's `scalar`: a number from its bytes."""
    if dtype.hasobject or dtype.itemsize > 64:
        raise pickle.UnpicklingError(f"scalar of an unexpected kind ({dtype})")
    return np.frombuffer(data, dtype, count=1)[0]


def _bytes_of_text(text: Any, encoding: Any = "latin1") -> bytes:
    """Stands in for `_codecs.encode`, which older pickles use for the bytes of an array."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("unexpected encoded text")
    return text.encode("latin1")


_ARRAY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_ALLOWED: dict[tuple[str, str], Any] = {
    **{(module, "_reconstruct"): _empty_array for module in _ARRAY_MODULES},
    **{(module, "scalar"): _number for module in _ARRAY_MODULES},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _bytes_of_text,
}


class _ArraysOnly(pickle.Unpickler):
    """Admits arrays, numbers, text and plain containers; everything else is refused by name."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no capture needs") from None


def load_annotations(path: Path) -> Any:
    """The object of an .npy file written by np.save(allow_pickle=True); a 0-d object array gives its item.

    Nothing in the file is executed. Raises InputError for missing, oversized, broken or suspicious files.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size} bytes are more than camera annotations need ({MAX_BYTES})")
        data = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: missing; it holds the cameras of the capture") from None
    try:
        version = np.lib.format.read_magic(data)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(data)
        if not dtype.hasobject:
            raise InputError(f"{path}: holds a plain array of {dtype}, expected a pickled dictionary")
        value = _ArraysOnly(data).load()
    except InputError:
        raise
    except Exception as error:  # a broken pickle can raise anything
        raise InputError(f"{path}: refused or broken ({error})") from None
    return value.item() if shape == () and isinstance(value, np.ndarray) else value
