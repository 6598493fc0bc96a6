"""Cameras from the files of calibration programs: one file a format."""

from __future__ import annotations

from pathlib import Path

from dymap.capture.calibrations.opencv_yaml import read_opencv_yaml
from dymap.errors import InputError
from dymap.geometry.camera import Camera


def read_calibration(path: Path) -> tuple[Camera, ...]:
    """The cameras of a file or folder: names, sizes, metres. Raises InputError for a format that is not known."""
    folder = path if path.is_dir() else path.parent
    if (folder / "intri.yml").is_file() and path.name in (folder.name, "intri.yml", "extri.yml"):
        return read_opencv_yaml(folder)
    raise InputError(f"{path}: no calibration that is known; expected intri.yml and extri.yml")
