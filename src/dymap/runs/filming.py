"""`dymap.runs.film`: films of the clip from any viewpoint.

run or file -> video -> which film -> play.film, image by image -> Filmed
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dymap.config import FIXED_TIME_VIEWS, Backdrop, EngineName, Layer, RendererName
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.play.camera_file import write_cameras
from dymap.play.film import (
    PICTURE,
    Film,
    check_frame,
    find_view,
    fixed_time_film,
    fixed_view_film,
    layer_file,
    orbit_film,
    path_film,
    whole_clips,
    write_film,
)
from dymap.play.movie import CODECS
from dymap.play.orbit import Orbit
from dymap.play.sound import Sound, check_sound, read_sound
from dymap.play.video import USUAL, Video, load
from dymap.runs.bars import Bars, no_bars
from dymap.runs.drawing_parts import Shown, draw_parts
from dymap.runs.engines import open_engine
from dymap.runs.folder import RunFolder
from dymap.runs.process import pick_device
from dymap.runs.things import check_playable
from dymap.runs.truth import open_truth

MAX_SIZE = 16384
"""Pixels along a side of a film: more than its formats hold."""


@dataclass(frozen=True)
class Filmed:
    """What a film left. files: one a layer. png, exr: folders of pictures. cameras: file of the path. replaced: places,
    of all these, that held something before. note: what the format changed, or nothing."""

    files: tuple[Path, ...]
    png: Path | None
    exr: Path | None
    cameras: Path | None
    images: int
    fps: float
    replaced: tuple[Path, ...] = ()
    note: str = ""

    @property
    def places(self) -> list[Path]:
        """All that was written."""
        return [*self.files, *(place for place in (self.png, self.exr, self.cameras) if place is not None)]


def film(
    run: str | Path,
    out: str | Path | None = None,
    *,
    data: str | Path | None = None,
    fixed_time: int | None = None,
    fixed_view: int | str | None = None,
    cameras: Path | None = None,
    save_cameras: Path | None = None,
    layers: Sequence[Layer] = ("rgb",),
    views: int | None = None,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    background: Backdrop = "black",
    published_path: bool = False,
    orbit: Orbit = USUAL,
    png: Path | None = None,
    exr: Path | None = None,
    audio: str | Path | None = None,
    renderer: RendererName = "march",
    engine: EngineName | None = None,
    address: str | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
) -> Filmed:
    """Film a baked run, or a baked file. By default along an orbit: time runs while the camera goes round once.

    out: .mp4, .mov (ProRes 4444) or .webm (VP9), default beside the baked file, named after what the film
    shows: orbit.mp4, fixed_time_0003.mp4, fixed_view_03.mp4 (the view's index), cameras_NAME.mp4 (of the path's file).
    data: where the run's capture is now, if it was moved, for the layer diff. fixed_time: frame position at which the
    clip stops. fixed_view: view of the capture (index or name) or `orbit`, at which the camera stands; with both it is
    one picture (.png). cameras: file of a path to follow. save_cameras: file to save the path in. views: images of the
    film, default whole clips of 4 s or more. size: width and height, default the camera's. fps: default the capture's.
    background: transparent is for .mov, .webm and PNG. published_path: look at the published point, through the lens of
    camera 0. orbit: where else the camera goes, and how close. png: folder for the images as PNG too; exr: as EXR,
    linear with alpha and depth (see play/exr.py). audio: file of the clip's sound, which is repeated as the clip is.
    engine: who renders, in ranges of images: None: this process; else see `train`.

    Raises InputError for a clip that is not baked, and for options that do not go together.
    """
    place = Path(run)
    check_playable(place)
    video = load(place, pick_device(device, threads))
    sizes_fit = size is None or (min(size) >= 2 and max(size) <= MAX_SIZE)
    if not ((views is None or views >= 1) and sizes_fit and (fps is None or 0 < fps < math.inf)):
        raise InputError(f"--views must be positive, --size from 2 to {MAX_SIZE} and --fps above 0")
    if data is not None and "diff" not in layers:
        raise InputError("--data is where the layer diff finds what was filmed: add --layers diff, or leave it out")
    still = fixed_time is not None and fixed_view is not None
    if still and views not in (None, 1):
        raise InputError(
            "--fixed-time stops the clip and --fixed-view the camera: that is one picture, without --views"
        )
    if cameras is not None and (fixed_view is not None or views is not None or published_path):
        raise InputError("--cameras says where the camera goes: leave out --fixed-view, --views and --published-path")
    check_orbit(orbit, published_path, of_its_own=cameras is not None or fixed_view not in (None, "orbit"))
    speed = fps or video.fps
    count = views or (whole_clips(video, speed) if fixed_time is None else FIXED_TIME_VIEWS)
    way = "_published" if published_path else ""
    if cameras is not None:
        name = f"cameras_{cameras.stem}" + ("" if fixed_time is None else f"_{fixed_time:04d}")
        steps = path_film(video, cameras, size, fixed_time)
    elif fixed_time is not None and fixed_view is None:
        name = f"fixed_time_{fixed_time:04d}{way}"
        steps = fixed_time_film(video, fixed_time, count, size, published_path, orbit)
    elif fixed_view is not None:
        steps = fixed_view_film(video, fixed_view, 1 if still else count, size, published_path, orbit)
        name = "fixed_view_" + (f"orbit{way}" if fixed_view == "orbit" else f"{find_view(video, fixed_view):02d}")
        if fixed_time is not None:
            check_frame(video, fixed_time)
            steps, name = [step._replace(frame=fixed_time) for step in steps], f"{name}_{fixed_time:04d}"
    else:
        name, steps = f"orbit{way}", orbit_film(video, count, size, published_path, orbit)
    folder = place if place.is_dir() else place.parent
    path = Path(out) if out is not None else folder / f"{name}{PICTURE if still else '.mp4'}"
    # Transparent PNG frames need no film; a film beside them would be an MP4, which has no transparency.
    pictures = (png is not None or exr is not None) and background == "transparent"
    wanted = None if out is None and pictures and not still else path
    sound = None if audio is None else sound_of(Path(audio), video, speed, steps, wanted)
    truth = open_truth(video, steps, RunFolder(folder), progress, data) if "diff" in layers else None
    places = [] if wanted is None else [layer_file(wanted, layer) for layer in dict.fromkeys(layers)]
    replaced = tuple(
        place for place in (*places, png, exr, save_cameras) if place is not None and holds_something(place)
    )
    if save_cameras is not None:
        write_cameras(save_cameras, [(step.camera, step.frame) for step in steps])
    with ExitStack() as opened:
        draw = None
        if engine is not None:
            runner = opened.enter_context(open_engine(engine, address, device, threads))
            draw = partial(draw_parts, runner, Shown(place, data))
        written = write_film(
            video, steps, wanted, fps=speed, layers=layers, background=background, renderer=renderer, png=png, exr=exr,
            truth=truth, sound=sound, progress=opened.enter_context(progress("render")), draw=draw,
        )  # fmt: skip
    note = cut_note(wanted, steps[0].camera)
    return Filmed(tuple(written), png, exr, save_cameras, len(steps), speed, replaced, note)


def sound_of(path: Path, video: Video, fps: float, film: Film, out: Path | None) -> Sound:
    """A clip's sound, for a film that goes to `out`. Raises InputError if it is not the sound of what is seen."""
    if out is None or out.suffix.lower() not in CODECS:
        raise InputError(f"--audio is for films: name one with --out ({', '.join(CODECS)}), or leave out --audio")
    for index, step in enumerate(film):
        if step.frame != index % video.num_frames:
            raise InputError(
                f"--audio is for films in which the clip runs from its first frame, but image {index} of this one "
                f"shows frame {step.frame}: leave out --audio, --fixed-time or the frames in the file of --cameras"
            )
    samples = read_sound(path)
    check_sound(path, samples, video.num_frames, fps)
    return Sound(samples, video.num_frames / fps)


def cut_note(path: Path | None, camera: Camera) -> str:
    """What a film's format cuts off, or nothing."""
    width, height = camera.width, camera.height
    codec = None if path is None else CODECS.get(path.suffix.lower())
    if codec is None or not codec.even or (width % 2 == 0 and height % 2 == 0):
        return ""
    return (
        f"an MP4 film has even sides: of {width} x {height} pixels it shows {width // 2 * 2} x {height // 2 * 2} "
        "(.mov, .webm and PNG show all)"
    )


def check_orbit(orbit: Orbit, published: bool, of_its_own: bool) -> None:
    """Raise InputError for numbers that no orbit has, and for an orbit that would not be seen.

    of_its_own: the film's cameras are the capture's or a file's.
    """
    if not (0.01 <= orbit.zoom <= 100 and abs(orbit.height) <= 1000 and abs(orbit.turns) <= 1000 and orbit.turns != 0
            and abs(orbit.start) <= 36000):  # fmt: skip
        raise InputError(
            f"--zoom {orbit.zoom:g}, --height {orbit.height:g}, --turns {orbit.turns:g}, --start {orbit.start:g}: "
            "expected a zoom from 0.01 to 100, metres, a number of turns other than 0, degrees"
        )
    if of_its_own and orbit != USUAL:
        raise InputError("--zoom, --height, --turns and --start are of the orbit: leave out --cameras and --fixed-view")
    if published and (orbit.zoom != 1 or orbit.height != 0):
        raise InputError("--published-path keeps its lens and its height: leave out --zoom and --height")


def holds_something(place: Path) -> bool:
    """Whether writing there replaces something: a file, or pictures in a folder."""
    return any(file.suffix in (".png", ".exr") for file in place.glob("[0-9]*")) if place.is_dir() else place.exists()
