"""What this machine can do: multiply-adds and memory traffic, with one thread and with all.

Best of several, not the median: a peak is what nothing disturbed. The multiply-adds are those of a matrix product
(which a library has tuned for this processor), and of registers, nothing else, if there is a native core to tell.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import torch

from benchmarks.cases import Peak, threads
from dymap.kernels import describe

SIDE = 1536
"""Of the matrices: large enough that a product is hardly anything but multiply-adds."""
ROUNDS = 1_000_000


@dataclass(frozen=True)
class Probe:
    """One thread count. gemm, registers: multiply-adds as flops a second (0: unknown); bandwidth: bytes a second."""

    threads: int
    gemm: float
    registers: float
    bandwidth: float

    @property
    def peak(self) -> Peak:
        return Peak(max(self.gemm, self.registers), self.bandwidth)


def probe(count: int, seconds: float = 0.5, megabytes: int = 128, side: int = SIDE) -> Probe:
    """Measure with `count` threads, about `seconds` for each of three numbers.

    megabytes: of each of the three arrays that are streamed; they should be far larger than the last cache. side: of
    the matrices that are multiplied.
    """
    with threads(count), torch.no_grad():
        a, b = torch.rand(2, side, side)
        product = torch.empty_like(a)
        gemm = 2 * side**3 / _best(lambda: torch.mm(a, b, out=product), seconds)
        x, y = torch.rand(2, megabytes * 2**18)
        total = torch.empty_like(x)
        bandwidth = 3 * x.nbytes / _best(lambda: torch.add(x, y, out=total), seconds)
        return Probe(count, gemm, _registers(count, seconds), bandwidth)


def _registers(count: int, seconds: float) -> float:
    """Flops a second of multiply-adds that touch nothing but registers; 0 without a core."""
    try:
        run = import_module("dymap._core").multiply_adds
    except ImportError:
        return 0.0
    return run(1, 1) * ROUNDS * count / _best(lambda: run(ROUNDS, count), seconds)


def _best(run: Callable[[], object], seconds: float) -> float:
    """The shortest of the runs that fit into so many seconds, at least three after one to warm up."""
    run()
    best, left, began = float("inf"), 3, time.perf_counter()
    while left > 0 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
        left -= 1
    return best


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernels": describe(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or "unknown"
