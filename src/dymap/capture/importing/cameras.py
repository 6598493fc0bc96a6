"""The cameras of an import: by names of folders, without distortion, cropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dymap.capture.importing.wanted import Wanted
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.lens import folds


def named_for_folders(cameras: Sequence[Camera]) -> list[Camera]:
    """The cameras by names that any disk takes as folders; those that would be the same get a number."""
    found: list[Camera] = []
    for camera in cameras:
        name = stem = re.sub(r"[^A-Za-z0-9_-]+", "_", camera.name).strip("_")[:60] or "camera"
        count = 1
        while any(other.name.casefold() == name.casefold() for other in found):
            count += 1
            name = f"{stem}_{count}"
        found.append(replace(camera, name=name))
    return found


def looked_up_by(cameras: Sequence[Camera], written: Sequence[Camera]) -> list[tuple[str, ...]]:
    """The names by which offsets, masks and options may speak of each camera: the calibration's own, then that of its
    folder, unless the calibration calls another camera so."""
    own = {camera.name for camera in cameras}
    return [
        (camera.name,) if folder.name in own else (camera.name, folder.name)
        for camera, folder in zip(cameras, written, strict=True)
    ]


def written_camera(camera: Camera, wanted: Wanted) -> Camera:
    """The camera of the pictures that are written. Raises InputError for a crop that leaves the picture."""
    if wanted.undistort:
        if folds(camera.K, camera.D, camera.lens, camera.width, camera.height):
            raise InputError(
                f"{wanted.calibration}: the lens of camera {camera.name!r} folds inside its picture: D = "
                f"{np.round(camera.D, 4).tolist()} fits another lens or another order of numbers; calibrate it again"
            )
        camera = camera.undistorted()
    if wanted.crop is None:
        return camera
    x, y, width, height = wanted.crop
    if min(x, y) < 0 or min(width, height) < 1 or x + width > camera.width or y + height > camera.height:
        raise InputError(
            f"--crop {x} {y} {width} {height}: leaves the picture of camera {camera.name!r}, which is {camera.width} x "
            f"{camera.height}; expected its left and upper edge, width and height in pixels"
        )
    K = camera.K.copy()
    K[:2, 2] -= (x, y)
    return replace(camera, K=K, width=width, height=height)
