"""Calibrations in TOML: Caliscope, Pose2Sim, Anipose and FreeMoCap write a table a camera.

    [cam_1]                               or [cameras.1]
    name = "cam_1"                        may be missing: the table's name
    size = [1920, 1080]                   width and height of the pictures
    matrix = [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]    pixels, OpenCV's centres at integers
    distortions = [k1, k2, p1, p2, k3]    4 or 5 of OpenCV's; k1 to k4 of a fisheye lens
    rotation = [rx, ry, rz]               axis times angle (or 3 x 3), world to camera, OpenCV's axes
    translation = [tx, ty, tz]            X_cam = R X + T
    fisheye = false                       may be missing
    rotation_count = 0                    may be missing: quarters clockwise by which the program shows the pictures
    ignore = false                        may be missing: true leaves the camera out

Caliscope and Pose2Sim write metres, FreeMoCap and most of Anipose millimetres, and the file does not say which: a
camera further away than FARTHEST is taken to be in millimetres. The calibration is of the pictures as the files hold
them, before they are turned by `rotation_count`; whoever turned the files needs `turned` cameras (turn.py).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from dymap.capture.calibrations.camera import check_name, make_camera
from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Array, Camera

MAX_BYTES = 2**20
MAX_CAMERAS = 4096
MAX_NUMBERS = 32
FARTHEST = 100.0
"""Metres from the origin, beyond which no camera of a capture is; millimetres, within which none is either."""


@dataclass(frozen=True, eq=False)
class TomlCalibration:
    """What a file holds. turns: for each camera the quarters clockwise by which its pictures are shown."""

    cameras: tuple[Camera, ...]
    turns: tuple[int, ...]


def read_caliscope(path: Path, unit: Literal["auto", "mm", "m"] = "auto") -> TomlCalibration:
    """The cameras of a file in its order. unit: of translations, auto: see FARTHEST. Raises InputError that names the
    file, the camera and the key."""
    tables = _tables(_parse(path))
    if not tables:
        raise InputError(
            f"{path}: holds no cameras; expected tables such as [cam_1] with size, matrix, distortions, rotation and "
            "translation"
        )
    kept = {key: table for key, table in tables.items() if table.get("ignore") is not True}
    cameras = tuple(_camera(path, key, table) for key, table in kept.items())
    if len({camera.name for camera in cameras}) < len(cameras):
        raise InputError(f"{path}: two cameras have one name; expected a name for each")
    far = any(np.abs(camera.T).max() > FARTHEST for camera in cameras)
    if unit == "mm" or (unit == "auto" and far):
        cameras = tuple(replace(camera, T=camera.T / 1000) for camera in cameras)
    return TomlCalibration(cameras, tuple(_turns(path, key, table) for key, table in kept.items()))


def is_caliscope(path: Path) -> bool:
    """Whether a file holds cameras in such tables. Reads it; never raises."""
    if path.suffix.lower() != ".toml":
        return False
    try:
        return bool(_tables(_parse(path)))
    except InputError:
        return False


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(read_regular(path, MAX_BYTES, "calibrations").decode("utf-8-sig"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable TOML ({str(error)[:100]})") from None


def _tables(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables that are cameras, by their names."""
    inner = data.get("cameras")
    tables = data | inner if isinstance(inner, dict) else data
    found = {key: table for key, table in tables.items() if isinstance(table, dict) and "matrix" in table}
    return found if len(found) <= MAX_CAMERAS else {}


def _camera(path: Path, key: str, table: dict[str, Any]) -> Camera:
    name = check_name(path, str(table.get("name", key)))
    fisheye = table.get("fisheye", False)
    if not isinstance(fisheye, bool):
        raise InputError(f"{path}: camera {name!r}: fisheye is {str(fisheye)[:40]!r}; expected true or false")
    D = _numbers(path, name, table, "distortions")
    rotation = _numbers(path, name, table, "rotation")
    if rotation.size not in (3, 9):
        raise InputError(f"{path}: camera {name!r}: rotation has {rotation.size} numbers, expected 3, axis times angle")
    size = _numbers(path, name, table, "size")
    if size.size != 2:
        raise InputError(f"{path}: camera {name!r}: size has {size.size} numbers, expected width and height")
    return make_camera(
        path,
        name,
        K=_numbers(path, name, table, "matrix"),
        R=rotation if rotation.size == 9 else np.asarray(cv2.Rodrigues(rotation)[0], np.float64),
        T=_numbers(path, name, table, "translation"),
        size=(float(size[0]), float(size[1])),
        D=D[:4] if fisheye and D.size == 5 and D[4] == 0 else D,
        lens="fisheye" if fisheye else "opencv",
    )


def _turns(path: Path, key: str, table: dict[str, Any]) -> int:
    turns = table.get("rotation_count", 0)
    if not isinstance(turns, int) or not -3 <= turns <= 3:
        raise InputError(f"{path}: {key[:80]!r}: rotation_count is {str(turns)[:40]!r}; expected quarters from -3 to 3")
    return turns


def _numbers(path: Path, name: str, table: dict[str, Any], key: str) -> Array:
    """A short list of finite numbers, one or two deep, flat."""
    value = table.get(key)
    rows: list[Any] = value if isinstance(value, list) else [value]
    flat: list[Any] = [
        number for row in rows[:MAX_NUMBERS] for number in (row[:MAX_NUMBERS] if isinstance(row, list) else [row])
    ]
    plain = all(isinstance(number, int | float) and not isinstance(number, bool) for number in flat)
    if value is None or not plain or not 0 < len(flat) <= MAX_NUMBERS:
        found = "is missing" if value is None else "is no list of a few numbers"
        raise InputError(f"{path}: camera {name!r}: {key} {found}; was the camera calibrated?")
    try:
        numbers = np.array([float(number) for number in flat])
    except OverflowError:  # an integer of hundreds of digits
        numbers = np.array([np.inf])
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: camera {name!r}: {key} holds numbers that are not finite")
    return numbers
