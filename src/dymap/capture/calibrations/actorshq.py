"""calibration.csv of ActorsHQ: a row a camera.

    name,w,h,rx,ry,rz,tx,ty,tz,fx,fy,px,py
    Cam001,4112,3008,3.14,0.01,-0.02,0.1,1.2,2.5,1.77,2.42,0.50,0.49

name          of the camera and of its folders
w, h          pixels of its pictures
rx, ry, rz    camera to world, axis times angle in radians; x right, y down, z forward
tx, ty, tz    the camera's centre in the world, metres
fx, px        focal length and principal point in widths; fy, py in heights; (0, 0) is the picture's corner, so that
              pixel centres lie at + 0.5
k1, k2, k3    distortion, in files that have it
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dymap.capture.calibrations.camera import check_name, make_camera, repeated
from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Camera

NEEDED = ("w", "h", "rx", "ry", "rz", "tx", "ty", "tz", "fx", "fy", "px", "py")
LENS = ("k1", "k2", "k3")
MAX_BYTES = 16 * 2**20
MAX_ROWS = 200_000


def read_actorshq(path: Path) -> list[Camera]:
    """The cameras of a file, in its order. Raises InputError that names the file, the camera and the column."""
    cameras = [_camera(path, row) for row in read_table(path, ("name", *NEEDED))]
    if (twice := repeated(camera.name for camera in cameras)) is not None:
        raise InputError(f"{path}: two rows are called {twice!r}; expected one a camera")
    return cameras


def is_actorshq(path: Path) -> bool:
    """Whether a file has the name of such a file; the content is looked at when it is read."""
    return path.name == "calibration.csv"


def read_table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows of a file whose first line names its columns. Raises InputError for missing ones, and without a row."""
    try:
        text = read_regular(path, MAX_BYTES, "tables").decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""))
        if missing := [column for column in columns if column not in (table.fieldnames or ())]:
            raise InputError(f"{path}: the first line lacks the column {missing[0]!r}; expected {','.join(columns)}")
        rows = [{key: value or "" for key, value in row.items() if key} for row in islice(table, MAX_ROWS)]
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a table ({error})") from None
    if not rows:
        raise InputError(f"{path}: holds no row below its first line")
    return rows


def number(path: Path, row: dict[str, str], column: str, of: str) -> float:
    """A finite number of a row. of: whose row it is. Raises InputError that names all three."""
    try:
        value = float(row[column])
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise InputError(f"{path}: {column} of {of} is {row[column][:40]!r}; expected a number")
    return value


def _camera(path: Path, row: dict[str, str]) -> Camera:
    name = check_name(path, row["name"])
    known = NEEDED + tuple(key for key in LENS if row.get(key))
    v = {column: number(path, row, column, f"camera {name!r}") for column in known}
    K: list[list[float]] = [
        [v["w"] * v["fx"], 0, v["w"] * v["px"] - 0.5],
        [0, v["h"] * v["fy"], v["h"] * v["py"] - 0.5],
        [0, 0, 1],
    ]
    to_world = np.asarray(cv2.Rodrigues(np.array([v["rx"], v["ry"], v["rz"]]))[0], np.float64)
    R, centre = to_world.T, np.array([v["tx"], v["ty"], v["tz"]])
    k1, k2, k3 = (v.get(key, 0.0) for key in LENS)
    return make_camera(path, name, K=K, R=R, T=-R @ centre, size=(v["w"], v["h"]), D=(k1, k2, 0, 0, k3))
