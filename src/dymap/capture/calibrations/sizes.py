"""A calibration for pictures of another size: the same lens, if the whole picture was made smaller or larger."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dymap.errors import InputError
from dymap.geometry.camera import Camera

Size = tuple[int, int]


def at_sizes(path: Path, cameras: Sequence[Camera], sizes: Sequence[Size]) -> tuple[Camera, ...]:
    """The cameras of `path` at the sizes (width, height) of their pictures; warns of those that were scaled.

    Raises InputError that names a camera whose pictures have another shape.
    """
    found = tuple(at_size(path, camera, size) for camera, size in zip(cameras, sizes, strict=True))
    scaled = [camera for camera, now in zip(cameras, found, strict=True) if camera is not now]
    if scaled:
        first = scaled[0]
        now = found[list(cameras).index(first)]
        others = f" and {len(scaled) - 1} others" if len(scaled) > 1 else ""
        warnings.warn(
            f"{path}: camera {first.name!r}{others} was calibrated at {first.width} x {first.height}, its pictures are "
            f"{now.width} x {now.height}: K is scaled by {now.width / first.width:g}",
            stacklevel=3,
        )
    return found


def at_size(path: Path, camera: Camera, size: Size) -> Camera:
    """The camera of pictures of another size; the corner at (-0.5, -0.5) stays where it is. Raises InputError."""
    (width, height), (was_wide, was_high) = size, (camera.width, camera.height)
    if (width, height) == (was_wide, was_high):
        return camera
    if abs(width * was_high - height * was_wide) > max(width, height):
        turned = abs(width * was_wide - height * was_high) <= max(width, height)
        why = "turned: calibrate with pictures as they are" if turned else "of another shape: were they cropped?"
        raise InputError(
            f"{path}: camera {camera.name!r} was calibrated at {was_wide} x {was_high}, but its pictures are {width} x "
            f"{height}, {why}"
        )
    K, x, y = camera.K.copy(), width / was_wide, height / was_high
    K[:2, 2] += 0.5 - camera.pixel_offset
    K[0] *= x
    K[1] *= y
    K[:2, 2] -= 0.5 - camera.pixel_offset
    return replace(camera, K=K, width=width, height=height)
