"""Cameras at the size of their pictures: calibrations are often made before videos are made smaller.

What is certain is done and told: the whole picture was scaled (calibrations/sizes.py), or black bars are seen beside
it. For the rest a person says how the pictures were brought to their size (importing/fitting.py).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from dymap.capture.calibrations.sizes import at_size
from dymap.capture.importing.fitting import has_bars, scaled
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
    if fit != "auto":
        return scaled(camera, size, fit)
    try:
        return at_size(path, camera, size)
    except InputError as error:
        factor = min(size[0] / camera.width, size[1] / camera.height)
        bars = (np.array(size) - factor * np.array([camera.width, camera.height])) / 2
        if has_bars(recording.first(name), bars):
            return scaled(camera, size, "bars")
        raise InputError(
            f"{error}; say how they were made with --set capture.options.fit=whole, bars or cut, or calibrate again"
        ) from None
