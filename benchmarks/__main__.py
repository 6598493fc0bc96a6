"""What is fast, and how fast: one table.

    python -m benchmarks
    python -m benchmarks --only full/renderers mlp --threads 1 --json figures.json

Everything is timed in one process: the median of several runs after one to warm up, then the same in the reference,
plain torch. docs/performance.md says what the columns mean.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import tyro
from rich.console import Console

from benchmarks.cases import Case, Stopwatch
from benchmarks.frames import frames
from benchmarks.operations import operations
from benchmarks.probe import machine, probe
from benchmarks.renderers import renderers
from benchmarks.table import Report, table
from benchmarks.training import training
from benchmarks.workloads import Workload, open_workload
from dymap.files import write_json
from dymap.kernels import running
from dymap.runs.process import pick_device

WIDTH = 120
"""Columns if nobody says how many there are: in a file or a pipe."""


def cases(workload: Workload) -> Iterator[Case]:
    """All cases of one size."""
    yield from operations(workload)
    yield from frames(workload)
    yield from renderers(workload)
    yield from training(workload)


def run(
    sizes: tuple[str, ...],
    only: tuple[str, ...] = (),
    *,
    runs: int = 5,
    variant: str | None = None,
    scene_folder: Path | None = None,
    reference: bool = True,
    quick: bool = False,
) -> Report:
    """Measure with the threads that torch has now. quick: a probe that is over at once.

    Raises ValueError if nothing is called like `only`, FileNotFoundError.
    """
    count, variant = torch.get_num_threads(), variant or running()
    report = Report(machine(), {"threads": count, "variant": variant, "runs": runs})
    workloads = [open_workload(size, scene_folder) for size in sizes]
    wanted = {
        workload.size: [case for case in cases(workload) if not only or any(part in case.name for part in only)]
        for workload in workloads
    }
    if not any(wanted.values()):
        raise ValueError(f"nothing is called like {' or '.join(only)}")
    effort = {"seconds": 0.01, "megabytes": 4, "side": 256} if quick else {}
    with Console(stderr=True).status("probe") as status:
        report.probes = [probe(threads, **effort) for threads in sorted({1, count})]
        watch = Stopwatch(report.probes[-1].peak, runs, variant, reference)
        for workload in workloads:
            for case in wanted[workload.size]:
                status.update(case.name)
                report.rows.append(watch.measure(case))
            if any("/renderers/" in case.name for case in wanted[workload.size]):
                status.update(f"{workload.size}: what is seen")
                report.seen |= {f"{workload.size} {view}": workload.seen(view) for view in workload.cameras}
    return report


def main(
    only: Annotated[tuple[str, ...], tyro.conf.arg(help="Cases that hold one of these in their size/room/name.")] = (),
    json: Annotated[Path | None, tyro.conf.arg(help="Write the figures here too.")] = None,
    threads: Annotated[int, tyro.conf.arg(help="0: as many as torch takes by itself.")] = 0,
    runs: Annotated[int, tyro.conf.arg(help="Runs that the median is of; slow cases get fewer.")] = 5,
    variant: Annotated[str | None, tyro.conf.arg(help="Instruction set; default: the one that runs.")] = None,
    scene_folder: Annotated[Path | None, tyro.conf.arg(help="Where speed_scene.json lies.")] = None,
    quick: Annotated[bool, tyro.conf.arg(help="A tiny size, to see that everything runs.")] = False,
    reference: Annotated[bool, tyro.conf.arg(help="Time the reference, plain torch, too.")] = True,
    allow_torch: Annotated[bool, tyro.conf.arg(help="Go on without the native core.")] = False,
) -> None:
    """Print the figures of this machine."""
    pick_device("cpu", threads)
    if running() == "torch" and not allow_torch:
        sys.exit("the native core does not run here, so there is nothing to measure (--allow-torch measures torch)")
    try:
        report = run(
            ("quick",) if quick else ("full", "small"), only,
            runs=runs, variant=variant, scene_folder=scene_folder, reference=reference, quick=quick,
        )  # fmt: skip
    except (FileNotFoundError, ValueError) as error:
        sys.exit(str(error))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(report))
    if json is not None:
        write_json(json, report.json())


if __name__ == "__main__":
    tyro.cli(main)
