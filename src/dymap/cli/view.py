"""dymap view: look at the clip in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say, warn
from dymap.config import HOST, PORT, ViewerRenderer


def view(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    host: Annotated[
        str,
        tyro.conf.arg(help="Address to listen on. The default admits only this machine; 0.0.0.0: everybody."),
    ] = HOST,
    port: Annotated[int, tyro.conf.arg(help="Port to listen on; 0: any that is free.")] = PORT,
    renderer: Annotated[
        ViewerRenderer, tyro.conf.arg(help="fast: real time; march: exact; gpu: exact, on a GPU.")
    ] = "fast",
    size: Annotated[
        int, tyro.conf.arg(help="Pixels along the longer side of the picture, which has the window's shape.")
    ] = 512,
    background: Annotated[Literal["black", "white"], tyro.conf.arg(help="What is behind.")] = "black",
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
        device=device,
        threads=threads,
    ) as viewing:
        viewer = viewing.viewer
        say(f"{viewing.name}: {viewing.frames} frames; open {viewer.url}  (Ctrl-C ends)")
        if viewing.is_local:
            tunnel = f"ssh -L {viewer.port}:127.0.0.1:{viewer.port} USER@THIS_MACHINE"
            say(f"from another machine: {tunnel}  there, then open the same address there")
        else:
            warn(f"whoever reaches {host}:{viewer.port} can look; there is no password")
        viewer.wait()
    say("ended")
    return 0
