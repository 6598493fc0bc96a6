"""dymap render: films of the clip from any viewpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import RENDERERS, Address, Device, Threads, say
from dymap.cli.progress import progress_bar
from dymap.config import FIXED_TIME_VIEWS, Backdrop, EngineName, Layer, RendererName


def render(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a baked run, or a baked file.")],
    out: Annotated[
        Path | None,
        tyro.conf.arg(
            help=".mp4, .mov (ProRes 4444), .webm (VP9), or .png or .exr of one image; default: beside the baked "
            "file, named after what it shows: orbit.mp4, fixed_time_0003.mp4, fixed_view_03.mp4, cameras_NAME.mp4."
        ),
    ] = None,
    data: Annotated[
        Path | None, tyro.conf.arg(help="Where the run's capture is now, if it was moved; for --layers diff.")
    ] = None,
    fixed_time: Annotated[
        int | None, tyro.conf.arg(help="Stop the clip at this frame position; only the camera moves.")
    ] = None,
    fixed_view: Annotated[
        str | None,
        tyro.conf.arg(
            help="A view of the capture that is shown over time (index, or name), or `orbit`: the orbit's first camera."
        ),
    ] = None,
    cameras: Annotated[
        Path | None,
        tyro.conf.arg(help="Follow the cameras of a file: transforms.json, nerfstudio's camera_path or a saved path."),
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
        bool,
        tyro.conf.arg(help="Look at the published point through camera 0's lens, not at what fills the film."),
    ] = False,
    zoom: Annotated[
        float, tyro.conf.arg(help="Of the orbit: 1 fills the height of the film, 2 is twice as close.")
    ] = 1.0,
    height: Annotated[float, tyro.conf.arg(help="Metres by which the orbit is above the cameras.")] = 0.0,
    turns: Annotated[float, tyro.conf.arg(help="How often the orbit goes round; below 0: the other way.")] = 1.0,
    start: Annotated[float, tyro.conf.arg(help="Degrees after the usual beginning at which the orbit begins.")] = 0.0,
    png: Annotated[Path | None, tyro.conf.arg(help="Folder for the frames as PNG too.")] = None,
    exr: Annotated[
        Path | None,
        tyro.conf.arg(help="Folder for the frames as EXR too: linear colour and alpha (half), distance Z (float)."),
    ] = None,
    audio: Annotated[
        Path | None, tyro.conf.arg(help="The clip's sound, such as audio.wav of a capture; repeated as the clip is.")
    ] = None,
    renderer: Annotated[RendererName, tyro.conf.arg(help=RENDERERS)] = "march",
    engine: Annotated[
        EngineName | None,
        tyro.conf.arg(help="Who renders ranges of images: processes of this machine, or Ray (extra cluster)."),
    ] = None,
    address: Address = None,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Film the clip. By default along an orbit: time runs while the camera goes round once."""
    filmed = runs.film(
        run,
        out,
        data=data,
        fixed_time=fixed_time,
        fixed_view=fixed_view,
        cameras=cameras,
        save_cameras=save_cameras,
        layers=layers,
        views=views,
        size=size,
        fps=fps,
        background=background,
        published_path=published_path,
        orbit=runs.Orbit(zoom, height, turns, start),
        png=png,
        exr=exr,
        audio=audio,
        renderer=renderer,
        engine=engine,
        address=address,
        device=device,
        threads=threads,
        progress=progress_bar,
    )
    what = f"{filmed.images} images at {filmed.fps:g} fps" if filmed.images > 1 else "one image"
    say(f"{', '.join(map(str, filmed.places))}: {what}")
    if filmed.note:
        say(filmed.note)
    if filmed.replaced:
        say(f"replaced what was there before: {', '.join(map(str, filmed.replaced))}")
    return 0
