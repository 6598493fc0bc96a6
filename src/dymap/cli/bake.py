"""dymap bake: from a trained field to one file that plays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import Address, Device, Threads, say
from dymap.cli.progress import progress_bar
from dymap.config import EngineName


def bake(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a run.")],
    out: Annotated[Path | None, tyro.conf.arg(help="File to write; default: the run's own.")] = None,
    data: Annotated[Path | None, tyro.conf.arg(help="Where the run's capture is now, if it was moved.")] = None,
    exact: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(
            help="Every number as it was trained, as runs of published presets always are: twenty times as large, "
            "the best source for dymap pack."
        ),
    ] = False,
    half: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="As --exact, in 16 bits: about 60 % of that size.")
    ] = False,
    engine: Annotated[
        EngineName, tyro.conf.arg(help="Who bakes segments: processes of this machine, or Ray (extra cluster).")
    ] = "pool",
    address: Address = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Bake a trained run into one file: parameters, codes, boxes, cameras and occupancy grids."""
    say(
        describe(
            runs.bake(
                run,
                out,
                data=data,
                exact=exact,
                half=half,
                engine=engine,
                address=address,
                device=device,
                threads=threads,
                progress=progress_bar,
            )
        )
    )
    return 0


def describe(baked: runs.Baked) -> str:
    """What was baked, and what comes next."""
    return (
        f"{baked.path}: {baked.path.stat().st_size / 1e6:.1f} MB, {baked.frames} frames at step {baked.step}, "
        f"{baked.occupied:.1%} of the voxels occupied; next: {', '.join(baked.following)}"
    )
