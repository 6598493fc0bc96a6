"""The files of a COLMAP model, binary and text, as they stand: lenses by their numbers, and images.

Sizes of binary files are looked at before anything is made of the counts in them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Array
from dymap.geometry.lens import Lens

MAX_BYTES = 2**30


class Model(NamedTuple):
    """What the parameters of a camera model mean: f or fx fy, then cx cy, then coefficients at these places of D."""

    name: str
    focal_lengths: int
    lens: Lens
    places: tuple[int, ...] = ()
    size: int = 5

    @property
    def numbers(self) -> int:
        """How many parameters it has."""
        return self.focal_lengths + 2 + len(self.places)


MODELS = {
    0: Model("SIMPLE_PINHOLE", 1, "opencv"),
    1: Model("PINHOLE", 2, "opencv"),
    2: Model("SIMPLE_RADIAL", 1, "opencv", (0,)),
    3: Model("RADIAL", 1, "opencv", (0, 1)),
    4: Model("OPENCV", 2, "opencv", (0, 1, 2, 3)),
    5: Model("OPENCV_FISHEYE", 2, "fisheye", (0, 1, 2, 3), 4),
    6: Model("FULL_OPENCV", 2, "opencv", (0, 1, 2, 3, 4, 5, 6, 7), 8),
    8: Model("SIMPLE_RADIAL_FISHEYE", 1, "fisheye", (0,), 4),
    9: Model("RADIAL_FISHEYE", 1, "fisheye", (0, 1), 4),
}
OTHERS = {7: "FOV", 10: "THIN_PRISM_FISHEYE", 11: "RAD_TAN_THIN_PRISM_FISHEYE"}
"""Models that are no lens of OpenCV's, with their numbers in binary files."""
BY_NAME = {model.name: model for model in MODELS.values()}


@dataclass(frozen=True)
class ModelCamera:
    """One camera of a model file."""

    model: Model
    width: int
    height: int
    parameters: tuple[float, ...]

    def matrix(self) -> Array:
        """K [3, 3], pixel centres at integers."""
        focal, n = self.parameters, self.model.focal_lengths
        cx, cy = self.parameters[n : n + 2]
        return np.array([[focal[0], 0, cx - 0.5], [0, focal[n - 1], cy - 0.5], [0, 0, 1]])

    def coefficients(self) -> Array:
        """D [n] in OpenCV's order; n as geometry/lens.py has it."""
        D = np.zeros(self.model.size)
        D[list(self.model.places)] = self.parameters[self.model.focal_lengths + 2 :]
        return D


class Image(NamedTuple):
    """One image of a model file. rotation: quaternion w x y z, world to camera."""

    rotation: tuple[float, ...]
    translation: tuple[float, ...]
    camera: int
    name: str


class Parts:
    """The bytes of a binary file from front to end, never beyond it."""

    def __init__(self, path: Path):
        """Raises InputError that names the file if it cannot be read."""
        self.path, self.data, self.place = path, _read(path), 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        """Numbers as struct's `layout` has them, little-endian. Raises InputError if the file ends before."""
        size = struct.calcsize(f"<{layout}")
        if self.place + size > len(self.data):
            raise self.ends()
        self.place += size
        return struct.unpack_from(f"<{layout}", self.data, self.place - size)

    def count(self, least: int) -> int:
        """How many entries follow, of at least so many bytes each. Raises InputError for more than fit the file."""
        count = int(self.take("Q")[0])
        if count * least > len(self.data) - self.place:
            raise self.ends(f" ({count} entries are announced)")
        return count

    def text(self) -> str:
        """The text up to the next zero byte. Raises InputError if there is none."""
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise self.ends()
        text = self.data[self.place : end].decode(errors="surrogateescape")
        self.place = end + 1
        return text

    def skip(self, size: int) -> None:
        """Pass over so many bytes; what lies behind the end is missed by who reads on."""
        self.place += size

    def ends(self, why: str = "") -> InputError:
        """The error of a file that is shorter than it says. why: what was asked for."""
        return InputError(f"{self.path}: ends too early{why}; it is truncated, or no file of COLMAP's")


def read_lenses_binary(path: Path) -> dict[int, ModelCamera]:
    """The cameras of a cameras.bin by their numbers. Raises InputError."""
    parts, lenses = Parts(path), {}
    for _ in range(parts.count(24)):
        number, model, width, height = (int(value) for value in parts.take("IiQQ"))
        if model not in MODELS:
            raise _unknown(path, number, OTHERS.get(model, f"number {model}"))
        lenses[number] = ModelCamera(MODELS[model], width, height, parts.take(f"{MODELS[model].numbers}d"))
    return lenses


def read_images_binary(path: Path) -> Iterator[Image]:
    """The images of an images.bin. Raises InputError."""
    parts = Parts(path)
    for _ in range(parts.count(73)):
        _, *pose, camera = parts.take("I7dI")
        name = parts.text()
        parts.skip(24 * parts.count(24))
        yield Image(tuple(pose[:4]), tuple(pose[4:]), int(camera), name)


def read_lenses_text(path: Path) -> dict[int, ModelCamera]:
    """The cameras of a cameras.txt by their numbers. Raises InputError that names the line."""
    lenses = {}
    for row, line in _lines(path):
        if not line or line.startswith("#"):
            continue
        parts = line.split()
        try:
            number, (width, height), values = int(parts[0]), map(int, parts[2:4]), tuple(map(float, parts[4:]))
        except (ValueError, IndexError):
            raise InputError(f"{path}: line {row} is not CAMERA_ID MODEL WIDTH HEIGHT PARAMETERS") from None
        if (model := BY_NAME.get(parts[1])) is None:
            raise _unknown(path, number, parts[1][:40])
        if len(values) != model.numbers:
            raise InputError(f"{path}: line {row}: {model.name} has {model.numbers} parameters, found {len(values)}")
        lenses[number] = ModelCamera(model, width, height, values)
    return lenses


def read_images_text(path: Path) -> Iterator[Image]:
    """The images of an images.txt: a line each, and a line of points behind it, which may be empty. Raises InputError
    that names the line."""
    lines = _lines(path)
    for row, line in lines:
        if not line or line.startswith("#"):
            continue
        parts = line.split(maxsplit=9)
        try:
            pose, camera, name = [float(part) for part in parts[1:8]], int(parts[8]), parts[9]
        except (ValueError, IndexError):
            raise InputError(
                f"{path}: line {row} is not IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME; each image has two lines, of "
                "which the second may be empty"
            ) from None
        next(lines, None)
        yield Image(tuple(pose[:4]), tuple(pose[4:]), camera, name)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    return enumerate((line.strip() for line in _read(path).decode(errors="surrogateescape").split("\n")), 1)


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAX_BYTES, "models")
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None


def _unknown(path: Path, camera: int, model: str) -> InputError:
    return InputError(
        f"{path}: camera {camera} has the model {model}, which is none of {', '.join(BY_NAME)}; undistort the pictures "
        "with COLMAP's image_undistorter, or calibrate with OPENCV or OPENCV_FISHEYE"
    )
