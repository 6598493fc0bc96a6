"""dymap evaluate: how close a video comes to held-out views."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro
from rich.table import Column, Table

from dymap import runs
from dymap.cli.console import RENDERERS, Address, Device, Threads, console, say, warn
from dymap.cli.progress import progress_bar
from dymap.config import EngineName, RendererName
from dymap.errors import printable


def evaluate(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run.")],
    data: Annotated[Path | None, tyro.conf.arg(help="Where the run's capture is now, if it was moved.")] = None,
    renderer: Annotated[RendererName, tyro.conf.arg(help=RENDERERS)] = "march",
    views: Annotated[tuple[int, ...], tyro.conf.arg(help="Views; default: the test views.")] = (),
    frames: Annotated[tuple[int, ...], tyro.conf.arg(help="Frame positions; default: every test frame.")] = (),
    out: Annotated[Path | None, tyro.conf.arg(help="Folder of the report; default: in the run.")] = None,
    lpips_weights: Annotated[Path | None, tyro.conf.arg(help="Folder of LPIPS weights; default: your cache.")] = None,
    download_lpips: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Fetch missing LPIPS weights (550 MB) there first.")
    ] = False,
    engine: Annotated[
        EngineName | None,
        tyro.conf.arg(help="Who measures ranges of frames: processes of this machine, or Ray (extra cluster)."),
    ] = None,
    address: Address = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Measure a run on its test views: PSNR (box, foreground, image), SSIM, LPIPS, side-by-side pictures."""
    evaluated = runs.evaluate(
        run,
        data=data,
        renderer=renderer,
        views=views,
        frames=frames,
        out=out,
        lpips_weights=lpips_weights,
        download_lpips=download_lpips,
        engine=engine,
        address=address,
        device=device,
        threads=threads,
        progress=progress_bar,
    )
    show(evaluated)
    return 0


def show(evaluated: runs.Evaluated) -> None:
    """Print the table, what is missing in it, and where the rest is."""
    titles, *rows = evaluated.table()
    table = Table(Column(titles[0], no_wrap=True), *titles[1:])
    for row in rows:
        table.add_row(*map(printable, row))
    console.print(table)
    if trained := evaluated.summary["trained_views"]:
        warn(f"trained on {', '.join(trained)}: such numbers say little about new views")
    if evaluated.lpips_note:
        say(f"LPIPS {evaluated.lpips_note}")
    if file := evaluated.summary["file"]:
        parts = ", ".join(f"{name} {size:.4f}" for name, size in file["mb_a_frame_by_part"].items())
        seconds = file["decode_seconds_a_frame"]
        say(f"{file['mb_a_frame']:.3f} MB a frame ({parts}), decoded in {seconds:.3f} s a frame")
    say(f"{evaluated.seconds_per_image:.2f} s an image ({evaluated.renderer}); report: {evaluated.folder}")
