"""Where a capture keeps its pictures: in folders of images or in videos, one a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dymap.capture.masks import IMAGE_FOLDERS
from dymap.capture.readers.annotations import find_vertices
from dymap.capture.readers.listing import ImageFolders
from dymap.capture.readers.video_listing import VideoFolder, videos_in
from dymap.capture.source import Footage
from dymap.errors import InputError

Recording = ImageFolders | VideoFolder

VIDEO_FOLDER = "videos"


def find_recording(root: Path, named: str = "") -> Recording:
    """The pictures of a capture: `named`, images/ or a folder of like name, videos/, or videos beside the calibration.

    Images count before videos, which they were often taken from. Raises InputError if there are neither.
    """
    for name in (inside(root, named),) if named else IMAGE_FOLDERS:
        if (folders := ImageFolders(root / name)).names():
            return folders
    for folder in (root / named,) if named else (root / VIDEO_FOLDER, root):
        if folder.is_dir() and (videos := VideoFolder(folder)).names():
            return videos
    raise InputError(
        f"{root / named}: holds no pictures; expected {'' if named else 'images/'}CAMERA/000000.jpg or "
        f"{'' if named else 'videos/'}CAMERA.mp4, a folder or video for each camera"
    )


def has_recording(root: Path) -> bool:
    """Whether a folder looks as if it had pictures. Cheap: folders are not looked into, but for videos."""
    return any((root / name).is_dir() for name in (*IMAGE_FOLDERS, VIDEO_FOLDER)) or bool(videos_in(root))


def inside(root: Path, name: str) -> str:
    """The name of a folder in a capture's. Raises InputError if it leaves it."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise InputError(f"{root}: the folder {name!r} leaves the capture's folder; expected a name such as images")
    return name


def footage_of(
    root: Path,
    recording: Recording,
    names: Sequence[str],
    masks: Path | None,
    offsets: Sequence[float] | None = None,
    fps: float = 0.0,
) -> tuple[Footage, tuple[int, ...]]:
    """The pictures of cameras and the numbers of their frames; with images the points of the surface in vertices/.

    offsets: seconds on the common clock at which each camera begins. fps: of videos the frames a second that are taken,
    0: each picture of the first; of images the frames a second that were filmed, which `offsets` need. Raises
    InputError.
    """
    if isinstance(recording, VideoFolder):
        return recording.footage(names, masks, offsets, fps)
    shifts = None
    if offsets is not None and any(offsets):
        if not fps > 0:
            raise InputError(
                f"{recording.folder}: pictures in files have no clock, which offsets need; say how many were filmed a "
                "second: --set capture.options.fps=30"
            )
        shifts = [round(offset * fps) for offset in offsets]
    images, frames = recording.footage(names, masks, shifts)
    return replace(images, vertices=find_vertices(root, frames)), frames
