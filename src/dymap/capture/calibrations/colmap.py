"""COLMAP's sparse models, binary (cameras.bin, images.bin) or text (cameras.txt, images.txt).

    cameras    id, model, width, height, parameters: pixels from the picture's corner (the centre of pixel (i, j) is
               (i + 0.5, j + 0.5)), then the coefficients of the lens
    images     id, quaternion w x y z and translation (world to camera; x right, y down, z forward), camera's id, name,
               and the positions of its points, which are not needed

The world has no unit: what is a metre COLMAP cannot know. Points (points3D) are few, and not used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from dymap.capture.calibrations.camera import make_camera
from dymap.capture.calibrations.colmap_files import (
    read_images_binary,
    read_images_text,
    read_lenses_binary,
    read_lenses_text,
)
from dymap.capture.numbers import natural
from dymap.capture.paths import inner_path
from dymap.errors import InputError
from dymap.geometry.camera import Array, Camera

PLACES = ("", "sparse/0", "sparse", "colmap/sparse/0", "colmap/sparse", "colmap")
"""Where below a capture's folder a model may lie."""
MOVED = 5e-3
"""Images of a camera that stands still have poses that differ by less: in radians, and in extents of the rig."""


def read_colmap(folder: Path, scale: float = 1.0) -> list[Camera]:
    """A camera for each image of a model, which it is called after. scale: metres of one unit of the model.

    Raises InputError that names the file, and the image or the camera in it.
    """
    binary = (folder / "cameras.bin").is_file() and (folder / "images.bin").is_file()
    where = folder / ("images.bin" if binary else "images.txt")
    lenses = read_lenses_binary(folder / "cameras.bin") if binary else read_lenses_text(folder / "cameras.txt")
    cameras = []
    for image in read_images_binary(where) if binary else read_images_text(where):
        if image.camera not in lenses:
            raise InputError(f"{where}: image {image.name!r} is of camera {image.camera}, which the model lacks")
        lens = lenses[image.camera]
        cameras.append(
            make_camera(
                where,
                image.name,
                K=lens.matrix(),
                R=rotation_of(image.rotation, f"{where}: image {image.name!r}"),
                T=np.array(image.translation) * scale,
                size=(lens.width, lens.height),
                D=lens.coefficients(),
                lens=lens.model.lens,
            )
        )
    if not cameras:
        raise InputError(f"{where}: no image is registered in this model")
    return cameras


def read_colmap_cameras(path: Path) -> tuple[Camera, ...]:
    """The cameras of the model that a file belongs to, called as `cameras_of` does; units are taken for metres."""
    return tuple(cameras_of(path.parent, read_colmap(path.parent))[0])


def is_colmap(path: Path) -> bool:
    """Whether a file stands for a model: cameras.bin, or cameras.txt without it."""
    if path.name == "cameras.bin":
        return path.is_file()
    return path.name == "cameras.txt" and path.is_file() and not path.with_suffix(".bin").exists()


def find_model(root: Path) -> Path | None:
    """The folder of a model in a capture's folder; None: there is none."""
    return next((root / place for place in PLACES if is_model(root / place)), None)


def is_model(folder: Path) -> bool:
    """Whether a folder holds the cameras and the images of a model, in binary files or in text."""
    return any(
        all((folder / f"{name}.{ending}").is_file() for name in ("cameras", "images")) for ending in ("bin", "txt")
    )


def rotation_of(quaternion: tuple[float, ...], where: str) -> Array:
    """[3, 3] of w x y z, brought to length 1. Raises InputError for one that is far from it."""
    q = np.array(quaternion)
    length = float(np.linalg.norm(q))
    if not abs(length - 1) < 1e-2:
        raise InputError(f"{where}: its quaternion has length {length:g}, expected 1")
    w, x, y, z = q / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def cameras_of(model: Path, registered: Sequence[Camera]) -> tuple[list[Camera], list[str]]:
    """The cameras, called after the folders of the images that are registered or after their names, and the first image
    of each. Raises InputError if one moved."""
    for camera in registered:
        inner_path(camera.name, model)
    extent = float(np.ptp([camera.position for camera in registered], axis=0).max())
    moved: list[Camera] = []
    for name_of in (_folder, _stem):
        groups: dict[str, list[Camera]] = {}
        for camera in sorted(registered, key=lambda camera: natural(camera.name)):
            groups.setdefault(name_of(camera.name), []).append(camera)
        found = [other for group in groups.values() for other in group if _moved(group[0], other, extent)]
        if "" not in groups and not found and (len(groups) > 1 or len(registered) == 1):
            names = sorted(groups, key=natural)
            return [replace(groups[name][0], name=name) for name in names], [groups[name][0].name for name in names]
        moved = moved or found
    raise InputError(
        f"{model}: images that should be of one camera have different poses ({moved[0].name!r} for one); cameras must "
        "stand still, one image of each registered, as cam00/000000.jpg or cam00.jpg"
        if moved
        else f"{model}: the names of the images do not say whose they are; expected cam00/000000.jpg or cam00.jpg"
    )


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.name


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _moved(first: Camera, other: Camera, extent: float) -> bool:
    turned = math.acos(min(1.0, max(-1.0, (float(np.trace(first.R @ other.R.T)) - 1) / 2)))
    return turned > MOVED or float(np.linalg.norm(first.position - other.position)) > MOVED * extent
