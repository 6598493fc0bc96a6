"""dymap export: the clip and the page that plays it, to be given away."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import RENDERERS, Device, Threads, say
from dymap.cli.progress import progress_bar
from dymap.config import RendererName
from dymap.runs.commands import command


def export(
    file: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="A baked file, or the folder of a baked run.")],
    out: Annotated[Path, tyro.conf.arg(help="Folder to write, for any web server; with --single-file: an HTML file.")],
    single_file: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(help="One HTML file with the clip inside, which plays by a double click."),
    ] = False,
    film: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Add a film (orbit) for browsers without WebGPU.")
    ] = False,
    film_size: Annotated[
        tuple[int, int] | None, tyro.conf.arg(help="Width and height of that film; default: the camera's.")
    ] = None,
    renderer: Annotated[RendererName, tyro.conf.arg(help=f"Of that film. {RENDERERS}")] = "march",
    rate: Annotated[
        float | None, tyro.conf.arg(help="MB a frame that the clip may have, as of `dymap pack`; default: as it is.")
    ] = None,
    title: Annotated[str | None, tyro.conf.arg(help="What the clip is called.")] = None,
    author: Annotated[str | None, tyro.conf.arg(help="Who made it.")] = None,
    licence: Annotated[str | None, tyro.conf.arg(help="On which terms it may be used.")] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Write the clip with the page that plays it in any browser that has WebGPU: a folder, or one file."""
    made = runs.export(
        file, out, single_file=single_file, film=film, film_size=film_size, renderer=renderer, rate=rate, title=title,
        author=author, licence=licence, device=device, threads=threads, progress=progress_bar,
    )  # fmt: skip
    if made.note:
        say(f"{file}: {made.note}")
    if made.single:
        say(f"{made.page}: {made.size / 1e6:.2f} MB ({made.clip * 4 / 3e6:.2f} of them the clip); open it in a browser")
    else:
        say(
            f"{made.page}: {made.size / 1e6:.2f} MB in the folder; any web server can show it, and here: "
            f"{command('play', out)}"
        )
    return 0
