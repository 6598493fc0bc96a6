"""dymap render: films of the clip from any viewpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import tyro

from dymap.capture import Capture, open_capture
from dymap.cli.console import Device, Renderer, Threads, console, pick_device, progress_bar
from dymap.errors import InputError
from dymap.play.camera_file import write_cameras
from dymap.play.film import (
    FIXED_TIME_VIEWS,
    Film,
    check_filmed,
    fixed_time_film,
    fixed_view_film,
    orbit_film,
    path_film,
    whole_clips,
    write_film,
)
from dymap.play.layers import Backdrop, Layer
from dymap.play.video import load
from dymap.train.run import RunFolder

MAX_SIZE = 16384
"""Pixels along a side of a film: more than its formats hold."""


def render(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            help=".mp4, .mov (ProRes 4444) or .webm (VP9) to write; default: orbit.mp4, fixed_time.mp4, fixed_view.mp4 "
            "or cameras.mp4 beside the baked file."
        ),
    ] = None,
    fixed_time: Annotated[
        int | None, tyro.conf.arg(help="Stop the clip at this frame position; only the camera moves.")
    ] = None,
    fixed_view: Annotated[
        str | None,
        tyro.conf.arg(help="Stand at a view of the capture (index, or name), or `orbit`: the orbit's first camera."),
    ] = None,
    cameras: Annotated[
        Path | None, tyro.conf.arg(help="Follow the cameras of a file: transforms.json or a saved path.")
    ] = None,
    save_cameras: Annotated[Path | None, tyro.conf.arg(help="File to save the film's path in, for --cameras.")] = None,
    layers: Annotated[
        tuple[Layer, ...],
        tyro.conf.arg(
            help="A film each of: the colours, distance (near is bright), opacity, error to what was filmed."
        ),
    ] = ("rgb",),
    views: Annotated[
        int | None,
        tyro.conf.arg(
            help=f"Images of the film; default: whole clips of 4 s or more; {FIXED_TIME_VIEWS} with --fixed-time."
        ),
    ] = None,
    size: Annotated[tuple[int, int] | None, tyro.conf.arg(help="Width and height; default: the camera's.")] = None,
    fps: Annotated[float | None, tyro.conf.arg(help="Frames a second; default: the capture's.")] = None,
    background: Annotated[
        Backdrop, tyro.conf.arg(help="What is behind; transparent: with --out FILE.mov, FILE.webm or --png.")
    ] = "black",
    published_path: Annotated[
        bool, tyro.conf.arg(help="Look at the published point instead of the middle of the scene.")
    ] = False,
    png: Annotated[Path | None, tyro.conf.arg(help="Folder for the frames as PNG too.")] = None,
    renderer: Annotated[
        Renderer, tyro.conf.arg(help="march: exact; fast: real time; volume: all samples of the box.")
    ] = "march",
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Film the clip. By default along an orbit: time runs while the camera goes round once."""
    video = load(run, pick_device(device, threads))
    sizes_fit = size is None or (min(size) >= 2 and max(size) <= MAX_SIZE)
    if not ((views is None or views >= 1) and sizes_fit and (fps is None or 0 < fps < math.inf)):
        raise InputError(f"--views must be positive, --size from 2 to {MAX_SIZE} and --fps above 0")
    if fixed_time is not None and fixed_view is not None:
        raise InputError("--fixed-time stops the clip and --fixed-view the camera: nothing would move; choose one")
    if cameras is not None and (fixed_view is not None or views is not None or published_path):
        raise InputError("--cameras says where the camera goes: leave out --fixed-view, --views and --published-path")
    speed = fps or video.fps
    count = views or (whole_clips(video, speed) if fixed_time is None else FIXED_TIME_VIEWS)
    if cameras is not None:
        name, film = "cameras", path_film(video, cameras, size, fixed_time)
    elif fixed_time is not None:
        name, film = "fixed_time", fixed_time_film(video, fixed_time, count, size, published_path)
    elif fixed_view is not None:
        name, film = "fixed_view", fixed_view_film(video, fixed_view, count, size, published_path)
    else:
        name, film = "orbit", orbit_film(video, count, size, published_path)
    folder = run if run.is_dir() else run.parent
    path = out or folder / f"{name}.mp4"
    # Transparent PNG frames need no film; a film beside them would be an MP4, which knows no transparency.
    wanted = None if out is None and png is not None and background == "transparent" else path
    capture = open_filmed(film, RunFolder(folder)) if "diff" in layers else None
    if save_cameras is not None:
        write_cameras(save_cameras, [(step.camera, step.frame) for step in film])
    with progress_bar("render") as progress:
        written = write_film(
            video, film, wanted, fps=speed, layers=layers, background=background, renderer=renderer, png=png,
            capture=capture, progress=progress,
        )  # fmt: skip
    places = ", ".join(str(place) for place in (*written, png, save_cameras) if place is not None)
    console.print(f"{places}: {len(film)} images at {speed:g} fps")
    return 0


def open_filmed(film: Film, folder: RunFolder) -> Capture:
    """What was filmed, for the layer diff. Raises InputError where the film differs or the run does not know it."""
    check_filmed(film)  # before images are prepared, which may take minutes
    if not folder.exists():
        raise InputError(
            f"{folder.root}: the layer diff compares with what was filmed, which only a run's folder knows"
        )
    record = folder.read()
    with progress_bar("prepare images") as progress:
        return open_capture(record.data, record.config.capture, progress)
