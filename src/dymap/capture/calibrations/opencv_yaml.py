"""EasyMocap's and EasyVolcap's calibration: intri.yml and extri.yml (file_storage.py).

    intri.yml   names            list of the cameras' names, which are those of their folders or videos
                K_NAME           [3, 3] pixels of the full-size picture, OpenCV's centres at integers
                D_NAME, dist_NAME  4, 5, 8, 12 or 14 of OpenCV's coefficients; missing: an ideal lens
                H_NAME, W_NAME   height and width in pixels; may be missing: those of the pictures
                ccm_NAME         [3, 3] colour matrix: (r, g, b)' = ccm (r, g, b), values in [0, 1]; may be missing
                lens_NAME        "fisheye" if D holds the four coefficients of OpenCV's fisheye model (ours)
    extri.yml   names
                R_NAME           [3, 1] axis times angle, world to camera, OpenCV's axes
                Rot_NAME         [3, 3] the same as a matrix, which counts if there is no R_NAME
                T_NAME           [3, 1] metres: X_cam = R X + T
                t_NAME           seconds by which the camera's clock is behind (selfcap.py); may be missing

Depths of the scene (n_, f_, bounds_) are not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dymap.capture.calibrations.camera import check_name, check_rotation, make_camera, repeated
from dymap.capture.calibrations.file_storage import Array, FileStorage, read_file_storage
from dymap.capture.numbers import natural
from dymap.errors import InputError
from dymap.geometry.camera import Camera

INTRINSICS, EXTRINSICS = "intri.yml", "extri.yml"

Sizes = Callable[[str], tuple[int, int] | None]
"""Name of a camera -> width and height of its pictures, for files that do not say them; None: there are none."""

DISAGREE = 1e-3
"""By which R_ and Rot_ may differ: files round."""


@dataclass(frozen=True, eq=False)
class OpenCVCalibration:
    """What the two files hold. colours: [3, 3] for each camera, or None. times: seconds for each camera, 0 if not
    said."""

    cameras: tuple[Camera, ...]
    colours: tuple[Array | None, ...]
    times: tuple[float, ...]


def read_opencv_yaml(folder: Path, sizes: Sizes | None = None) -> OpenCVCalibration:
    """The cameras of a folder's intri.yml and extri.yml, in the order of `names`.

    Raises InputError that names the file, the camera and the key that is missing or wrong.
    """
    intrinsics, extrinsics = (read_file_storage(folder / name) for name in (INTRINSICS, EXTRINSICS))
    names = _names(intrinsics, extrinsics)
    return OpenCVCalibration(
        tuple(_camera(intrinsics, extrinsics, name, sizes) for name in names),
        tuple(_shaped(intrinsics, f"ccm_{name}", name, 9, (3, 3)) for name in names),
        tuple(extrinsics.number(f"t_{name}") or 0.0 for name in names),
    )


def is_opencv_yaml(folder: Path) -> bool:
    """Whether a folder has both files."""
    return (folder / INTRINSICS).is_file() and (folder / EXTRINSICS).is_file()


def _names(intrinsics: FileStorage, extrinsics: FileStorage) -> tuple[str, ...]:
    """The cameras that both files list. Raises InputError that names a camera which one of them lacks."""
    lists = [_listed(file, prefix) for file, prefix in ((intrinsics, "K_"), (extrinsics, "T_"))]
    for (one, file), (other, lacking) in (
        ((lists[0], intrinsics), (lists[1], extrinsics)),
        ((lists[1], extrinsics), (lists[0], intrinsics)),
    ):
        known = set(other)
        if missing := [name for name in one if name not in known]:
            raise InputError(
                f"{lacking.path}: lacks camera {missing[0]!r}, which {file.path.name} has"
                f"{f' (and {len(missing) - 1} others)' if len(missing) > 1 else ''}; calibrate it, or leave it out of "
                "'names' in both files"
            )
    return lists[0]


def _listed(file: FileStorage, prefix: str) -> tuple[str, ...]:
    """`names`, or if there is no such list the ends of the keys that begin with `prefix`."""
    names = file.texts("names")
    if names is None:
        names = tuple(sorted((k.removeprefix(prefix) for k in file.blocks if k.startswith(prefix)), key=natural))
    if not names:
        raise InputError(f"{file.path}: lists no cameras; expected names: with one name a line")
    if (twice := repeated(names)) is not None:
        raise InputError(f"{file.path}: 'names' lists camera {twice!r} twice")
    return tuple(check_name(file.path, name) for name in names)


def _camera(intrinsics: FileStorage, extrinsics: FileStorage, name: str, sizes: Sizes | None) -> Camera:
    K = _needed(intrinsics, f"K_{name}", name, 9, (3, 3))
    T = _needed(extrinsics, f"T_{name}", name, 3, (3,))
    lens = intrinsics.text(f"lens_{name}") or "opencv"
    if lens not in ("opencv", "fisheye"):
        raise InputError(
            f"{intrinsics.path}: camera {name!r}: lens {lens[:40]!r} is unknown; known are opencv, fisheye"
        )
    size = _size(intrinsics, name) or (sizes(name) if sizes is not None else None)
    if size is None:
        raise InputError(
            f"{intrinsics.path}: camera {name!r} says no size of its pictures; add H_{name} and W_{name}, in pixels"
        )
    return make_camera(
        intrinsics.path,
        name,
        K=K,
        R=check_rotation(extrinsics.path, name, _rotation(extrinsics, name)),
        T=T,
        size=size,
        D=_distortion(intrinsics, name),
        lens="fisheye" if lens == "fisheye" else "opencv",
    )


def _rotation(file: FileStorage, name: str) -> Array:
    """[3, 3] of R_ or Rot_. Raises InputError if both are there and differ, or none is."""
    vector, matrix = file.matrix(f"R_{name}"), _shaped(file, f"Rot_{name}", name, 9, (3, 3))
    if vector is not None and vector.size not in (3, 9):
        _wrong_count(file, f"R_{name}", name, vector, 3)
    if vector is None and matrix is None:
        raise InputError(f"{file.path}: camera {name!r} lacks R_{name} (axis times angle) or Rot_{name} (3 x 3)")
    if vector is None:
        assert matrix is not None
        return matrix
    R = vector if vector.size == 9 else np.asarray(cv2.Rodrigues(vector.reshape(3))[0], np.float64)
    if matrix is not None and np.abs(R - matrix).max() > DISAGREE:
        raise InputError(
            f"{file.path}: camera {name!r}: R_{name} and Rot_{name} are different rotations; delete the one that is "
            "not of this calibration"
        )
    return R


def _distortion(file: FileStorage, name: str) -> Array:
    found = [D for key in ("D", "dist") if (D := file.matrix(f"{key}_{name}")) is not None]
    if len(found) == 2 and (found[0].size != found[1].size or not np.allclose(found[0].flat, found[1].flat, atol=1e-6)):
        raise InputError(f"{file.path}: camera {name!r}: D_{name} and dist_{name} differ; delete the wrong one")
    return found[0].reshape(-1) if found else np.zeros(5)


def _size(file: FileStorage, name: str) -> tuple[int, int] | None:
    sides = [file.number(f"{key}_{name}") for key in ("W", "H")]
    if any(side is None or side <= 0 for side in sides):  # -1: not known
        return None
    return int(sides[0] or 0), int(sides[1] or 0)


def _needed(file: FileStorage, key: str, name: str, count: int, shape: tuple[int, ...]) -> Array:
    value = _shaped(file, key, name, count, shape)
    if value is None:
        raise InputError(f"{file.path}: camera {name!r} lacks {key}")
    return value


def _shaped(file: FileStorage, key: str, name: str, count: int, shape: Sequence[int]) -> Array | None:
    value = file.matrix(key)
    if value is not None and value.size != count:
        _wrong_count(file, key, name, value, count)
    return None if value is None else value.reshape(tuple(shape))


def _wrong_count(file: FileStorage, key: str, name: str, value: Array, count: int) -> None:
    raise InputError(
        f"{file.path}: camera {name!r}: {key} has {value.shape[0]} x {value.shape[1]} numbers, expected {count}"
    )
