"""transforms.json: the cameras of nerfstudio, instant-ngp and D-NeRF.

    {"fl_x": 1072.0, "fl_y": 1068.0, "cx": 1504.0, "cy": 1000.0, "w": 3008, "h": 2000, "camera_model": "OPENCV",
     "frames": [{"file_path": "images/cam00/000000.jpg", "transform_matrix": [...], "time": 0.0}, ...]}

Each entry of `frames` is one picture; what stands at the top holds for every entry that does not say otherwise.

    transform_matrix    [4, 4] camera to world; x right, y up, z backwards (OpenGL)
    fl_x fl_y cx cy     pixels from the picture's corner: the centre of pixel (i, j) is (i + 0.5, j + 0.5)
    w h                 pixels; if they are missing, those of the picture
    camera_angle_x      radians that the width fills, in place of fl_x; camera_angle_y the height
    k1 .. k6 p1 p2      OpenCV's coefficients; k1 .. k4 of a fisheye lens
    camera_model        OPENCV, OPENCV_FISHEYE and COLMAP's other names; is_fisheye: as instant-ngp says it

The world is the file's own (after `applied_transform`, which is not undone), and so is the unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture.calibrations.camera import make_camera
from dymap.capture.calibrations.sizes import Size
from dymap.capture.grouping import cameras_of, pose_key
from dymap.capture.paths import inner_path
from dymap.errors import InputError
from dymap.files import read_json
from dymap.geometry.camera import Array, Camera
from dymap.geometry.lens import Lens
from dymap.geometry.pose import nearest_rotation

Sizes = Callable[[str], Size | None]
MAX_ENTRIES = 1_000_000
MAX_TIME = 1e15
TIMES = ("time", "timestep_index", "timestep", "frame")
"""Keys under which programs keep when a picture was taken, the first that is there counts."""
NUMBER = "frame_number"
"""Key of the frame's number in the capture, which our own writer adds."""
MAX_NUMBER = 10**9
MODELS: dict[str, Lens] = {
    "OPENCV": "opencv",
    "PERSPECTIVE": "opencv",
    "PINHOLE": "opencv",
    "SIMPLE_PINHOLE": "opencv",
    "SIMPLE_RADIAL": "opencv",
    "RADIAL": "opencv",
    "FULL_OPENCV": "opencv",
    "OPENCV_FISHEYE": "fisheye",
    "FISHEYE": "fisheye",
    "SIMPLE_RADIAL_FISHEYE": "fisheye",
    "RADIAL_FISHEYE": "fisheye",
}


@dataclass(frozen=True)
class Intrinsics:
    """What a file says of a lens; None: it does not. fx, fy, cx, cy: pixels from the picture's corner. angle_x,
    angle_y: radians. D: coefficients as geometry/lens.py has them."""

    width: int | None
    height: int | None
    fx: float | None
    fy: float | None
    cx: float | None
    cy: float | None
    angle_x: float | None
    angle_y: float | None
    lens: Lens
    D: tuple[float, ...]

    def K(self, width: int, height: int) -> Array:
        """[3, 3] of pictures of this size, with pixel centres at integers."""
        fx = self.fx if self.fx is not None else _focal(width, self.angle_x) if self.angle_x is not None else None
        fy = self.fy if self.fy is not None else _focal(height, self.angle_y) if self.angle_y is not None else fx
        fx = fy if fx is None else fx
        cx, cy = width / 2 if self.cx is None else self.cx, height / 2 if self.cy is None else self.cy
        return np.array([[fx, 0, cx - 0.5], [0, fy, cy - 0.5], [0, 0, 1]], np.float64)


@dataclass(frozen=True, eq=False)
class Shot:
    """One picture of a file. index: of its entry. path, mask: relative to the file's folder. time: in a
    unit of the file's own, or None. number: of the frame in the capture, if the file says it. label: the camera's name,
    may be empty. held_out: from training, as nerfstudio's `val_filenames` and `test_filenames` say. pose: [4, 4] camera
    to world, OpenGL."""

    file: Path
    index: int
    path: str
    mask: str | None
    time: float | None
    number: int | None
    label: str
    held_out: bool
    pose: Array
    intrinsics: Intrinsics

    @property
    def where(self) -> str:
        """File and entry, for errors."""
        return f"{self.file}: frames[{self.index}]"

    def camera(self, name: str, size: Size, scale: float = 1.0) -> Camera:
        """The camera of the pictures that the file speaks of. size: width and height if it does not say. scale: metres
        of one of the file's units. Raises InputError that names the entry for what no camera has."""
        R = (self.pose[:3, :3] * (1, -1, -1)).T  # y up, z backwards -> y down, z forward
        T = -R @ self.pose[:3, 3] * scale
        lens = self.intrinsics
        width, height = lens.width or size[0], lens.height or size[1]
        K, where = lens.K(width, height), Path(self.where)
        return make_camera(where, name, K=K, R=R, T=T, size=(width, height), D=lens.D, lens=lens.lens)


def is_transforms(path: Path) -> bool:
    """Whether a file has the name of such a file; the content is looked at when it is read."""
    return path.name == "transforms.json" or (path.name.startswith("transforms_") and path.suffix == ".json")


def read_transforms(path: Path, sizes: Sizes | None = None) -> tuple[Camera, ...]:
    """The cameras that a file speaks of, in the order of their names; units are taken for metres.

    sizes: those of the pictures by the camera's name, for files without w and h. Raises InputError.
    """
    cameras = []
    for shot, name in zip(*group(read_shots(path))[1:], strict=True):
        lens = shot.intrinsics
        known = None if (lens.width and lens.height) or sizes is None else sizes(name)
        if known is None and not (lens.width and lens.height):
            raise InputError(f"{shot.where}: w and h are missing, the width and height of the pictures")
        cameras.append(shot.camera(name, known or (0, 0)))
    return tuple(cameras)


def read_shots(path: Path) -> list[Shot]:
    """The pictures that a file lists. Raises InputError that names the file and the entry."""
    data = read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("frames"), list):
        raise InputError(f"{path}: expected a mapping with a list of pictures under 'frames'")
    entries = data["frames"]
    if not 1 <= len(entries) <= MAX_ENTRIES:
        raise InputError(f"{path}: 'frames' lists {len(entries)} pictures, expected 1 to {MAX_ENTRIES}")
    if data.get("from_na"):
        raise InputError(f"{path}: 'from_na' means other axes, of NeuS2, which are not known; write OpenGL's instead")
    shared = {key: value for key, value in data.items() if key in OF_LENSES}
    held_out = (_listed(data, "val_filenames") | _listed(data, "test_filenames")) - _listed(data, "train_filenames")
    lenses: dict[Own, Intrinsics] = {}
    shots = [_shot(path, index, entry, shared, held_out, lenses) for index, entry in enumerate(entries)]
    if some := next((shot for shot in shots if (shot.time is None) != (shots[0].time is None)), None):
        raise InputError(f"{some.where}: of the entries only some have a time; give it to all of them or to none")
    return shots


def group(shots: list[Shot]) -> tuple[list[int], list[Shot], list[str]]:
    """[n] the camera of each picture; of each camera a picture and its name (`cameras_of`)."""
    keys = [(shot.held_out, shot.label, shot.intrinsics, pose_key(shot.pose)) for shot in shots]
    cameras, firsts, names = cameras_of(keys, [shot.path for shot in shots], [shot.label for shot in shots])
    return cameras, [shots[index] for index in firsts], names


def _listed(data: Mapping[str, Any], key: str) -> set[str]:
    names = data.get(key)
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _shot(
    file: Path,
    index: int,
    entry: Any,
    shared: Mapping[str, Any],
    held_out: set[str],
    lenses: dict[Own, Intrinsics],
) -> Shot:
    """shared: what the file says of all lenses. lenses: those of other entries, by what stands in the file."""
    where = f"{file}: frames[{index}]"
    if not isinstance(entry, dict):
        raise InputError(f"{where} is a {type(entry).__name__}, expected a mapping")
    path = inner_path(entry.get("file_path"), where)
    mask = entry.get("mask_path")
    key = next((key for key in TIMES if entry.get(key) is not None), None)
    own = tuple(
        (name, value if isinstance(value, PLAIN) else math.nan) for name, value in entry.items() if name in OF_LENSES
    )
    if own not in lenses:
        lenses[own] = _intrinsics({**shared, **dict(own)}, where)
    label = entry.get("camera_label", entry.get("camera_index", ""))
    return Shot(
        file,
        index,
        path,
        inner_path(mask, where) if mask else None,
        None if key is None else _time(entry, key, where),
        number if type(number := entry.get(NUMBER)) is int and 0 <= number <= MAX_NUMBER else None,
        str(label)[:200] if isinstance(label, PLAIN) else "",
        entry["file_path"] in held_out,
        _pose(entry.get("transform_matrix"), where),
        lenses[own],
    )


COEFFICIENTS = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")
PLAIN = (int, float, str, type(None))
Own = tuple[tuple[str, int | float | str | None], ...]
"""What an entry itself says of its lens."""
OF_LENSES = {
    *("w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y", "camera_model", "is_fisheye"),
    *COEFFICIENTS,
}


def _intrinsics(entry: Mapping[str, Any], where: str) -> Intrinsics:
    def number(key: str) -> float | None:
        return None if entry.get(key) is None else _number(entry, key, where)

    def between(key: str, low: float, high: float, what: str) -> float | None:
        if (value := number(key)) is not None and not low < value < high:
            raise InputError(f"{where}: {key} is {value:g}, expected {what}")
        return value

    size = {key: between(key, 0.999, 1e5, "pixels, 1 or more") for key in ("w", "h")}
    fx, fy = (between(key, 0, 1e9, "pixels, above 0") for key in ("fl_x", "fl_y"))
    across, down = (between(f"camera_angle_{axis}", 0, math.pi, "radians between 0 and pi") for axis in "xy")
    if fx is fy is across is down is None:
        raise InputError(f"{where}: no lens; expected fl_x in pixels or camera_angle_x in radians, here or at the top")
    lens, D = _lens(entry, {key: number(key) or 0.0 for key in COEFFICIENTS}, where)
    width, height = (None if size[key] is None else int(size[key] or 0) for key in ("w", "h"))
    return Intrinsics(width, height, fx, fy, number("cx"), number("cy"), across, down, lens, D)


def _lens(entry: Mapping[str, Any], k: Mapping[str, float], where: str) -> tuple[Lens, tuple[float, ...]]:
    model = str(entry.get("camera_model") or ("OPENCV_FISHEYE" if entry.get("is_fisheye") else "OPENCV")).upper()
    if model not in MODELS:
        raise InputError(f"{where}: camera_model {model[:40]!r} is none of {', '.join(MODELS)}; undistort the pictures")
    if MODELS[model] == "fisheye":
        if k["p1"] or k["p2"] or k["k5"] or k["k6"]:
            raise InputError(f"{where}: a fisheye lens has k1, k2, k3 and k4, and no p1, p2, k5 or k6")
        return "fisheye", (k["k1"], k["k2"], k["k3"], k["k4"])
    first = (k["k1"], k["k2"], k["p1"], k["p2"], k["k3"])
    if not (k["k4"] or k["k5"] or k["k6"]):
        return "opencv", first
    if model == "FULL_OPENCV":
        return "opencv", (*first, k["k4"], k["k5"], k["k6"])
    raise InputError(
        f"{where}: k4 of camera_model {model} is {k['k4']:g}: it is the fourth of nerfstudio's radial terms or the "
        "first of FULL_OPENCV's denominator, which are not the same; name FULL_OPENCV, or undistort the pictures"
    )


def _pose(value: Any, where: str) -> Array:
    """[4, 4] with the rotation nearest to the file's, whose decimals were rounded."""
    try:
        pose = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        pose = np.zeros(0)
    if pose.shape not in ((4, 4), (3, 4)) or not np.isfinite(pose).all():
        raise InputError(f"{where}: transform_matrix is not [4, 4] finite numbers, camera to world")
    try:
        rotation = nearest_rotation(pose[:3, :3])
    except ValueError as error:
        raise InputError(f"{where}: transform_matrix {error}") from None
    full = np.eye(4)
    full[:3, :3], full[:3, 3] = rotation, pose[:3, 3]
    return full


def _time(entry: Mapping[str, Any], key: str, where: str) -> float:
    if abs(time := _number(entry, key, where)) > MAX_TIME:
        raise InputError(f"{where}: {key} is {time:g}, expected at most {MAX_TIME:g}")
    return time


def _number(entry: Mapping[str, Any], key: str, where: str) -> float:
    value = entry[key]
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        shown = repr(value)[:40] if isinstance(value, PLAIN) else f"a {type(value).__name__}"
        raise InputError(f"{where}: {key} is {shown}, expected a finite number")
    return number


def _focal(side: int, angle: float) -> float:
    """Pixels of a focal length at which `side` pixels fill an angle in radians."""
    return side / 2 / math.tan(angle / 2)
