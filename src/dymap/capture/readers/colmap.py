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

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from dymap.capture.calibrations.colmap import find_model, read_colmap
from dymap.capture.decode import ENDINGS, read_size, significant_white
from dymap.capture.masks import MaskFolder, read_mask
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.paths import inner_path
from dymap.capture.readers.image_files import read_cut_out
from dymap.capture.readers.scattered import Place, ScatteredImages, any_transparent, first_of_each, warn_of_sizes
from dymap.capture.readers.video_files import VideoFiles, find_masks, rows_by_time
from dymap.capture.source import Source
from dymap.capture.video_packets import ENDINGS as VIDEOS
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera

LOOKS_FOR = "a COLMAP model (cameras.bin and images.bin, or .txt), in sparse/0 or so"
IMAGE_FOLDERS = ("images", "input", "")
FRAME_FOLDERS = ("frames", "images", "")
VIDEO_FOLDERS = ("videos", "")
MASK_FOLDERS = ("masks", "mask")
MOVED = 5e-3
"""Images of a camera that stands still have poses that differ by less: in radians, and in extents of the rig."""


@dataclass(frozen=True)
class Options:
    """What the files do not say."""

    scale: float = 1.0
    """Metres of one unit of the model: COLMAP's have none."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout: other layouts keep a model beside their own files."""
    try:
        return 0.7 if find_model(root) is not None else 0.0
    except OSError:
        return 0.0


def read(root: Path, options: Options) -> Source:
    """List the cameras of the model, and their pictures or videos. Raises InputError that names what is missing."""
    if not (math.isfinite(options.scale) and options.scale > 0):
        raise InputError(f"capture.options.scale is {options.scale}; expected metres of one unit, above 0")
    if (model := find_model(root)) is None:
        raise InputError(f"{root}: holds no COLMAP model: cameras.bin and images.bin, or .txt, in sparse/0")
    cameras, registered = cameras_of(model, read_colmap(model, options.scale))
    names = [camera.name for camera in cameras]
    pictures = _of_camera_folders(root, names) or _of_frame_folders(root, names) or _as_registered(root, registered)
    videos = _videos(root, names)
    if videos and len({frame for frame, _ in pictures}) <= 1:  # those that the model was made of
        return _filmed(root, options, cameras, videos)
    if not pictures:
        raise InputError(
            f"{root}: no pictures of the cameras {', '.join(map(repr, names[:3]))}{', ...' * (len(names) > 3)}; "
            f"looked for images/{names[0]}/000000.jpg, frames/000000/{names[0]}.jpg and videos/{names[0]}.mp4"
        )
    if missing := [names[view] for view in range(len(names)) if all(place[1] != view for place in pictures)]:
        raise InputError(f"{root}: camera {missing[0]!r} of the model has no picture; add its folder or video")
    return _pictured(root, options, cameras, pictures)


def cameras_of(model: Path, registered: Sequence[Camera]) -> tuple[list[Camera], list[str]]:
    """The cameras, called after the folders of the images that are registered or after their names, and the first image
    of each. Raises InputError if one moved."""
    for camera in registered:
        inner_path(camera.name, model)
    extent = float(np.ptp([camera.position for camera in registered], axis=0).max())
    moved: list[Camera] = []
    for name_of in (_folder, _stem):
        groups: dict[str, list[Camera]] = {}
        for camera in sorted(registered, key=lambda camera: natural(camera.name)):
            groups.setdefault(name_of(camera.name), []).append(camera)
        found = [other for group in groups.values() for other in group if _moved(group[0], other, extent)]
        if "" not in groups and not found and (len(groups) > 1 or len(registered) == 1):
            names = sorted(groups, key=natural)
            return [replace(groups[name][0], name=name) for name in names], [groups[name][0].name for name in names]
        moved = moved or found
    raise InputError(
        f"{model}: images that should be of one camera have different poses ({moved[0].name!r} for one); cameras must "
        "stand still, one image of each registered, as cam00/000000.jpg or cam00.jpg"
        if moved
        else f"{model}: the names of the images do not say whose they are; expected cam00/000000.jpg or cam00.jpg"
    )


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _moved(first: Camera, other: Camera, extent: float) -> bool:
    turned = math.acos(min(1.0, max(-1.0, (float(np.trace(first.R @ other.R.T)) - 1) / 2)))
    return turned > MOVED or float(np.linalg.norm(first.position - other.position)) > MOVED * extent


Pictures = dict[Place, Path]
"""By frame number and view."""


def _of_camera_folders(root: Path, names: Sequence[str]) -> Pictures:
    """images/cam00/000000.jpg"""
    for place in IMAGE_FOLDERS:
        pictures: Pictures = {}
        for view, name in enumerate(names):
            files = _files(root / place / name)
            try:
                numbers = frame_numbers([file.name for file in files]) if files else ()
            except ValueError as error:
                raise InputError(f"{root / place / name}: {error}") from None
            pictures |= {(number, view): file for number, file in zip(numbers, files, strict=True)}
        if pictures:
            return pictures
    return {}


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


def _videos(root: Path, names: Sequence[str]) -> list[Path]:
    """videos/cam00.mp4, one for each camera; empty: some are missing."""
    for place in VIDEO_FOLDERS:
        found = {file.stem: file for file in _inside(root / place, Path.is_file) if file.suffix.lower() in VIDEOS}
        if all(name in found for name in names):
            return [found[name] for name in names]
    return []


def _files(folder: Path) -> list[Path]:
    """The pictures of a folder in the order of their numbers."""
    files = (file for file in _inside(folder, Path.is_file) if file.suffix.lower() in ENDINGS)
    return sorted(files, key=lambda file: natural(file.name))


def _inside(folder: Path, kind: Callable[[Path], bool]) -> list[Path]:
    """What of a kind a folder holds, hidden things left out; nothing if there is no such folder."""
    if not folder.is_dir():
        return []
    return [path for name in os.listdir(folder) if not name.startswith(".") and kind(path := folder / name)]


def _pictured(root: Path, options: Options, cameras: Sequence[Camera], pictures: Pictures) -> Source:
    numbers = tuple(sorted({number for number, _ in pictures}))
    position = {number: frame for frame, number in enumerate(numbers)}
    images = {(position[number], view): path for (number, view), path in sorted(pictures.items())}
    folder = next((MaskFolder(root / name) for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks, read = {}, read_mask
    if folder is not None:
        found = {place: folder.find(path.relative_to(root).as_posix()) for place, path in images.items()}
        masks = {place: path for place, path in found.items() if path is not None}
    firsts = first_of_each(images, len(cameras))
    if not masks and any_transparent(firsts):
        masks, read = images, read_cut_out
    rig = fitted(root, cameras, [read_size(path) for path in firsts])
    footage = ScatteredImages(images, masks or None, len(numbers), read, significant_white(firsts))
    return Source("colmap", options, root, rig, numbers, footage)


def _filmed(root: Path, options: Options, cameras: Sequence[Camera], paths: Sequence[Path]) -> Source:
    videos = tuple(VideoFile(path) for path in paths)
    rows = rows_by_time(videos)
    numbers = tuple(int(number) for number in rows.indices[:, 0])
    folder = next((root / name for name in MASK_FOLDERS if (root / name).is_dir()), root / MASK_FOLDERS[0])
    masks = find_masks(folder, [camera.name for camera in cameras], numbers)
    rig = fitted(root, cameras, [(video.width, video.height) for video in videos])
    return Source("colmap", options, root, rig, numbers, VideoFiles(videos, rows.indices, masks))


def fitted(root: Path, cameras: Sequence[Camera], sizes: Sequence[tuple[int, int]]) -> tuple[Camera, ...]:
    """The cameras of pictures of other sizes, of which it warns. sizes: width and height. Raises InputError for another
    shape."""
    rig = []
    for camera, (width, height) in zip(cameras, sizes, strict=True):
        if abs(camera.width * height / width - camera.height) > 1:
            raise InputError(
                f"{root}: pictures of camera {camera.name!r} are {width} x {height}, those of the model are "
                f"{camera.width} x {camera.height}, which is another shape; were they cropped or turned?"
            )
        x, y = width / camera.width, height / camera.height
        K = np.diag([x, y, 1.0]) @ camera.K
        K[:2, 2] += (np.array([x, y]) - 1) / 2  # centres at integers: the corner at -0.5 stays where it is
        rig.append(replace(camera, K=K, width=width, height=height))
    warn_of_sizes(root, rig, [(camera.width, camera.height) for camera in cameras])
    return tuple(rig)
