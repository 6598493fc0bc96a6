"""dymap play: a clip in this machine's browser, drawn by the browser itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import Device, Threads, say
from dymap.cli.progress import progress_bar


def play(
    what: Annotated[
        tyro.conf.Positional[Path],
        tyro.conf.arg(help="A baked file, the folder of a baked run, or a folder that was exported."),
    ],
    browser: Annotated[bool, tyro.conf.arg(help="Open it in the browser.")] = True,
    port: Annotated[int, tyro.conf.arg(help="Port to listen on; 0: any that is free.")] = 0,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Play the clip in this machine's browser, which draws it by its own GPU (WebGPU), until Ctrl-C."""
    with runs.play(what, port=port, device=device, threads=threads, progress=progress_bar) as playing:
        say(f"{playing.name}: {playing.url}  (Ctrl-C ends)")
        if playing.tunnel:
            say(f"from your own machine: {playing.tunnel}  there, then open the same address there")
        elif browser and not playing.open_browser():
            say("no browser was found; open the address in one that has WebGPU")
        playing.wait()
    say("ended")
    return 0
