"""Footage of a layout that keeps every picture, mask and point cloud in a file of its own."""

from __future__ import annotations

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
from dymap.files import read_array

MAX_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class ImageFiles(Footage):
    """Pictures, masks and points in files.

    images: [frame][view] paths; None: the camera lacks the frame. masks: [frame][view] the files of each mask (None:
    this one has none), or None if nothing says what is foreground. read_mask: makes a mask [H, W] (0, 1, FACE) of its
    files, or None if they say nothing. vertices: for each frame an .npy file [n, 3], metres, or None. white: of
    pictures of 16 bits (decode.py). held_boxes: [frames, 2, 3] of the layout itself, metres, or None.
    """

    images: tuple[tuple[Path | None, ...], ...]
    masks: tuple[tuple[tuple[Path, ...] | None, ...], ...] | None
    read_mask: Callable[..., Bytes | None] = read_mask
    vertices: tuple[Path, ...] | None = None
    white: int | None = None
    held_boxes: NDArray[np.float32] | None = None

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        return self.held_boxes

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
    """The `masks` of pictures whose own transparency says what is foreground (with `read_cut_out`), camera by camera:
    the pictures of some may be opaque, and say nothing. None if no camera's are transparent."""
    columns = [[path for path in column if path is not None] for column in zip(*images, strict=True)]
    cut_out = [any(read_alpha(path) is not None for path in _few(column)) for column in columns]
    if not any(cut_out):
        return None
    return tuple(
        tuple((path,) if path is not None and cut else None for path, cut in zip(row, cut_out, strict=True))
        for row in images
    )


def _few(paths: list[Path]) -> list[Path]:
    """The first, the middle and the last."""
    return list(dict.fromkeys(paths[place] for place in (0, len(paths) // 2, -1))) if paths else []


def read_cut_out(path: Path) -> Bytes | None:
    """[H, W]: 1 where a picture covers at least half, 0 elsewhere; None: it is opaque, and says nothing of what is
    foreground. Raises InputError that names the file."""
    alpha = read_alpha(path)
    return None if alpha is None else (alpha >= HALF).astype(np.uint8)


def first_pictures(images: tuple[tuple[Path | None, ...], ...]) -> tuple[Path, ...]:
    """For each camera the first picture that it has. Raises ValueError for a camera without any, by its position."""
    firsts = []
    for view, column in enumerate(zip(*images, strict=True)):
        if (path := next((path for path in column if path is not None), None)) is None:
            raise ValueError(f"camera {view} has no picture at all")
        firsts.append(path)
    return tuple(firsts)


def read_vertices(path: Path) -> NDArray[Any]:
    """[n, 3] points from an .npy file. Raises InputError for a missing file and for anything but finite points."""
    try:
        points = read_array(path, MAX_BYTES, "vertices [n, 3]")
    except FileNotFoundError:
        raise InputError(f"{path}: vertices of this frame are missing (or use --boxes hull)") from None
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0:
        raise InputError(f"{path}: not an array of vertices [n, 3] (its shape is {points.shape})")
    if not np.abs(points).max() < np.finfo(np.float32).max:
        raise InputError(f"{path}: vertices hold values that are not finite")
    return points
