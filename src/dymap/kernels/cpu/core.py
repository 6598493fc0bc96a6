"""Whether there is a native core, and which instruction set it begins with."""

from __future__ import annotations

import os
from importlib import import_module

from dymap.kernels.cpu.remedy import remedy
from dymap.kernels.dispatch import TORCH

CORE = "dymap._core"
CHOSEN = f"DYMAP_KERNELS={TORCH}"
_missing = ""


def open_core() -> bool:
    """Whether `dymap._core` can be used.

    Raises ImportError, whose `name` is the core's, if it is missing but asked for, and for variants that it has not.
    """
    global _missing
    _missing = ""
    forced = os.environ.get("DYMAP_KERNELS", "")
    if forced == TORCH:
        _missing = CHOSEN
        return False
    try:
        core = import_module(CORE)
    except ImportError as error:
        required = "DYMAP_REQUIRE_NATIVE=1" if os.environ.get("DYMAP_REQUIRE_NATIVE", "") == "1" else ""
        if asked := f"DYMAP_KERNELS={forced}" if forced else required:
            text = f"{asked}, but dymap's native core is not installed ({error}); {remedy()}"
            raise ImportError(text, name=CORE) from error
        _missing = "the native core was not built, for want of a C++ compiler that could do it"
        return False
    if forced and not core.use(forced):
        known = ", ".join([*core.variants(), TORCH])
        raise ImportError(f"DYMAP_KERNELS={forced}: not one of those that this machine runs, {known}", name=CORE)
    return True


def describe() -> str:
    """The core and its instruction set, or why there is none."""
    if _missing:
        return f"plain torch ({_missing})"
    core = import_module(CORE)
    return f"native, {core.variant()} of {', '.join(core.variants())}; threads: {core.thread_runtime()}"


def why_slow() -> str:
    """Why plain torch does the core's work though nobody asked for that, and what mends it; or nothing."""
    if _missing in ("", CHOSEN):
        return ""
    return f"plain torch computes, several times slower: {_missing}; {remedy()}"
