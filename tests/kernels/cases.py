"""What the comparisons of back ends with the reference share: positions of all kinds, and the comparison itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from dymap.kernels import HashLevels, available, using

BACKENDS = [name for name in available() if name != "torch"]
NONE = [pytest.param("", marks=pytest.mark.skip("there is no back end but the reference"))]
each_variant = pytest.mark.parametrize("variant", BACKENDS or NONE)
"""Once for every variant of every back end that is registered; tensors are made on its device (see conftest.py)."""

LEVELS = HashLevels(levels=3, log2_size=9, base=4, finest=19)
"""Level 0 is dense, the others are hashed."""


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def positions(count: int, kind: str = "everywhere") -> Tensor:
    """[count, 3] box coordinates, some of them outside [0, 1], on faces and vertices; or all in one `cell`; not
    contiguous."""
    if kind == "cell":
        return torch.rand(3, count).T * 0.1 + 0.03
    p = torch.rand(3, count).T * 1.4 - 0.2
    for i, value in enumerate((0.0, 1.0, 0.5, 0.25)):
        p[i::7, i % 3] = value
    return p


def strided(*shape: int) -> Tensor:
    """Random numbers of a shape, not contiguous."""
    return torch.randn(*shape, 2)[..., 0]


def compare(
    variant: str, function: Callable[..., Tensor | tuple[Tensor, ...]], *learned: Tensor, rtol: float = 2e-5
) -> None:
    """function(*learned) and its gradients by a back end's variant, with one thread and three, against the reference.

    The reference runs in float32 too. Differences are measured by the largest value of each tensor.
    """

    def run(name: str) -> list[Tensor]:
        held = [t.detach() for t in learned]
        for t in held:
            t.requires_grad_()
        with using(name):
            out = function(*held)
            out = out if isinstance(out, tuple) else (out,)
            # A gradient that is not contiguous, the same for all.
            g = torch.Generator().manual_seed(1)
            flipped = [torch.randn(*o.shape[::-1], generator=g, device="cpu").to(o.device) for o in out]
            grads = [each.permute(*range(each.ndim)[::-1]) for each in flipped]
            if any(o.requires_grad for o in out):  # of empty input the reference's are zeros from nowhere
                torch.autograd.backward(out, grads)
        return [*(o.detach() for o in out), *(t.grad for t in held if t.grad is not None)]

    expected = run("torch")
    assert not expected[0].numel() or len(expected) > len(learned), "no gradient reached something"
    for count in (1, 3):
        with threads(count):
            found = run(variant)
        assert len(found) == len(expected) or not expected[0].numel()
        for a, b in zip(found, expected, strict=False):
            assert a.shape == b.shape
            scale = float(b.abs().max()) if b.numel() else 0.0
            torch.testing.assert_close(a, b, atol=rtol * (scale + 1e-3), rtol=0)
