"""Whether there is a native core, and which instruction set it begins with."""

from __future__ import annotations

import os
import warnings
from importlib import import_module

from dymap.kernels.dispatch import TORCH

_missing = ""


def open_core() -> bool:
    """Whether `dymap._core` can be used. Raises ImportError if it is missing but asked for."""
    global _missing
    forced = os.environ.get("DYMAP_KERNELS", "")
    if forced == TORCH:
        _missing = "DYMAP_KERNELS=torch"
        return False
    try:
        core = import_module("dymap._core")
    except ImportError as error:
        if forced or os.environ.get("DYMAP_REQUIRE_NATIVE", "") == "1":
            raise ImportError(
                f"dymap's native core is not installed ({error}); build it with: pip install ."
            ) from error
        _missing = "the native core was not built: no C++ compiler that could do it was found when dymap was installed"
        warnings.warn(f"{_missing}; plain torch does its work, several times slower", RuntimeWarning, stacklevel=2)
        return False
    if forced and not core.use(forced):
        known = ", ".join([*core.variants(), TORCH])
        raise ImportError(f"DYMAP_KERNELS={forced}: not one of those that this machine runs, {known}")
    return True


def describe() -> str:
    """The core and its instruction set, or why there is none."""
    if _missing:
        return f"plain torch ({_missing})"
    core = import_module("dymap._core")
    return f"native, {core.variant()} of {', '.join(core.variants())}; threads: {core.thread_runtime()}"
