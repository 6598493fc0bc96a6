"""Camera paths in files: our own, transforms.json as NeRF tools write it, camera_path as nerfstudio's viewer does.

Our own is JSON: `format` "dymap-cameras", `version`, and `cameras`, a list of K, R, T, width, height, name,
pixel_offset as in a baked file, with an optional `frame` (position in the clip). It keeps every number to the bit.

transforms.json: `transform_matrix` is camera to world with x right, y up, z backwards; the lens is `camera_angle_x`
(radians) or `fl_x`, `fl_y`, `cx`, `cy`, `w`, `h` (pixels), for all cameras or for one. Its positions are measured from
the corner of the image, so that pixel (i, j) has its centre at (i + 0.5, j + 0.5): `pixel_offset` is 0.5. `frame`
(position) or `time` (0 the first frame of the clip, 1 the last) may say when.

camera_path JSON of nerfstudio's viewer: `camera_path`, a list of `camera_to_world` (axes as in transforms.json; 16
numbers row by row) and `fov` (vertical, degrees), of images of `render_width` x `render_height`; `render_time` (0 to 1)
may say when.

In all of them the world is that of the video's cameras and boxes, in metres.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.geometry.camera import Array, Camera
from dymap.geometry.pose import nearest_rotation
from dymap.video.facts import camera_from_json, camera_to_json, check_focal_lengths

FORMAT = "dymap-cameras"
VERSION = 1
MAX_BYTES = 64 * 2**20
MAX_CAMERAS = 100_000
MAX_SIDE = 8192
"""Pixels an image may be wide or high."""
MAX_DISTANCE = 1e6
"""Metres a camera may be from the origin, along each axis."""
TOLERANCE = 1e-3
"""By how much R R^T may differ from the identity: files hold as few as four decimals."""
DISTORTION = ("k1", "k2", "k3", "k4", "k5", "k6", "p1", "p2")

Placed = tuple[Camera, int | None]
"""A camera, and the frame position that it sees if the file says so."""


def write_cameras(path: Path, cameras: Iterable[Placed]) -> None:
    """Save a path in our own form. Raises InputError if the disk refuses."""
    entries = [
        camera_to_json(camera.undistorted()) | ({} if frame is None else {"frame": frame}) for camera, frame in cameras
    ]
    write_json(path, {"format": FORMAT, "version": VERSION, "cameras": entries})


def read_cameras(path: Path, size: tuple[int, int], frames: int) -> list[Placed]:
    """The cameras of a file, in its order.

    size: width and height if a transforms.json with `camera_angle_x` names none; frames: length of the clip.
    Raises InputError that names the file, the entry, what was found and what was expected. Warns once of distortion,
    which is ignored.
    """
    return cameras_of(_load(path), str(path), size, frames)


def cameras_of(data: Any, name: str, size: tuple[int, int], frames: int) -> list[Placed]:
    """The cameras of what was read. name: of the path, for errors; otherwise as `read_cameras`."""
    key = _entries_key(data, name)
    shared = {word: value for word, value in data.items() if word != key}  # of a transforms.json: for all cameras
    placed: list[Placed] = []
    for index, entry in enumerate(data[key]):
        where = f"{name}: {key}[{index}]"
        if not isinstance(entry, dict):
            raise InputError(f"{where} is {type(entry).__name__}, expected a mapping")
        try:
            if key == "cameras":
                camera = _saved_camera(entry, where)
            elif key == "frames":
                camera = _nerf_camera(shared | entry, size, where)
            else:
                entry = _path_entry(shared, entry, size, where)
                camera = _nerf_camera(entry, size, where)
            check_focal_lengths(camera)
        except InputError:
            raise
        except ValueError as error:  # of what any camera must be
            raise InputError(f"{where}: {error}") from None
        if np.abs(camera.position).max() > MAX_DISTANCE:
            raise InputError(f"{where}: the camera is more than {MAX_DISTANCE:g} m from the origin")
        placed.append((camera, _frame(entry, frames, where)))
    if key == "frames" and any(_distorted(lens) for lens in (shared, *data[key])):
        warnings.warn(f"{name}: lens distortion is ignored: films are of ideal pinhole cameras", stacklevel=2)
    return placed


def _load(path: Path) -> Any:
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"{path}: {size / 2**20:.0f} MiB, expected a file of cameras of {MAX_BYTES >> 20} at most")
        return read_json(path)
    except RecursionError:
        raise InputError(f"{path}: not readable JSON (nested too deeply)") from None


def _entries_key(data: Any, name: str) -> str:
    """Under which key a file lists its cameras: `cameras` in our own form, `frames` in a transforms.json."""
    if isinstance(data, dict) and data.get("format") == FORMAT:
        if data.get("version") != VERSION:
            raise InputError(f"{name}: version {data.get('version')!r} of {FORMAT}; this dymap reads {VERSION}")
        key = "cameras"
    elif isinstance(data, dict) and ("frames" in data or "camera_path" in data):
        key = "frames" if "frames" in data else "camera_path"
    else:
        raise InputError(
            f"{name}: neither a path that dymap saved (format {FORMAT!r}) nor a transforms.json (frames) "
            "nor a path of nerfstudio (camera_path)"
        )
    entries = data.get(key)
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_CAMERAS:
        found = f"{len(entries)} entries" if isinstance(entries, list) else type(entries).__name__
        raise InputError(f"{name}: {key} is {found}, expected a list of 1 to {MAX_CAMERAS} cameras")
    return key


def _saved_camera(entry: Mapping[str, Any], where: str) -> Camera:
    """A camera of our own form, checked; its numbers stay as they are."""
    K, R = _array(entry, "K", (3, 3), where), _array(entry, "R", (3, 3), where)
    _array(entry, "T", (3,), where)
    _rotation(R, "R", where)
    if min(K[0, 0], K[1, 1]) <= 0 or K[1, 0] != 0 or (K[2] != (0, 0, 1)).any():
        raise InputError(f"{where}: K is {K.tolist()}, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in pixels")
    side = {key: _side(entry, key, where) for key in ("width", "height")}
    return camera_from_json(
        {**entry, **side, "name": entry.get("name", ""), "pixel_offset": _number(entry, "pixel_offset", where)}
    )


def _nerf_camera(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> Camera:
    """A camera of a transforms.json; entry: its own keys over those for all cameras."""
    sized = "w" in entry or "h" in entry
    width, height = (_side(entry, "w", where), _side(entry, "h", where)) if sized else size
    if "fl_x" in entry:
        if not sized:
            raise InputError(f"{where}: fl_x is in pixels, but w and h of the image are missing")
        fx = _positive(entry, "fl_x", where)
    elif "camera_angle_x" in entry:
        fx = _focal(width, entry, "camera_angle_x", where)
    else:
        raise InputError(f"{where}: no lens; expected fl_x with w and h, or camera_angle_x")
    if "fl_y" in entry:
        fy = _positive(entry, "fl_y", where)
    else:
        fy = _focal(height, entry, "camera_angle_y", where) if "camera_angle_y" in entry else fx
        if not sized:  # the size is ours, whose aspect the angles cannot know: one of them widens, nothing is stretched
            fx = fy = min(fx, fy)
    cx = _number(entry, "cx", where) if "cx" in entry else width / 2
    cy = _number(entry, "cy", where) if "cy" in entry else height / 2
    R, T = _nerf_pose(entry, where)
    name = str(entry.get("file_path", ""))
    return Camera(np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), R, T, width, height, name=name, pixel_offset=0.5)


def _path_entry(
    shared: Mapping[str, Any], entry: Mapping[str, Any], size: tuple[int, int], where: str
) -> dict[str, Any]:
    """An entry of a camera_path as one of a transforms.json. shared: what the file says of all."""
    kind = shared.get("camera_type", "perspective")
    if kind != "perspective":
        raise InputError(f"{where}: camera_type is {repr(kind)[:40]}; films are of perspective cameras")
    sized = "render_width" in shared or "render_height" in shared
    width, height = (_side(shared, f"render_{side}", where) for side in ("width", "height")) if sized else size
    fov = _number(entry, "fov", where)
    if not 0 < fov < 180:
        raise InputError(f"{where}: fov is {fov:g}, expected an angle of view between 0 and 180 degrees")
    pose = _array(entry, "camera_to_world", ((16,), (4, 4), (12,), (3, 4)), where).reshape(-1, 4)
    focal = height / 2 / math.tan(math.radians(fov) / 2)
    when = {"time": entry["render_time"]} if "render_time" in entry else {}
    return {"transform_matrix": pose.tolist(), "fl_x": focal, "w": width, "h": height} | when


def _nerf_pose(entry: Mapping[str, Any], where: str) -> tuple[Array, Array]:
    """World-to-camera R [3, 3] and T [3] of a `transform_matrix`."""
    pose = _array(entry, "transform_matrix", ((4, 4), (3, 4)), where)
    if len(pose) == 4 and np.abs(pose[3] - (0, 0, 0, 1)).max() > 1e-6:
        raise InputError(f"{where}: the last row of transform_matrix is {pose[3].tolist()}, expected [0, 0, 0, 1]")
    to_world = _rotation(pose[:3, :3], "transform_matrix", where)
    R = (to_world * (1, -1, -1)).T  # y up, z backwards -> y down, z forward
    return R, -R @ pose[:3, 3]


def _frame(entry: Mapping[str, Any], frames: int, where: str) -> int | None:
    """The frame position of an entry; None if it names none."""
    if "frame" in entry:
        frame = _number(entry, "frame", where)
        if frame != int(frame) or not 0 <= frame < frames:
            raise InputError(f"{where}: frame {frame:g} is outside the clip: it has positions 0 to {frames - 1}")
        return int(frame)
    if "time" in entry:
        time = _number(entry, "time", where)
        if not 0 <= time <= 1:
            raise InputError(f"{where}: time is {time:g}, expected 0 (the first frame) to 1 (the last)")
        return round(time * (frames - 1))
    return None


def _distorted(lens: Mapping[str, Any]) -> bool:
    return any(lens.get(key) for key in DISTORTION) or "FISHEYE" in str(lens.get("camera_model", "")).upper()


def _rotation(R: Array, key: str, where: str) -> Array:
    """The rotation [3, 3] that an entry holds, out of its rounded numbers."""
    try:
        return nearest_rotation(R, TOLERANCE)
    except ValueError as error:
        raise InputError(f"{where}: {key} {error}") from None


def _array(entry: Mapping[str, Any], key: str, shapes: tuple[Any, ...], where: str) -> Array:
    """A finite array of one shape, or of one of several."""
    allowed = shapes if isinstance(shapes[0], tuple) else (shapes,)
    expected = " or ".join(str(list(shape)) for shape in allowed)
    if key not in entry:
        raise InputError(f"{where}: {key} is missing, expected {expected} numbers")
    try:
        value = np.array(entry[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where}: {key} is not {expected} numbers") from None
    if value.shape not in allowed:
        raise InputError(f"{where}: {key} has shape {list(value.shape)}, expected {expected}")
    if not np.isfinite(value).all():
        raise InputError(f"{where}: {key} holds values that are not finite")
    return value


def _number(entry: Mapping[str, Any], key: str, where: str) -> float:
    value = entry.get(key)
    try:
        number = math.nan if isinstance(value, bool | str) or value is None else float(value)
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{where}: {key} is {repr(value)[:40]}, expected a finite number")
    return number


def _positive(entry: Mapping[str, Any], key: str, where: str) -> float:
    value = _number(entry, key, where)
    if value <= 0:
        raise InputError(f"{where}: {key} is {value:g}, expected more than 0")
    return value


def _side(entry: Mapping[str, Any], key: str, where: str) -> int:
    """Width or height in pixels; some tools write 800.0."""
    value = _number(entry, key, where)
    if value != int(value) or not 1 <= value <= MAX_SIDE:
        raise InputError(f"{where}: {key} is {value:g}, expected 1 to {MAX_SIDE} pixels")
    return int(value)


def _focal(side: int, entry: Mapping[str, Any], key: str, where: str) -> float:
    """Focal length in pixels of an angle of view in radians."""
    angle = _number(entry, key, where)
    if not 0 < angle < math.pi:
        raise InputError(f"{where}: {key} is {angle:g}, expected an angle of view between 0 and pi radians")
    return side / 2 / math.tan(angle / 2)
