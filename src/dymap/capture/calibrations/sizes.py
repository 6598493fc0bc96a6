"""A calibration for pictures of another size than it was made with: how they were brought to that size.

    whole    made smaller or larger as they are, columns and rows each by their own factor
    bars     by one factor until all of them fits, with black bars beside or above
    cut      by one factor until they fill the size, what sticks out cut away on both sides alike

If the shape stays the same, all three are one, which is certain, as bars are that are seen; else a person has to say.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes
from dymap.errors import InputError
from dymap.geometry.camera import Camera

Size = tuple[int, int]
"""Width and height, pixels."""
Fit = Literal["whole", "bars", "cut"]
BLACK = 24.0
"""Of 255: bars are darker on average, what lies beside them brighter."""


def at_sizes(path: Path, cameras: Sequence[Camera], sizes: Sequence[Size]) -> tuple[Camera, ...]:
    """The cameras of `path` at the sizes (width, height) of their pictures; warns of those that were scaled.

    Raises InputError that names a camera whose pictures have another shape.
    """
    found = tuple(at_size(path, camera, size) for camera, size in zip(cameras, sizes, strict=True))
    changed = [camera for camera, now in zip(cameras, found, strict=True) if camera is not now]
    if changed:
        first = changed[0]
        now = found[list(cameras).index(first)]
        others = f" and {len(changed) - 1} others" if len(changed) > 1 else ""
        warnings.warn(
            f"{path}: camera {first.name!r}{others} was calibrated at {first.width} x {first.height}, its pictures are "
            f"{now.width} x {now.height}: K is scaled by {now.width / first.width:g}",
            stacklevel=3,
        )
    return found


def at_size(path: Path, camera: Camera, size: Size) -> Camera:
    """The camera of pictures of another size; the corner at (-0.5, -0.5) stays where it is. Raises InputError."""
    if size == (camera.width, camera.height):
        return camera
    if not _alike(size, (camera.width, camera.height)):
        raise InputError(unlike(path, camera, size))
    return scaled(camera, size, "whole")


def unlike(path: Path, camera: Camera, size: Size) -> str:
    """The sentence about pictures of another shape than the calibration's."""
    turned = _alike(size, (camera.height, camera.width))
    why = "turned: calibrate with pictures as they are" if turned else "of another shape: were they cropped?"
    return (
        f"{path}: camera {camera.name!r} was calibrated at {camera.width} x {camera.height}, but its pictures are "
        f"{size[0]} x {size[1]}, {why}"
    )


def certain(size: Size, calibrated: Size, first: Callable[[], Bytes]) -> Fit | None:
    """How pictures were brought to their size (width, height), if their shape or black bars in them say it.

    first: the first picture [H, W, 3], which is asked for only if it is needed.
    """
    if _alike(size, calibrated):
        return "whole"
    factor = min(size[0] / calibrated[0], size[1] / calibrated[1])
    bars = (np.array(size) - factor * np.array(calibrated)) / 2  # columns at each side, rows above and below
    return "bars" if has_bars(first(), bars) else None


def scaled(camera: Camera, size: Size, how: Fit) -> Camera:
    """The camera of pictures that were brought to `size` (width, height) about their middle."""
    factors = np.array([size[0] / camera.width, size[1] / camera.height])
    if how != "whole":
        factors[:] = factors.min() if how == "bars" else factors.max()
    K = camera.K.copy()
    K[:2] *= factors[:, None]
    # Centres are at integers: the middle of a picture of width w is at (w - 1) / 2.
    before, after = (np.array([camera.width, camera.height]) - 1) / 2, (np.array(size) - 1) / 2
    K[:2, 2] += after - factors * before + camera.pixel_offset * (1 - factors)
    return replace(camera, K=K, width=size[0], height=size[1])


def has_bars(picture: Bytes, bars: NDArray[np.float64]) -> bool:
    """Whether a picture [H, W, 3] has black bars of so many columns at each side and rows above and below."""
    axis = 1 if bars[0] > bars[1] else 0
    width = float(bars[1 - axis])
    if width < 1.5:
        return False
    lines = picture.mean(axis=(2, 1 - axis))  # [H] or [W]
    inner, outer = int(np.ceil(width)) + 1, int(width)
    dark = max(float(lines[:outer].max()), float(lines[-outer:].max()))
    beside = min(float(lines[inner : 2 * inner].mean()), float(lines[-2 * inner : -inner].mean()))
    return dark < BLACK <= beside


def _alike(size: Size, other: Size) -> bool:
    """Whether two sizes are of one shape, but for rounding."""
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(size)
