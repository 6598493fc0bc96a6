"""Cameras from the files of calibration programs: one file a format."""

from __future__ import annotations

from pathlib import Path

from dymap.capture.calibrations.opencv_yaml import (
    EXTRINSICS,
    INTRINSICS,
    Sizes,
    is_opencv_yaml,
    read_opencv_yaml,
)
from dymap.capture.calibrations.qualisys import is_qualisys, read_qualisys
from dymap.errors import InputError
from dymap.geometry.camera import Camera

EXPECTED = "intri.yml and extri.yml (EasyMocap), or NAME.qca.txt (Qualisys)"


def read_calibration(path: Path, sizes: Sizes | None = None) -> tuple[Camera, ...]:
    """The cameras of a file, or of a folder that holds one calibration: names, sizes of pictures, poses in metres.

    sizes: those of the pictures by the camera's name, which only some files of EasyMocap do not say. Raises InputError
    for a format that is not known, and for what is wrong in the file.
    """
    if path.is_dir():
        path = _only_calibration(path)
    if path.name in (INTRINSICS, EXTRINSICS):
        return read_opencv_yaml(path.parent, sizes).cameras
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {EXPECTED}")
    if is_qualisys(path):
        return read_qualisys(path)
    raise InputError(f"{path}: no calibration that is known; expected {EXPECTED}")


def _only_calibration(folder: Path) -> Path:
    """The one calibration of a folder. Raises InputError for none and for several."""
    if is_opencv_yaml(folder):
        return folder / INTRINSICS
    found = sorted(path for path in folder.iterdir() if path.is_file() and is_qualisys(path))
    if len(found) != 1:
        several = ", ".join(path.name for path in found[:5])
        raise InputError(
            f"{folder}: holds {f'several calibrations ({several}); name one of them' if found else 'no calibration'}; "
            f"expected {EXPECTED}"
        )
    return found[0]


__all__ = ["Sizes", "read_calibration"]
