"""A case is one thing that is timed; measuring it gives a row of the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from dymap.kernels import using

Timed = Callable[[], object]

SLOW = 2.0
"""Seconds; whatever takes longer needs no warm-up: caches and memory are a small part of it."""
REFERENCE_RUNS = 3


@dataclass(frozen=True)
class Work:
    """What one run has to do at least.

    samples: what `ns` divides by. flops: a multiply-add counts two. bytes: to and from memory. Zero: not counted.
    """

    samples: float = 0
    flops: float = 0
    bytes: float = 0


@dataclass(frozen=True)
class Case:
    """One thing that is timed.

    name: size/room/thing. prepare: makes what is timed, once for each implementation, with all its inputs ready.
    work: asked for after the timing. reference: the same for plain torch; None: `prepare` itself; reference_share: part
    of the work that it does; reference_of: another case of the same size and room whose reference is this one's too;
    "": there is none. published: seconds that the published implementation takes (see docs/performance.md).
    """

    name: str
    prepare: Callable[[], Timed]
    work: Callable[[], Work] = Work
    reference: Callable[[], Timed] | None = None
    reference_share: float = 1.0
    reference_of: str | None = None
    published: float | None = None


@dataclass(frozen=True)
class Row:
    """A measured case. seconds: median of `runs`. share: of the probe's peak, of `bound` (flops or bytes)."""

    name: str
    seconds: float
    runs: int
    work: Work
    bound: str | None
    share: float | None
    reference_seconds: float | None
    published: float | None

    @property
    def ns(self) -> float | None:
        """Nanoseconds a sample."""
        return self.seconds / self.work.samples * 1e9 if self.work.samples else None

    @property
    def ratio(self) -> float | None:
        """How many times longer plain torch takes."""
        return self.reference_seconds / self.seconds if self.reference_seconds else None


@dataclass(frozen=True)
class Peak:
    """What the machine can do with the threads that are used. flops, bytes: a second."""

    flops: float
    bytes: float


def median_time(run: Timed, runs: int, budget: float) -> tuple[float, int]:
    """Median wall time in seconds of up to `runs` runs after one to warm up, and how many counted.

    Stops after `budget` seconds; the first run counts if it is slow.
    """
    times: list[float] = []
    began = time.perf_counter()
    warm = False
    while len(times) < runs and (not times or time.perf_counter() - began < budget):
        start = time.perf_counter()
        run()
        taken = time.perf_counter() - start
        if warm or taken > SLOW:
            times.append(taken)
        warm = True
    return statistics.median(times), len(times)


class Stopwatch:
    """Measures cases, all in one process.

    variant: of the kernels; reference: whether plain torch is timed too; budget: seconds for each implementation.
    """

    def __init__(self, peak: Peak | None, runs: int, variant: str, reference: bool = True, budget: float = 15.0):
        self.peak, self.runs, self.variant, self.reference, self.budget = peak, runs, variant, reference, budget
        self._references: dict[str, float] = {}

    def measure(self, case: Case) -> Row:
        with using(self.variant):
            seconds, runs = median_time(case.prepare(), self.runs, self.budget)
            work = case.work()
        bound, share = self._share(work, seconds)
        return Row(case.name, seconds, runs, work, bound, share, self._reference(case), case.published)

    def _reference(self, case: Case) -> float | None:
        if not self.reference or case.reference_of == "":
            return None
        if case.reference_of is not None:
            return self._references.get(case.name.rpartition("/")[0] + "/" + case.reference_of)
        with using("torch"):
            run = (case.reference or case.prepare)()
            seconds, _ = median_time(run, min(self.runs, REFERENCE_RUNS), self.budget / 2)
        self._references[case.name] = seconds / case.reference_share
        return self._references[case.name]

    def _share(self, work: Work, seconds: float) -> tuple[str | None, float | None]:
        """Of the two peaks, the one that is closer."""
        if self.peak is None:
            return None, None
        shares = {"flops": work.flops / seconds / self.peak.flops, "bytes": work.bytes / seconds / self.peak.bytes}
        bound = max(shares, key=lambda key: shares[key])
        return (bound, shares[bound]) if shares[bound] else (None, None)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads inside the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
