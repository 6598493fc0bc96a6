"""dymap demo: the whole path on the built-in sample."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.bake import describe
from dymap.cli.console import Device, Threads, say
from dymap.cli.evaluate import show
from dymap.cli.progress import progress_bar
from dymap.cli.train import end_of
from dymap.config import INTERRUPTED
from dymap.runs.commands import command


def demo(
    out: Annotated[Path, tyro.conf.arg(help="Folder for everything that the demo makes.")] = Path("demo"),
    quick: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Only film a clip that comes with dymap: seconds.")
    ] = False,
    steps: Annotated[int | None, tyro.conf.arg(help="Training steps; default: the preset's.")] = None,
    size: Annotated[int | None, tyro.conf.arg(help="Width and height of the images; default: 256, quick 192.")] = None,
    frames: Annotated[int, tyro.conf.arg(help="Frames of the sample.")] = 24,
    film: Annotated[int, tyro.conf.arg(help="Images of the free-view film.")] = 72,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Run everything once on the built-in sample: capture, train, bake, evaluate, films, and a page to look at."""
    if quick:
        path = runs.quick_demo(out, size=size, film=film, device=device, threads=threads, progress=progress_bar)
        say(f"{path}: a clip that was trained beforehand; `dymap demo` trains one here")
        return 0
    made = runs.demo(
        out, steps=steps, size=size, frames=frames, film=film, device=device, threads=threads, progress=progress_bar,
        say=say,
    )  # fmt: skip
    say(end_of(made.trained))
    if made.finished is None:
        return INTERRUPTED
    say(describe(made.finished.baked))
    show(made.finished.evaluated)
    pictures, run = made.finished.evaluated.folder, made.trained.run
    say(
        f"{made.finished.seconds:.0f} s in all; open {made.finished.page} in a browser, and {made.finished.player}, "
        f"which plays the clip itself; pictures: {pictures}"
    )
    say(f"next, with your own capture: dymap info DIR (it says how to train on it), or {command('info', run)}")
    return 0
