"""What the core does to its process: one OpenMP runtime, and Python's other threads go on."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dymap import kernels
from dymap.kernels import using
from tests.kernels.cases import BACKENDS, each_variant, threads

MAPS = Path("/proc/self/maps")

RUNTIMES = """
import re, torch, dymap
from dymap import kernels
torch.set_num_threads(2)
kernels.sample_planes(torch.rand(3, 64, 64, 32), torch.rand(100_000, 3))
files = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
print(sum(bool(re.match("lib(g|i)?omp[.5-]", file.rsplit("/", 1)[1])) for file in files))
"""


@pytest.mark.skipif(not MAPS.exists(), reason="no /proc/self/maps here")
@pytest.mark.skipif(not BACKENDS, reason="no native core")
def test_one_openmp_runtime() -> None:
    """A second one would bring as many threads again, and the two would wait for each other."""
    ran = subprocess.run([sys.executable, "-c", RUNTIMES], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["1"]


@each_variant
def test_other_threads_go_on(variant: str) -> None:
    """This thread's longest pause during one long call is not the call: else the core held the interpreter's lock."""
    planes, position = torch.rand(3, 64, 64, 64), torch.rand(300_000, 3)

    def shares() -> Iterator[float]:
        """Longest pause / length of the call."""
        for _ in range(20):  # a busy machine may well pause a thread
            times: list[float] = []

            def long_call(times: list[float] = times) -> None:
                start = time.perf_counter()
                kernels.sample_planes(planes, position)
                times.extend((start, time.perf_counter()))

            worker = threading.Thread(target=long_call)
            worker.start()
            last, longest = time.perf_counter(), 0.0
            while worker.is_alive():
                now = time.perf_counter()
                longest, last = max(longest, now - last), now
            yield longest / (times[1] - times[0])

    with using(variant), threads(1):
        assert any(share < 0.5 for share in shares())
