"""Cameras at the size of their pictures: calibrations are often made before videos are made smaller.

What is certain is done and told: the whole picture was scaled, or bars are seen beside it. For the rest a person says
how the pictures were brought to their size (importing/fitting.py).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from dymap.capture.importing.fitting import certain, scaled
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
    found, told = [], []
    for camera, name in zip(cameras, names, strict=True):
        size, calibrated = recording.size(name), (camera.width, camera.height)
        if size == calibrated:
            found.append(camera)
            continue
        how = certain(size, calibrated, partial(recording.first, name)) if fit == "auto" else fit
        sizes = f"camera {camera.name!r} was calibrated at {camera.width} x {camera.height}, its pictures are {size[0]}"
        sizes += f" x {size[1]}"
        if how is None:
            turned = ", the same turned" if calibrated[::-1] == size else ", another shape"
            raise InputError(
                f"{path}: {sizes}{turned}; say how they were made with --set capture.options.fit=whole, bars or cut, "
                "or calibrate with the pictures as they are"
            )
        found.append(scaled(camera, size, how))
        told.append(f"{sizes}: K is scaled by {found[-1].K[1, 1] / camera.K[1, 1]:.4g} ({how})")
    if told:
        others = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
        warnings.warn(f"{path}: {told[0]}{others}", stacklevel=4)
    return tuple(found)
