"""Cameras from the files of calibration programs: one file a format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dymap.capture.calibrations.actorshq import is_actorshq, read_actorshq
from dymap.capture.calibrations.caliscope import is_caliscope, read_caliscope
from dymap.capture.calibrations.colmap import find_model, is_colmap, read_colmap_cameras
from dymap.capture.calibrations.opencv_yaml import EXTRINSICS, INTRINSICS, Sizes, read_opencv_yaml
from dymap.capture.calibrations.qualisys import is_qualisys, read_qualisys
from dymap.capture.calibrations.transforms import is_transforms, read_transforms
from dymap.errors import InputError
from dymap.geometry.camera import Camera

EXPECTED = (
    "intri.yml and extri.yml (EasyMocap), NAME.qca.txt (Qualisys), NAME.toml with a table a camera (Caliscope, "
    "Pose2Sim), transforms.json (nerfstudio), cameras.bin and images.bin (COLMAP), or calibration.csv (ActorsHQ)"
)
KINDS: tuple[Callable[[Path], bool], ...] = (
    lambda path: path.name == INTRINSICS,
    is_qualisys,
    is_caliscope,
    is_transforms,
    is_colmap,
    is_actorshq,
)
"""How a calibration is known by its file, the surest first: programs write others from it."""


def read_calibration(path: Path, sizes: Sizes | None = None) -> tuple[Camera, ...]:
    """The cameras of a file, or of a folder that holds one calibration: names, sizes of pictures, poses in metres.

    sizes: those of the pictures by the camera's name, which some files do not say. The units of transforms.json and
    COLMAP, which have no name, are taken for metres. Raises InputError
    for a format that is not known, and for what is wrong in the file.
    """
    if path.is_dir():
        path = find_calibration(path)
    if path.name in (INTRINSICS, EXTRINSICS):
        return read_opencv_yaml(path.parent, sizes).cameras
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {EXPECTED}")
    if is_qualisys(path):
        return read_qualisys(path)
    if path.suffix.lower() == ".toml":
        return read_caliscope(path).cameras
    if path.suffix.lower() == ".json":
        return read_transforms(path, sizes)
    if is_colmap_file(path):
        return read_colmap_cameras(path)
    if path.suffix.lower() == ".csv":
        return tuple(read_actorshq(path))
    raise InputError(f"{path}: no calibration that is known; expected {EXPECTED}")


def calibration_files(path: Path) -> list[Path]:
    """The files that `read_calibration` reads of a path, whether they are there or not. Raises InputError as
    `find_calibration` does."""
    if path.is_dir():
        path = find_calibration(path)
    if path.name in (INTRINSICS, EXTRINSICS):
        return [path.with_name(INTRINSICS), path.with_name(EXTRINSICS)]
    if is_colmap_file(path):
        return [path.with_name(f"{part}.{ending}") for part in ("cameras", "images") for ending in ("bin", "txt")]
    return [path]


def is_colmap_file(path: Path) -> bool:
    """Whether a file is called as one of a COLMAP model."""
    return path.name.partition(".")[0] in ("cameras", "images") and path.suffix.lower() in (".bin", ".txt")


def find_calibration(folder: Path) -> Path:
    """The one calibration of a folder; of several kinds the first. Raises InputError for none and for several."""
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror})") from None
    for is_kind in KINDS:
        if len(found := [path for path in files if is_kind(path)]) == 1:
            return found[0]
        if found:
            several = ", ".join(path.name for path in found[:5])
            raise InputError(f"{folder}: holds several calibrations ({several}); name one of them")
    if (model := find_model(folder)) is not None:
        return next(path for path in (model / "cameras.bin", model / "cameras.txt") if is_colmap(path))
    raise InputError(f"{folder}: holds no calibration that is known; expected {EXPECTED}")


__all__ = ["Sizes", "calibration_files", "find_calibration", "read_calibration"]
