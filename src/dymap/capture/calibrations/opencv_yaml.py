"""EasyMocap's calibration: intri.yml and extri.yml, as OpenCV's FileStorage writes them. T in metres."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Camera

MAX_BYTES = 2**24


def read_opencv_yaml(folder: Path) -> tuple[Camera, ...]:
    """The cameras of a folder. Raises InputError that names the file and the camera."""
    intrinsics, extrinsics = _open(folder / "intri.yml"), _open(folder / "extri.yml")
    names = intrinsics.getNode("names")
    return tuple(_camera(folder, intrinsics, extrinsics, names.at(k).string()) for k in range(names.size()))


def _open(path: Path) -> Any:
    try:
        text = read_regular(path, MAX_BYTES, "calibrations").decode()
        return cv2.FileStorage(text, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except (cv2.error, ValueError, SystemError) as error:
        raise InputError(f"{path}: not readable YAML of OpenCV ({str(error).splitlines()[0]})") from None


def _camera(folder: Path, intrinsics: Any, extrinsics: Any, name: str) -> Camera:
    try:
        K = intrinsics.getNode(f"K_{name}").mat()
        D = intrinsics.getNode(f"dist_{name}").mat()
        width, height = (int(intrinsics.getNode(f"{key}_{name}").real()) for key in "WH")
        R = extrinsics.getNode(f"Rot_{name}").mat()
        T = extrinsics.getNode(f"T_{name}").mat()
        if K is None or R is None or T is None:
            raise ValueError("K, Rot or T is missing")
        return Camera(K, R, T, width, height, D=np.zeros(5) if D is None else D, name=name)
    except ValueError as error:
        raise InputError(f"{folder}: camera {name!r}: {error}") from None
