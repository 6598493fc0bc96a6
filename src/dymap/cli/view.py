"""dymap view: look at the clip in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say
from dymap.config import HOST, PORT, ViewerRenderer


def view(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    host: Annotated[
        str,
        tyro.conf.arg(
            help="Address to listen on. The default admits only this machine; 0.0.0.0: whoever has the link, which "
            "then holds a token."
        ),
    ] = HOST,
    port: Annotated[int, tyro.conf.arg(help="Port to listen on; 0: any that is free.")] = PORT,
    renderer: Annotated[
        ViewerRenderer, tyro.conf.arg(help="fast: real time; march: exact; gpu: exact, on a GPU.")
    ] = "fast",
    size: Annotated[
        int, tyro.conf.arg(help="Pixels along the longer side of a full picture at most; it has the window's shape.")
    ] = 1024,
    background: Annotated[Literal["black", "white"], tyro.conf.arg(help="What is behind.")] = "black",
    data: Annotated[Path | None, tyro.conf.arg(help="Folder of the run's capture, if it was moved.")] = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Look at the clip in a browser, from any side and at any time, until Ctrl-C."""
    with runs.view(
        run,
        host=host,
        port=port,
        renderer=renderer,
        size=size,
        background=background,
        data=data,
        device=device,
        threads=threads,
    ) as viewing:
        say(f"{viewing.name}: {viewing.frames} frames; open {viewing.url}  (Ctrl-C ends)")
        say(viewing.elsewhere)
        viewing.stage.wait()
    say("ended")
    return 0
