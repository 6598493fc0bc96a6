"""dymap render: free-viewpoint films."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from numpy.typing import NDArray

from dymap.cli.console import Device, Renderer, Threads, console, pick_device, progress_bar
from dymap.errors import InputError
from dymap.play.movie import write_mp4, write_png
from dymap.play.video import Video, load

SECONDS = 4.0
"""A short clip is repeated until the film lasts this long."""


def render(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    out: Annotated[Path | None, tyro.conf.arg(help="MP4 to write; default: orbit.mp4 beside the baked file.")] = None,
    views: Annotated[int | None, tyro.conf.arg(help="Images of the film; default: whole clips of 4 s or more.")] = None,
    size: Annotated[tuple[int, int] | None, tyro.conf.arg(help="Width and height; default: the capture's.")] = None,
    fps: Annotated[float | None, tyro.conf.arg(help="Frames a second; default: the capture's.")] = None,
    background: Annotated[Literal["black", "white"], tyro.conf.arg(help="What is behind.")] = "black",
    published_path: Annotated[
        bool, tyro.conf.arg(help="Look at the published point instead of the middle of the scene.")
    ] = False,
    png: Annotated[Path | None, tyro.conf.arg(help="Folder for the frames as PNG too.")] = None,
    renderer: Annotated[Renderer, tyro.conf.arg(help="march: real time; volume: all samples of the box.")] = "march",
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Film the clip along an orbit: time runs while the camera goes round once."""
    video = load(run, pick_device(device, threads))
    sizes_fit = size is None or min(size) >= 2
    if not ((views is None or views >= 1) and sizes_fit and (fps is None or 0 < fps < math.inf)):
        raise InputError("--views must be positive, --size at least 2 x 2 and --fps above 0")
    speed = fps or video.fps
    count = views or video.num_frames * max(1, math.ceil(SECONDS * speed / video.num_frames))
    path = out or (run / "orbit.mp4" if run.is_dir() else run.with_name("orbit.mp4"))
    film_orbit(video, path, count, speed, size, background, png, renderer, published_path)
    console.print(f"{path}: {count} images at {speed:g} fps")
    return 0


def film_orbit(
    video: Video,
    path: Path,
    count: int,
    fps: float,
    size: tuple[int, int] | None = None,
    background: Literal["black", "white"] = "black",
    png: Path | None = None,
    renderer: Renderer = "march",
    published: bool = False,
) -> None:
    """Write the orbit film, and its frames as PNG where asked."""
    width, height = size or (None, None)
    with progress_bar("render") as progress:

        def images() -> Iterator[NDArray[np.uint8]]:
            for index, camera in enumerate(video.orbit(count, width, height, published)):
                frame = index % video.num_frames
                image = video.render(camera, frame, renderer=renderer, background=background).numpy()
                if png is not None:
                    write_png(png / f"{index:06d}.png", image)
                progress(index + 1, count)
                yield image

        write_mp4(path, images(), fps)
