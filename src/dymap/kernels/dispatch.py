"""Who computes an operation: a back end that is registered for the device and type of its tensors, or the reference.

    @operation                                       # in kernels/reference: the truth, readable torch on any device
    def opacity_sum(sigma, mask, length): ...

    backend = Backend("mine", "cpu", torch.float32)  # in a file of its own: one way to compute some of them faster

    @backend.implements(kernels.opacity_sum)
    def opacity_sum(sigma, mask, length): ...

    register(backend)

Callers call `kernels.opacity_sum(...)` and never ask who answers. `examples/08_register_a_kernel.py` is a whole one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")

TORCH = "torch"
"""The reference's name among those of the back ends."""


class Operation(Generic[P, R]):
    """An operation of `dymap.kernels`; called like the function that is its reference, whose docstring it has."""

    def __init__(self, reference: Callable[P, R]):
        self.reference = reference
        functools.update_wrapper(self, reference)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        for backend in _running:
            implementation = backend.implementations.get(self)
            if implementation is not None and backend.takes(args) and (not kwargs or backend.takes(kwargs.values())):
                return implementation(*args, **kwargs)
        return self.reference(*args, **kwargs)

    def __reduce__(self) -> str:
        """Pickled and copied by name, as functions are."""
        return self.reference.__qualname__


def operation(reference: Callable[P, R]) -> Operation[P, R]:
    """Declare an operation by its reference."""
    return Operation(reference)


class Backend:
    """Some operations, computed for tensors of one device and floating type.

    device: such as `cpu` or `cuda`. variants: names of several ways in which it computes all of them (a processor's
    instruction sets), best first, of which `select` chooses one; by default there is one, of the back end's name.
    """

    def __init__(
        self,
        name: str,
        device: str,
        dtype: torch.dtype,
        variants: tuple[str, ...] = (),
        select: Callable[[str], object] = lambda _variant: None,
    ):
        self.name, self.device, self.dtype = name, device, dtype
        self._cpu = device == "cpu"  # which is asked of most tensors, and in the quickest way
        self.variants = variants or (name,)
        self.variant = self.variants[0]
        self.implementations: dict[Operation, Callable] = {}
        self._select = select

    def implements(self, declared: Operation[P, R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorator: the function computes the operation on tensors that the back end takes, gradients included."""

        def enter(function: Callable[P, R]) -> Callable[P, R]:
            self.implementations[declared] = function
            return function

        return enter

    def takes(self, values: Iterable[object]) -> bool:
        """Whether all tensors among the values, also in tuples and lists, are of its device and floating type."""
        for value in values:
            if isinstance(value, Tensor):
                if value.dtype is not self.dtype and value.is_floating_point():
                    return False
                if not (value.is_cpu if self._cpu else value.device.type == self.device):
                    return False
            elif isinstance(value, (tuple, list)) and not self.takes(value):
                return False
        return True

    def select(self, variant: str) -> None:
        """Compute in one of its variants from now on."""
        self._select(variant)
        self.variant = variant


_registered: list[Backend] = []
"""The newest first: it is asked first."""
_only: str | None = None
"""The name that `using` has chosen; None: all compute."""
_running: tuple[Backend, ...] = ()
"""Those of the registered that compute now."""


def register(backend: Backend) -> None:
    """Let a back end compute what it implements, before those that were registered earlier."""
    _registered.insert(0, backend)
    _run(_only)


def _run(only: str | None) -> None:
    global _only, _running
    _only = only
    _running = tuple(backend for backend in _registered if only is None or only in backend.variants)


def available() -> tuple[str, ...]:
    """Everything that `using` takes here: variants of all back ends, best first, and the reference, `torch`."""
    return (*(variant for backend in _registered for variant in backend.variants), TORCH)


def running() -> str:
    """What runs on the CPU, in one word: a variant of a back end, or `torch`."""
    return next((backend.variant for backend in _running if backend.device == "cpu"), TORCH)


def device_of(name: str) -> str:
    """The device whose tensors one of `available()` takes; `cpu` for the reference, which takes all."""
    return next((backend.device for backend in _registered if name in backend.variants), "cpu")


@contextmanager
def using(name: str) -> Iterator[None]:
    """Only one of `available()` computes inside the block, and the reference what it does not: for tests and
    benchmarks. Raises ValueError for another name."""
    if name not in available():
        raise ValueError(f"kernels {name!r} are not available here; there are {', '.join(available())}")
    before, variants = _only, [(backend, backend.variant) for backend in _registered]
    _run(name)
    for backend in _running:
        backend.select(name)
    try:
        yield
    finally:
        _run(before)
        for backend, variant in variants:
            if backend.variant != variant:
                backend.select(variant)
