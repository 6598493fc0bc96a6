"""A camera out of numbers that a file holds: they are looked at, and faults name the file and the camera."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from dymap.errors import InputError
from dymap.geometry.camera import MAX_SIDE, Array, Camera
from dymap.geometry.lens import Lens
from dymap.geometry.pose import rotation_fault

T = TypeVar("T", bound=Hashable)


def make_camera(
    path: Path,
    name: str,
    *,
    K: ArrayLike,
    R: ArrayLike,
    T: ArrayLike,
    size: tuple[float, float],
    D: ArrayLike = (0.0, 0.0, 0.0, 0.0, 0.0),
    lens: Lens = "opencv",
) -> Camera:
    """The camera `name` of the file `path`; size: width and height. Raises InputError that names both.

    K: [3, 3] pixels, centres at integers. R: [3, 3], T: [3] world to camera, OpenCV's axes, metres.
    """
    width, height = size
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InputError(f"{path}: camera {name!r}: pictures of {width:g} x {height:g}; expected pixels of a picture")
    try:
        return Camera(
            np.asarray(K, np.float64),
            np.asarray(R, np.float64),
            np.asarray(T, np.float64),
            round(width),
            round(height),
            np.asarray(D, np.float64),
            name,
            lens=lens,
        )
    except (ValueError, TypeError) as error:
        text = str(error) if str(error).startswith("camera ") else f"camera {name!r}: {error}"
        raise InputError(f"{path}: {text}") from None


def check_rotation(path: Path, name: str, R: Array) -> Array:
    """R [3, 3] of the camera `name`. Raises InputError if it is no rotation."""
    if (fault := rotation_fault(R)) is not None:
        raise InputError(f"{path}: R of camera {name!r} is no rotation ({fault}); expected world to camera")
    return R


def repeated(names: Iterable[T]) -> T | None:
    """The first name that is there twice; None: all differ."""
    seen: set[T] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def is_name(name: str) -> bool:
    """Whether a folder and a file can be called after a camera, and stay where they are put."""
    inner = len(PurePosixPath(name).parts) == 1 and not any(sign in name for sign in "/\\")
    return inner and name not in (".", "..") and name.isprintable()


def check_name(path: Path, name: str) -> str:
    """The name of a camera, which is a folder's and a file's too. Raises InputError for one that leaves its folder."""
    if not is_name(name):
        raise InputError(f"{path}: a camera is called {name[:80]!r}, which is no name of a folder; expected one as 01")
    return name
