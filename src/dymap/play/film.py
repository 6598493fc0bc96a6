"""Films: which camera sees which frame, image by image, and writing what they see (method.md 13)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from dymap.config import FIXED_TIME_VIEWS, Backdrop, Layer, RendererName
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.play.camera_file import read_cameras
from dymap.play.drawing import (
    PICTURE,
    Draw,
    Drawing,
    Film,
    FilmImage,
    GroundTruth,
    Pictures,
    depth_files,
    draw_here,
    layer_file,
)
from dymap.play.exr import EXR, check_exr
from dymap.play.layers import depth_range
from dymap.play.movie import Write, film_writer, picture_writer, sequence_writer
from dymap.play.orbit import Orbit
from dymap.play.sound import Sound
from dymap.play.video import USUAL, Video
from dymap.progress import Progress

SECONDS = 4.0
"""A short clip is repeated until its film lasts this long."""

SIZE = (512, 512)
"""Of the images of a path that says no size, if the video has no cameras either."""

Size = tuple[int, int] | None
"""Width and height of a film; None: the camera's."""


def whole_clips(video: Video, fps: float | None = None) -> int:
    """Images of a film that shows the clip as often as it takes to last 4 s; fps None: the video's."""
    return video.num_frames * max(1, math.ceil(SECONDS * (fps or video.fps) / video.num_frames))


def orbit_film(
    video: Video,
    count: int | None = None,
    size: Size = None,
    published: bool = False,
    way: Orbit = USUAL,
) -> Film:
    """Free view: time runs while the camera goes round once. count: images; None: whole clips of 4 s or more.

    published: the path looks at the published point, through the lens of camera 0. way: where else the camera goes.
    Raises InputError for fewer than three cameras.
    """
    cameras = _orbit(video, count or whole_clips(video), size, published, way)
    return [FilmImage(camera, index % video.num_frames) for index, camera in enumerate(cameras)]


def fixed_time_film(
    video: Video,
    frame: int,
    count: int = FIXED_TIME_VIEWS,
    size: Size = None,
    published: bool = False,
    way: Orbit = USUAL,
) -> Film:
    """Fixed time: the camera goes round once in frame position `frame`. Raises InputError if the clip has no such."""
    check_frame(video, frame)
    return [FilmImage(camera, frame) for camera in _orbit(video, count, size, published, way)]


def fixed_view_film(
    video: Video,
    view: int | str = "orbit",
    count: int | None = None,
    size: Size = None,
    published: bool = False,
    way: Orbit = USUAL,
) -> Film:
    """Fixed view: time runs before a camera that does not move.

    view: index or name of one of the capture's cameras (see `find_view`), or `orbit`: the first of the orbit, as
    published. count: images; None: whole clips of 4 s or more. Raises InputError for a view that does not exist.
    """
    index = None
    if view == "orbit":
        (camera,) = _orbit(video, 1, size, published, way)
    else:
        index = find_view(video, view)
        camera = video.cameras[index]
        if size is not None and size != (camera.width, camera.height):
            camera, index = camera.fitted(*size), None  # no longer pixel by pixel what was filmed
    return [FilmImage(camera, k % video.num_frames, index) for k in range(count or whole_clips(video))]


def path_film(video: Video, file: Path, size: Size = None, frame: int | None = None) -> Film:
    """The cameras of a file (see camera_file.py), an image each. If the file does not say which frame, time runs.

    frame: the position that all of them see, whatever the file says. size: of all images. Raises InputError for a file
    that cannot be read, images of several sizes and a frame outside the clip.
    """
    if frame is not None:
        check_frame(video, frame)
    # A video imported without its capture has no cameras; a path of one's own is how it is seen.
    lens = (video.cameras[0].width, video.cameras[0].height) if video.cameras else SIZE
    placed = read_cameras(file, size or lens, video.num_frames)
    sizes = {(camera.width, camera.height) for camera, _ in placed}
    if size is None and len(sizes) > 1:
        raise InputError(f"{file}: images of {len(sizes)} sizes, but a film has one; choose it with --size")
    film = []
    for index, (camera, given) in enumerate(placed):
        position = frame if frame is not None else index % video.num_frames if given is None else given
        film.append(FilmImage(camera if size is None else camera.fitted(*size), position))
    return film


def _orbit(video: Video, count: int, size: Size, published: bool, way: Orbit) -> list[Camera]:
    width, height = size or (None, None)
    return video.orbit(count, width, height, published, way)


def check_frame(video: Video, frame: int) -> None:
    if not 0 <= frame < video.num_frames:
        raise InputError(f"frame {frame} is outside the clip: it has positions 0 to {video.num_frames - 1}")


def find_view(video: Video, view: int | str) -> int:
    """The index of a camera given by index or by name. A plain number (`3`) is an index; anything else (`03`) a name.

    Raises InputError that says which there are.
    """
    names = [camera.name for camera in video.cameras]
    text = str(view)
    if text.isdecimal() and text == str(int(text)):
        if int(text) < len(names):
            return int(text)
    elif text in names:
        return names.index(text)
    if not names:
        raise InputError(f"view {text!r} does not exist: this video has no cameras of its own; use --cameras FILE")
    known = ", ".join(name for name in names[:4] if name) + (", ..." if len(names) > 4 else "")
    raise InputError(f"view {text!r} does not exist: there are indices 0 to {len(names) - 1} and names {known}")


def write_film(
    video: Video,
    film: Film,
    path: Path | None,
    *,
    fps: float | None = None,
    layers: Sequence[Layer] = ("rgb",),
    background: Backdrop = "black",
    renderer: RendererName = "march",
    png: Path | None = None,
    exr: Path | None = None,
    truth: GroundTruth | None = None,
    sound: Sound | None = None,
    progress: Progress | None = None,
    draw: Draw | None = None,
) -> list[Path]:
    """Render a film, each image once, and write one file a layer; returns the files.

    path: .mp4, .mov (ProRes 4444) or .webm (VP9), or .png or .exr for a film of one image; layers but rgb have their
    name in the file's (`orbit_depth.mp4`). None: no film. png: folder for the images as PNG too; layers but rgb get a
    folder in it. Beside every picture of the layer depth lies an .npy: the distances in metres, float32 [H, W],
    infinity where nothing is seen. exr: folder for the images as EXR too, which have alpha and depth whatever the
    background (see exr.py). background: of rgb; with `transparent` it has straight alpha, which MP4 does not know.
    truth: what was filmed, for the layer diff. sound: that of every film.
    fps: None: the video's. progress: called with (done, all) images. Images are streamed, not gathered. draw: who
    renders them, None: this process (`draw_here`).
    Raises InputError for what cannot be written, and for diff if the film's camera is none of the capture's.
    """
    chosen: list[Layer] = list(dict.fromkeys(layers))
    if not chosen or not film:
        raise InputError("a film needs at least one layer and one image")
    if "diff" in chosen:
        check_filmed(film)
        if truth is None:
            raise InputError("the layer diff needs the capture that the video was made from")
    suffix = None if path is None else path.suffix.lower()
    if suffix in (PICTURE, EXR) and len(film) > 1:
        raise InputError(
            f"{path}: one picture, but the film has {len(film)}; choose one moment from one place with "
            "--fixed-view and --fixed-time, or write numbered pictures with --png or --exr"
        )
    if suffix == EXR and chosen != ["rgb"]:
        raise InputError(f"{path}: an EXR picture holds colour, opacity and depth at once; leave out --layers")
    for place in (exr, path if suffix == EXR else None):
        if place is not None:
            check_exr(place)  # before the first image is rendered
    boxes = video.boxes.cpu().numpy()[[step.frame for step in film]]
    limits = depth_range([step.camera.position for step in film], boxes)
    written: list[Path] = []
    with ExitStack() as stack:
        outputs: dict[Layer, list[Write]] = {}
        for layer in chosen:
            outputs[layer] = []
            if path is not None and suffix == EXR:
                written.append(path)
            elif path is not None and suffix == PICTURE:
                written.append(layer_file(path, layer))
                outputs[layer].append(picture_writer(written[-1]))
                written += [file for file in depth_files(path, None, 0) if layer == "depth"]
            elif path is not None:
                written.append(layer_file(path, layer))
                alpha = layer == "rgb" and background == "transparent"
                outputs[layer].append(stack.enter_context(film_writer(written[-1], fps or video.fps, alpha, sound)))
            if png is not None:
                outputs[layer].append(sequence_writer(png if layer == "rgb" else png / layer))
        drawing = Drawing(film, tuple(chosen), limits, background, renderer, path, png, exr)
        done = 0

        def take(pictures: Pictures) -> None:
            nonlocal done
            for layer, writes in outputs.items():
                for write in writes:
                    write(pictures[layer])
            done += 1
            if progress is not None:
                progress(done, len(film))

        (draw or partial(draw_here, video, truth))(drawing, take)
    return written


def check_filmed(film: Film) -> None:
    """Raise InputError unless every image of a film was filmed too, which the layer diff needs."""
    if any(step.view is None for step in film):
        raise InputError(
            "the layer diff compares with what was filmed: it needs --fixed-view with one of the capture's views, in "
            "its own size"
        )
