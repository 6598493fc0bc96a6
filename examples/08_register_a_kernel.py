"""Register a kernel: compute an operation in a way of your own, compare it with the reference, and time it.

    python examples/08_register_a_kernel.py --out out/08
    python examples/08_register_a_kernel.py --out out/08 --device cuda

The operation is `opacity_sum`, the mean of which is the loss `empty`. The reference gathers the densities that a mask
chooses; here all of them are computed and the others multiplied by zero, with a gradient written by hand, as that of a
kernel in C++, CUDA or Triton would be. Whoever calls `dymap.kernels.opacity_sum` gets it, and need not know.
"""

import time
from pathlib import Path
from typing import Any

import torch
import tyro
from torch import Tensor

from dymap import kernels
from dymap.files import write_json
from dymap.kernels import Backend, available, device_of, register, using


class MaskedSum(torch.autograd.Function):
    """sum of m (1 - t), t = exp(-relu(sigma) length); its derivative by sigma is m t length where sigma > 0."""

    @staticmethod
    def forward(ctx: Any, sigma: Tensor, mask: Tensor, length: float) -> Tensor:
        passing = torch.exp(sigma.clamp(min=0) * -length)
        ctx.length = length
        ctx.save_for_backward(passing, mask & (sigma > 0))
        return ((1 - passing) * mask).sum()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        passing, counts = ctx.saved_tensors
        return gradient * ctx.length * passing * counts, None, None


def masked_backend(device: str) -> Backend:
    """A back end of one operation, for tensors of one device; the others compute the rest."""
    backend = Backend("masked", device, torch.float32)

    @backend.implements(kernels.opacity_sum)
    def opacity_sum(sigma: Tensor, mask: Tensor, length: float) -> Tensor:
        return MaskedSum.apply(sigma, mask, length)

    return backend


def measure(sigma: Tensor, mask: Tensor, repeats: int = 20) -> tuple[Tensor, Tensor | None, float]:
    """The sum, its gradient by sigma, and the milliseconds that both take."""
    started = time.perf_counter()
    for _ in range(repeats):
        sigma.grad = None
        total = kernels.opacity_sum(sigma, mask, 0.01)
        total.backward()
        total.item()  # waits for the device
    return total.detach(), sigma.grad, 1000 * (time.perf_counter() - started) / repeats


def main(size: int = 96, device: str = "cpu", out: Path = Path("out/08")) -> None:
    register(masked_backend(device))
    sigma = (40 * torch.randn(size, size, size, device=device)).requires_grad_()  # raw densities, per metre
    mask = torch.rand(size, size, size, device=device) < 0.7
    with using("torch"):  # the reference
        truth, gradient, _ = measure(sigma, mask, 1)
    milliseconds = {}
    for name in [name for name in available() if name == "torch" or device_of(name) == device]:
        with using(name):  # masked, on the CPU those of the core, and the reference
            total, ours, milliseconds[name] = measure(sigma, mask)
        torch.testing.assert_close(total, truth, rtol=1e-4, atol=0)
        torch.testing.assert_close(ours, gradient, rtol=1e-4, atol=1e-7)
        print(f"{name:10} {milliseconds[name]:8.2f} ms, the same sum {total.item():.1f} and gradient")
    write_json(out / "milliseconds.json", milliseconds)


if __name__ == "__main__":
    tyro.cli(main)
