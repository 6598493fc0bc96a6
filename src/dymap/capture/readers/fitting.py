"""Cameras at the size of their pictures: calibrations are often made before videos are made smaller.

What is certain is done and told: the whole picture was scaled, or black bars are seen beside it. For the rest a person
says how the pictures were brought to their size (calibrations/sizes.py).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dymap.capture.calibrations.sizes import Fit, certain, scaled, unlike
from dymap.capture.readers.recordings import Recording
from dymap.errors import InputError
from dymap.geometry.camera import Camera

FitOption = Literal["auto", "whole", "bars", "cut"]


def fit_cameras(
    path: Path, cameras: Sequence[Camera], recording: Recording, names: Sequence[str], fit: FitOption
) -> tuple[Camera, ...]:
    """The cameras of the calibration `path` at the sizes of their pictures; warns of those that were scaled.

    names: under which the recording has them. fit: how pictures of another size were made, auto: only what is certain.
    Raises InputError that names a camera of which nobody can tell.
    """
    found = tuple(_fitted(path, camera, recording, name, fit) for camera, name in zip(cameras, names, strict=True))
    told = [
        f"camera {camera.name!r} was calibrated at {camera.width} x {camera.height}, its pictures are {now.width} x "
        f"{now.height}: K is scaled by {now.K[1, 1] / camera.K[1, 1]:.4g}"
        for camera, now in zip(cameras, found, strict=True)
        if now is not camera
    ]
    if told:
        others = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        warnings.warn(f"{path}: {told[0]}{others}", stacklevel=4)
    return found


def _fitted(path: Path, camera: Camera, recording: Recording, name: str, fit: FitOption) -> Camera:
    size = recording.size(name)
    if size == (camera.width, camera.height):
        return camera
    how: Fit | None = fit if fit != "auto" else None
    how = how or certain(size, (camera.width, camera.height), lambda: recording.first(name))
    if how is not None:
        return scaled(camera, size, how)
    raise InputError(
        f"{unlike(path, camera, size)}; say how they were made with --set capture.options.fit=whole, bars or cut, or "
        "calibrate again"
    )
