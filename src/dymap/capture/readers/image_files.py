"""Footage of a layout that keeps every picture, mask and point cloud in a file of its own."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import read_alpha, read_image
from dymap.capture.masks import HALF, read_mask
from dymap.capture.source import Bytes, Footage
from dymap.errors import InputError
from dymap.files import read_regular

MAX_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class ImageFiles(Footage):
    """Pictures, masks and points in files.

    images: [frame][view] paths; None: the camera lacks the frame. masks: [frame][view] the files of each mask (None:
    this one has none), or None if nothing says what is foreground. read_mask: makes a mask [H, W] (0, 1, FACE) of its
    files. vertices: for each frame an .npy file [n, 3], metres, or None. white: of pictures of 16 bits (decode.py).
    """

    images: tuple[tuple[Path | None, ...], ...]
    masks: tuple[tuple[tuple[Path, ...] | None, ...], ...] | None
    read_mask: Callable[..., Bytes] = read_mask
    vertices: tuple[Path, ...] | None = None
    white: int | None = None

    @property
    def has_masks(self) -> bool:
        return self.masks is not None

    def present(self, frame: int, view: int) -> bool:
        return self.images[frame][view] is not None

    def masked(self, frame: int, view: int) -> bool:
        return self.masks is not None and self.masks[frame][view] is not None

    def picture(self, frame: int, view: int) -> Bytes:
        path = self.images[frame][view]
        assert path is not None, "only a picture that is present is read"
        return read_image(path, self.white)

    def mask(self, frame: int, view: int) -> Bytes | None:
        assert self.masks is not None
        paths = self.masks[frame][view]
        return None if paths is None else self.read_mask(*paths)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        image, masks = self.images[frame][view], None if self.masks is None else self.masks[frame][view]
        return tuple(dict.fromkeys((*(() if image is None else (image,)), *(masks or ()))))

    @property
    def has_points(self) -> bool:
        return self.vertices is not None

    def points(self, frame: int) -> NDArray[Any]:
        assert self.vertices is not None
        return read_vertices(self.vertices[frame])


def transparency(images: tuple[tuple[Path | None, ...], ...]) -> tuple[tuple[tuple[Path, ...] | None, ...], ...] | None:
    """The `masks` of pictures whose own transparency says what is foreground (with `read_cut_out`); None if the first
    picture of no camera has any."""
    if not any(read_alpha(path) is not None for path in first_pictures(images)):
        return None
    return tuple(tuple(None if path is None else (path,) for path in row) for row in images)


def read_cut_out(path: Path) -> Bytes:
    """[H, W]: 1 where a picture is not transparent. Raises InputError that names the file."""
    alpha = read_alpha(path)
    if alpha is None:
        return np.ones(read_image(path).shape[:2], np.uint8)
    return (alpha >= HALF).astype(np.uint8)


def first_pictures(images: tuple[tuple[Path | None, ...], ...]) -> tuple[Path, ...]:
    """For each camera the first picture that it has. Raises ValueError for a camera without any, by its position."""
    firsts = []
    for view, column in enumerate(zip(*images, strict=True)):
        if (path := next((path for path in column if path is not None), None)) is None:
            raise ValueError(f"camera {view} has no picture at all")
        firsts.append(path)
    return tuple(firsts)


def plain_array(data: bytes, columns: int) -> NDArray[Any]:
    """The numbers [n, columns] of an .npy file, whose size is compared with the header before they are read.

    Raises ValueError; a broken header can raise anything.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.kind not in "fiu":
        raise ValueError("it holds no plain numbers")
    if len(shape) != 2 or shape[1] != columns or shape[0] <= 0:
        raise ValueError(f"its shape is {shape}")
    if len(data) - file.tell() < shape[0] * columns * dtype.itemsize:
        raise ValueError(f"it ends before the {shape[0]} rows of its header")
    flat = np.frombuffer(data, dtype, shape[0] * columns, file.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()


def read_vertices(path: Path) -> NDArray[Any]:
    """[n, 3] points from an .npy file. Raises InputError for a missing file and for anything but finite points."""
    try:
        points = plain_array(read_regular(path, MAX_BYTES, "vertices"), 3)
    except FileNotFoundError:
        raise InputError(f"{path}: vertices of this frame are missing (or use --boxes hull)") from None
    except Exception as error:  # a broken header can raise anything
        raise InputError(f"{path}: not an array of vertices [n, 3] ({error})") from None
    if not np.abs(points).max() < np.finfo(np.float32).max:
        raise InputError(f"{path}: vertices hold values that are not finite")
    return points
