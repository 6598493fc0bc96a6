"""A COLMAP model of cameras that stand still, and what they filmed (calibrations/colmap.py).

    my_capture/
      sparse/0/cameras.bin images.bin      or .txt; the folder may be sparse, colmap/sparse/0 or the capture's own
      images/cam00/000000.jpg ...          or frames/000000/cam00.jpg, or videos/cam00.mp4
      masks/cam00/000000.png               of the same names as the pictures; may be missing

The model has one image a camera (or several of one pose): `cam00/000000.jpg` is of camera cam00, and so are `cam00.jpg`
and `000000/cam00.jpg`. Pixel centres lie at + 0.5, axes are OpenCV's; the world has no unit, and `scale` says how many
metres one of its units is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from dymap.capture.calibrations.colmap import cameras_of, find_model, read_colmap
from dymap.capture.calibrations.sizes import Size, at_sizes
from dymap.capture.decode import ENDINGS, read_size, significant_white
from dymap.capture.masks import MaskFolder
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.readers.image_files import read_cut_out
from dymap.capture.readers.listing import ImageFolders, find_mask_folder, read_mask_or_palette
from dymap.capture.readers.scattered import Place, ReadMask, ScatteredImages, cut_outs, first_of_each
from dymap.capture.readers.video_listing import VideoFolder
from dymap.capture.source import Footage, Source
from dymap.config.bounds import METRES_OF_A_UNIT, Checked
from dymap.errors import InputError

LOOKS_FOR = "a COLMAP model (cameras.bin and images.bin, or .txt), in sparse/0 or so"
IMAGE_FOLDERS = ("images", "input", "")
FRAME_FOLDERS = ("frames", "images", "")
VIDEO_FOLDERS = ("videos", "")


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files do not say."""

    scale: Annotated[float, METRES_OF_A_UNIT] = 1.0
    """Metres of one unit of the model: COLMAP's have none."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout: other layouts keep a model beside their own files."""
    try:
        return 0.55 if find_model(root) is not None else 0.0
    except OSError:
        return 0.0


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    return [] if find_model(root) is not None else ["sparse/0/cameras.bin", "sparse/0/images.bin"]


def read(root: Path, options: Options) -> Source:
    """List the cameras of the model, and their pictures or videos. Raises InputError that names what is missing."""
    if (model := find_model(root)) is None:
        raise InputError(f"{root}: holds no COLMAP model: cameras.bin and images.bin, or .txt, in sparse/0")
    cameras, registered = cameras_of(model, read_colmap(model, options.scale))
    footage, numbers, sizes = _footage(root, [camera.name for camera in cameras], registered)
    return Source("colmap", options, root, at_sizes(model, cameras, sizes), numbers, footage)


Recorded = tuple[Footage, tuple[int, ...], list[Size]]
"""Pictures, the numbers of frames, and the size of each camera's pictures."""


def _footage(root: Path, names: Sequence[str], registered: Sequence[str]) -> Recorded:
    """The longer one of what lies there as images and as videos: images may be only those that were registered."""
    masks = find_mask_folder(root)
    still: Recorded | None = None
    if (folders := _camera_folders(root, names, registered)) is not None:
        still = (*folders.footage(names, masks), [folders.size(name) for name in names])
    elif pictures := _of_frame_folders(root, names) or _as_registered(root, registered):
        still = _pictured(root, names, pictures, masks)
    if (still is None or len(still[1]) == 1) and (videos := _video_folder(root, names)) is not None:
        return *videos.footage(names, masks), [videos.size(name) for name in names]
    if still is None:
        raise InputError(
            f"{root}: no pictures of the cameras {', '.join(map(repr, names[:3]))}{', ...' * (len(names) > 3)}; "
            f"looked for images/{names[0]}/000000.jpg, frames/000000/{names[0]}.jpg and videos/{names[0]}.mp4"
        )
    return still


Pictures = dict[Place, Path]
"""By frame number and view."""


def _camera_folders(root: Path, names: Sequence[str], registered: Sequence[str]) -> ImageFolders | None:
    """images/cam00/000000.jpg; images/rig/cam00/000000.jpg if the model names it so."""
    above = {str(PurePosixPath(name).parent.parent) for name in registered}
    for place in (*IMAGE_FOLDERS, *(f"{place}/{above.pop()}" for place in IMAGE_FOLDERS[:1] if len(above) == 1)):
        folders = ImageFolders(root / place)
        if set(folders.names()) & set(names):
            return folders
    return None


def _video_folder(root: Path, names: Sequence[str]) -> VideoFolder | None:
    """videos/cam00.mp4, one for each camera; None: some are missing."""
    for place in VIDEO_FOLDERS:
        if (root / place).is_dir() and set(names) <= set((videos := VideoFolder(root / place)).names()):
            return videos
    return None


def _of_frame_folders(root: Path, names: Sequence[str]) -> Pictures:
    """frames/000000/cam00.jpg"""
    views = {name: view for view, name in enumerate(names)}
    for place in FRAME_FOLDERS:
        folders = sorted(_inside(root / place, Path.is_dir), key=lambda folder: natural(folder.name))
        holding = [
            (folder, found)
            for folder in folders
            if any(c.isdigit() for c in folder.name)
            and (found := {views[file.stem]: file for file in _files(folder) if file.stem in views})
        ]
        if holding:
            try:
                numbers = frame_numbers([folder.name for folder, _ in holding])
            except ValueError as error:
                raise InputError(f"{root / place}: folders of frames: {error}") from None
            rows = zip(numbers, holding, strict=True)
            return {(number, view): file for number, (_, found) in rows for view, file in found.items()}
    return {}


def _as_registered(root: Path, registered: Sequence[str]) -> Pictures:
    """The images that the model was made of, as one frame: images/cam00.jpg"""
    for place in IMAGE_FOLDERS:
        paths = [root / place / name for name in registered]
        if pictures := {(0, view): path for view, path in enumerate(paths) if path.is_file()}:
            return pictures
    return {}


def _files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their numbers."""
    files = (file for file in _inside(folder, Path.is_file) if file.suffix.lower() in ENDINGS)
    return sorted(files, key=lambda file: natural(file.name))


def _inside(folder: Path, kind: Callable[[Path], bool]) -> list[Path]:
    """What of a kind a folder holds, hidden things left out; nothing if there is no such folder."""
    if not folder.is_dir():
        return []
    return [path for name in os.listdir(folder) if not name.startswith(".") and kind(path := folder / name)]


def _pictured(root: Path, names: Sequence[str], pictures: Pictures, masks: Path | None) -> Recorded:
    if missing := [name for view, name in enumerate(names) if all(place[1] != view for place in pictures)]:
        raise InputError(f"{root}: camera {missing[0]!r} of the model has no picture; add its folder or video")
    numbers = tuple(sorted({number for number, _ in pictures}))
    position = {number: frame for frame, number in enumerate(numbers)}
    images = {(position[number], view): path for (number, view), path in sorted(pictures.items())}
    found: dict[Place, Path] = {}
    if masks is not None:
        folder = MaskFolder(masks)
        paths = {place: folder.find(path.relative_to(root).as_posix()) for place, path in images.items()}
        found = {place: path for place, path in paths.items() if path is not None}
    firsts = first_of_each(images, len(names))
    read: ReadMask = read_mask_or_palette
    if not found and (transparent := cut_outs(images, firsts)):
        found, read = transparent, read_cut_out
    footage = ScatteredImages(images, found or None, len(numbers), read, significant_white(firsts))
    return footage, numbers, [read_size(path) for path in firsts]
