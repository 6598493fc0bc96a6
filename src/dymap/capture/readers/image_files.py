"""Footage of a layout that keeps every picture, mask and point cloud in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import read_image
from dymap.capture.source import Bytes, Footage
from dymap.errors import InputError
from dymap.files import read_array

MAX_BYTES = 2**28


@dataclass(frozen=True, eq=False)
class ImageFiles(Footage):
    """Pictures, masks and points in files.

    images: [frame][view] paths. masks: [frame][view] the files of each mask, or None without any. read_mask: makes a
    mask [H, W] (0, 1, FACE) of its files. vertices: for each frame an .npy file [n, 3], metres, or None.
    """

    images: tuple[tuple[Path, ...], ...]
    masks: tuple[tuple[tuple[Path, ...], ...], ...] | None
    read_mask: Callable[..., Bytes]
    vertices: tuple[Path, ...] | None

    @property
    def has_masks(self) -> bool:
        return self.masks is not None

    def picture(self, frame: int, view: int) -> Bytes:
        return read_image(self.images[frame][view])

    def mask(self, frame: int, view: int) -> Bytes:
        assert self.masks is not None
        return self.read_mask(*self.masks[frame][view])

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return self.images[frame][view], *(() if self.masks is None else self.masks[frame][view])

    @property
    def has_points(self) -> bool:
        return self.vertices is not None

    def points(self, frame: int) -> NDArray[Any]:
        assert self.vertices is not None
        return read_vertices(self.vertices[frame])


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
