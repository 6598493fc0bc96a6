"""annots.npy and the files it lists: what the ZJU-MoCap and NHR layouts share (method.md 10)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import read_image
from dymap.capture.masks import MaskFolder
from dymap.capture.numbers import frame_numbers
from dymap.capture.paths import inner_path
from dymap.capture.readers.image_files import first_pictures
from dymap.errors import InputError
from dymap.geometry.camera import Camera

Listing = list[tuple[str | None, ...]]
Unit = Literal["mm", "m"]

MAX_VIEWS = 4096
MAX_FRAMES = 200_000
MAX_IMAGES = 5_000_000
MAX_NUMBERS = 32
"""Of a camera's K, D, R or T; lens models have 14 at most."""

VERTEX_FOLDERS = ("vertices", "new_vertices")


def list_images(root: Path, annotations: Any) -> tuple[Listing, tuple[int, ...], tuple[Path, ...]]:
    """What `annots.npy` lists: paths relative to the folder [frame][view], frame numbers, and a picture of each camera.

    Raises InputError as `list_frames` does, and for a camera without any picture.
    """
    paths, frames = list_frames(root, annotations)
    try:
        return paths, frames, first_pictures(absolute(root, paths))
    except ValueError as error:
        raise InputError(f"{root / 'annots.npy'}: {error}; leave it out of 'cams' and 'ims'") from None


def absolute(root: Path, paths: Listing) -> tuple[tuple[Path | None, ...], ...]:
    """The files [frame][view]."""
    return tuple(tuple(None if path is None else root / path for path in row) for row in paths)


def find_masks(folders: Sequence[Path], paths: Listing) -> tuple[tuple[tuple[Path, ...] | None, ...], ...]:
    """[frame][view] the files of each mask, one from each folder; None if the first folder has none.

    Of the other folders a file that is missing keeps its expected name, so that reading says which it is.
    """
    first, *others = (MaskFolder(folder) for folder in folders)

    def files(path: str | None) -> tuple[Path, ...] | None:
        if path is None or (mask := first.find(path)) is None:
            return None
        return mask, *(other.find(path) or other.folder / PurePosixPath(path).with_suffix(".png") for other in others)

    return tuple(tuple(files(path) for path in row) for row in paths)


def list_frames(root: Path, annotations: Any) -> tuple[Listing, tuple[int, ...]]:
    """Relative image paths [frame][view] (None: the camera lacks the frame) and frame numbers. Raises InputError, also
    for paths that leave the folder."""
    where = root / "annots.npy"
    try:
        listed, views = annotations["ims"], len(annotations["cams"]["K"])
        # A short file can name one long list many times: lengths are looked at before anything is copied.
        fits = views <= MAX_VIEWS and len(listed) <= MAX_FRAMES and views * len(listed) <= MAX_IMAGES
        lengths = [len(row["ims"]) for row in listed] if fits else []
    except (KeyError, TypeError, IndexError, ValueError) as error:
        reason = str(error)[:100]
        raise InputError(f"{where}: expected {{'cams': ..., 'ims': [{{'ims': paths}}, ...]}} ({reason})") from None
    if not fits:
        raise InputError(f"{where}: {len(listed)} frames of {views} cameras are more than anyone filmed")
    if not lengths:
        raise InputError(f"{where}: lists no frames")
    for i, length in enumerate(lengths):
        if length != views:
            raise InputError(f"{where}: frame {i} lists {length} images, but there are {views} cameras")
    rows = [tuple(row["ims"]) for row in listed]
    for i, row in enumerate(rows):
        for path in row:
            if path is not None:
                _check_path(path, i, where)
        if all(path is None for path in row):
            raise InputError(f"{where}: frame {i} has no picture of any camera; leave it out of 'ims'")
    # numpy's text becomes Python's
    paths = [tuple(None if path is None else str(path) for path in row) for row in rows]
    return paths, _numbers_of_rows(paths, where)


def _check_path(path: Any, frame: int, where: Path) -> None:
    if not isinstance(path, str):
        raise InputError(f"{where}: frame {frame} lists a {type(path).__name__}, expected paths of images")
    inner_path(path, where)


def _numbers_of_rows(rows: Listing, where: Path) -> tuple[int, ...]:
    """From the first camera that has all frames; if none has, from the first picture of each."""
    complete = next((column for column in zip(*rows, strict=True) if None not in column), None)
    try:
        return frame_numbers([path for path in complete or _firsts(rows) if path is not None])
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _firsts(rows: Listing) -> list[str | None]:
    return [next(path for path in row if path is not None) for row in rows]


def read_cameras(root: Path, annotations: Any, first: tuple[Path, ...], unit: Unit) -> tuple[Camera, ...]:
    """Full-size cameras in metres. first: an image of each, for its size; unit: of T. Raises InputError."""
    where = root / "annots.npy"
    cams = annotations["cams"]
    scale = 1000.0 if unit == "mm" else 1.0
    cameras = []
    for view, path in enumerate(first):
        try:
            K, D, R, T = (_numbers(cams[key][view]) for key in ("K", "D", "R", "T"))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{where}: camera {view} lacks K, D, R or T ({error!r})") from None
        height, width = read_image(path).shape[:2]
        if R.size == 3:  # an axis times its angle
            R = np.asarray(cv2.Rodrigues(R.reshape(3))[0], np.float64)
        try:
            cameras.append(Camera(K, R, T / scale, width, height, D, name=path.parent.name))
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
        if abs(np.linalg.det(cameras[-1].R) - 1) > 1e-2:
            raise InputError(f"{where}: R of camera {view} is no rotation (determinant {np.linalg.det(R):.3f})")
    return tuple(cameras)


def _numbers(value: Any) -> NDArray[np.float64]:
    """A matrix or vector of a camera. Its size is looked at first: nested lists can share their parts without end."""
    if not isinstance(value, np.ndarray):
        _check_few(value)
    if np.size(value) > MAX_NUMBERS or (isinstance(value, np.ndarray) and value.dtype.kind not in "fiu"):
        raise ValueError("not a few plain numbers")
    return np.array(value, dtype=np.float64)


def _check_few(value: Any, depth: int = 0) -> None:
    """ValueError for anything but lists, at most two deep, of at most a few plain numbers each."""
    if isinstance(value, list | tuple):
        if depth == 2 or len(value) > MAX_NUMBERS:
            raise ValueError("not a few plain numbers")
        for part in value:
            _check_few(part, depth + 1)
    elif isinstance(value, np.ndarray):
        if value.size > MAX_NUMBERS or value.dtype.kind not in "fiu":
            raise ValueError("not a few plain numbers")
    elif not isinstance(value, int | float | np.number):
        raise ValueError("not a few plain numbers")


def find_vertices(root: Path, frames: tuple[int, ...]) -> tuple[Path, ...] | None:
    """A file for each frame, whether it is there or not; None without a folder."""
    folder = next((root / name for name in VERTEX_FOLDERS if (root / name).is_dir()), None)
    if folder is None:
        return None
    padded = [folder / f"{number:06d}.npy" for number in frames]
    plain = [folder / f"{number}.npy" for number in frames]
    return tuple(b if b.exists() and not a.exists() else a for a, b in zip(padded, plain, strict=True))
