"""`dymap.runs.view`: the clip in a browser, for as long as the context is open."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dymap.config import HOST, PORT, ViewerRenderer
from dymap.errors import InputError
from dymap.play.video import load
from dymap.play.viewer.address import is_local
from dymap.play.viewer.controls import SIDES, Settings
from dymap.play.viewer.picture import Colour
from dymap.play.viewer.server import Viewer
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable
from dymap.signals import asked_to_end

BACKGROUNDS: dict[str, Colour] = {"black": (0, 0, 0), "white": (255, 255, 255)}


@dataclass(frozen=True, eq=False)
class Viewing:
    """A viewer that serves. is_local: only this machine reaches it. `viewer.wait()` waits until it is asked to end."""

    viewer: Viewer
    name: str
    frames: int
    is_local: bool


@contextmanager
def view(
    run: str | Path,
    *,
    host: str = HOST,
    port: int = PORT,
    renderer: ViewerRenderer = "fast",
    size: int = 512,
    background: Literal["black", "white"] = "black",
    device: str = "auto",
    threads: int = 0,
) -> Iterator[Viewing]:
    """Serve a baked run, or a baked file, to browsers. At Ctrl-C or a termination `viewer.wait()` returns.

    with dymap.runs.view("runs/mine") as viewing: viewing.viewer.wait()

    host: address to listen on; the default admits only this machine. size: pixels along the longer side of the
    picture. Raises InputError for a clip that is not there and a port that is taken. For the main thread.
    """
    if not SIDES[0] <= size <= SIDES[1]:
        raise InputError(f"--size {size}: expected {SIDES[0]} to {SIDES[1]} pixels")
    place = Path(run)
    if not place.exists():
        raise InputError(f"{place}: not there; expected the folder of a baked run, or a baked file")
    # A browser that leaves while its picture is rendered: nothing that anybody needs to know.
    warnings.filterwarnings("ignore", message="Queued a .* on a closed connection")
    warnings.filterwarnings("ignore", message=r"\[viser\] .* does not match")  # with all that was sent
    check_playable(place)
    video = load(place, pick_device(device, threads))
    settings = Settings(renderer, size, BACKGROUNDS[background])
    # Closed last: a frame that is still being made when the process ends would take it down.
    with asked_to_end() as asked, closing(video), Viewer(video, host, port, settings, asked) as viewer:
        yield Viewing(viewer, video.name, video.num_frames, is_local(host))
