"""dymap view: look at the clip in a browser."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap.cli.console import Device, Threads, console, pick_device
from dymap.errors import InputError
from dymap.play.video import load
from dymap.play.viewer.address import HOST, PORT, is_local
from dymap.play.viewer.controls import SIDES, Settings
from dymap.play.viewer.picture import Colour, ViewerRenderer
from dymap.play.viewer.server import Viewer

BACKGROUNDS: dict[str, Colour] = {"black": (0, 0, 0), "white": (255, 255, 255)}


def view(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    host: Annotated[
        str,
        tyro.conf.arg(help="Address to listen on. The default lets this machine in alone; 0.0.0.0: everybody."),
    ] = HOST,
    port: Annotated[int, tyro.conf.arg(help="Port to listen on; 0: any that is free.")] = PORT,
    renderer: Annotated[ViewerRenderer, tyro.conf.arg(help="fast: real time; march: exact.")] = "fast",
    size: Annotated[
        int, tyro.conf.arg(help="Pixels along the longer side of the picture, which has the window's shape.")
    ] = 512,
    background: Annotated[Literal["black", "white"], tyro.conf.arg(help="What is behind.")] = "black",
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Look at the clip in a browser, from any side and at any time, until Ctrl-C."""
    if not SIDES[0] <= size <= SIDES[1]:
        raise InputError(f"--size {size}: expected {SIDES[0]} to {SIDES[1]} pixels")
    if not run.exists():
        raise InputError(f"{run}: not there; expected the folder of a baked run, or a baked file")
    # A browser that leaves while its picture is rendered: nothing that anybody needs to know.
    warnings.filterwarnings("ignore", message="Queued a .* on a closed connection")
    video = load(run, pick_device(device, threads))
    try:
        # Closed last: a frame that is still being made when the process ends would take it down.
        settings = Settings(renderer, size, BACKGROUNDS[background])
        with hearing_signals(), closing(video), Viewer(video, host, port, settings) as viewer:
            console.print(f"{video.name}: {video.num_frames} frames; open {viewer.url}  (Ctrl-C ends)")
            if is_local(host):
                tunnel = f"ssh -L {viewer.port}:127.0.0.1:{viewer.port} USER@THIS_MACHINE"
                console.print(f"from another machine: {tunnel}  there, then open the same address there")
            else:
                console.print(f"warning: whoever reaches {host}:{viewer.port} can look; there is no password")
            viewer.wait()
    except KeyboardInterrupt:
        console.print("ended")
    return 0


@contextmanager
def hearing_signals() -> Iterator[None]:
    """Ctrl-C and a termination raise KeyboardInterrupt, also where they were ignored, as in a shell's background."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, interrupt)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
