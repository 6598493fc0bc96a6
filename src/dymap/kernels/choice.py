"""Which implementation of the kernels runs: the native core, in one of its instruction sets, or the torch twin."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor

TWIN = "torch"


def _open_core() -> tuple[ModuleType | None, str]:
    """The core, and why there is none. Raises ImportError if it is missing but asked for."""
    forced = os.environ.get("DYMAP_KERNELS", "")
    if forced == TWIN:
        return None, "DYMAP_KERNELS=torch"
    try:
        _core = import_module("dymap._core")
    except ImportError as error:
        if forced or os.environ.get("DYMAP_REQUIRE_NATIVE", "") == "1":
            raise ImportError(
                f"dymap's native core is not installed ({error}); build it with: pip install ."
            ) from error
        why = "the native core was not built: no C++ compiler that could do it was found when dymap was installed"
        warnings.warn(f"{why}; plain torch does its work, several times slower", RuntimeWarning, stacklevel=2)
        return None, why
    if forced and not _core.use(forced):
        known = ", ".join([*_core.variants(), TWIN])
        raise ImportError(f"DYMAP_KERNELS={forced}: not one of those that this machine runs, {known}")
    return _core, ""


core, _missing = _open_core()
_on = core is not None


def runs_native(*tensors: Tensor | None) -> bool:
    """Whether the core takes these: float32 on the CPU."""
    return _on and all(t is None or (t.dtype == torch.float32 and t.device.type == "cpu") for t in tensors)


def backend() -> str:
    """What runs on the CPU, in one word: an instruction set of the core, or `torch`."""
    return core.variant() if core is not None and _on else TWIN


def describe() -> str:
    """What runs on the CPU, and why not the core if it does not."""
    if core is None:
        return f"plain torch ({_missing})"
    return f"native, {backend()} of {', '.join(core.variants())}; threads: {core.thread_runtime()}"


def multiplies_half() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32."""
    return core is not None and any("bf16" in name for name in core.variants())


def available() -> tuple[str, ...]:
    """Everything that `using` takes here, best first."""
    return (*(core.variants() if core is not None else ()), TWIN)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Run one of `available()` inside the block: for tests and benchmarks. Raises ValueError for another name."""
    global _on
    if name not in available():
        raise ValueError(f"kernels {name!r} are not available here; there are {', '.join(available())}")
    before, on = (core.variant() if core is not None else TWIN), _on
    _on = name != TWIN
    if core is not None and _on:
        core.use(name)
    try:
        yield
    finally:
        _on = on
        if core is not None:
            core.use(before)
