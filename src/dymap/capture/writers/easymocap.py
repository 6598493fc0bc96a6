"""The layout of EasyMocap, written: intri.yml and extri.yml, pictures and masks a folder a camera.

OUT/
  intri.yml extri.yml
  images/CAMERA/000012.jpg    as they were if they are such files, else .png
  masks/CAMERA/000012.png     255 foreground, 0 background; missing if nothing is known
  vertices/000012.npy         [n, 3] points of the surface, metres, if the capture has any
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from dymap.capture.calibrations.camera import check_name
from dymap.capture.calibrations.file_storage import Value, write_file_storage
from dymap.capture.calibrations.opencv_yaml import EXTRINSICS, INTRINSICS
from dymap.capture.decode import read_image
from dymap.capture.source import Bytes, Source
from dymap.errors import InputError
from dymap.files import replacing_folder
from dymap.geometry.camera import Camera
from dymap.pictures import png_bytes

Progress = Callable[[int, int], None]
"""Takes what is done, of how much."""

COPIED = (".jpg", ".jpeg", ".png")
"""Endings of files that are copied as they are, if they show what the capture shows."""


def write_calibration(folder: Path, cameras: Sequence[Camera]) -> None:
    """Write intri.yml and extri.yml (opencv_yaml.py) to a folder. Raises InputError for names that are no folder's."""
    names = [check_name(folder / INTRINSICS, camera.name) for camera in cameras]
    if len(set(names)) < len(names):
        raise InputError(f"{folder}: two cameras have one name; expected a folder for each")
    intrinsics: dict[str, Value] = {"names": names}
    extrinsics: dict[str, Value] = {"names": names}
    for camera in cameras:
        K = camera.K.copy()
        K[:2, 2] -= camera.pixel_offset
        intrinsics[f"K_{camera.name}"] = K
        intrinsics[f"D_{camera.name}"] = camera.D.reshape(1, -1)
        if camera.lens != "opencv":
            intrinsics[f"lens_{camera.name}"] = camera.lens
        else:
            intrinsics[f"dist_{camera.name}"] = camera.D.reshape(1, -1)
        intrinsics[f"H_{camera.name}"], intrinsics[f"W_{camera.name}"] = camera.height, camera.width
        extrinsics[f"R_{camera.name}"] = np.asarray(cv2.Rodrigues(camera.R)[0], np.float64).reshape(3, 1)
        extrinsics[f"Rot_{camera.name}"] = camera.R
        extrinsics[f"T_{camera.name}"] = camera.T.reshape(3, 1)
    write_file_storage(folder / INTRINSICS, intrinsics)
    write_file_storage(folder / EXTRINSICS, extrinsics)


def write_easymocap(source: Source, out: Path, progress: Progress) -> None:
    """Write a capture to a new folder, which appears when it is whole. Raises InputError, also for what cannot be read.

    Faces in masks become foreground; lenses stay as they are, pictures are not undistorted.
    """
    total = len(source.frames) * len(source.cameras)
    with replacing_folder(out, "the capture", overwrite=False) as folder:
        write_calibration(folder, source.cameras)
        for frame, number in enumerate(source.frames):
            for view, camera in enumerate(source.cameras):
                if source.present(frame, view):
                    _write_shot(source, frame, view, folder, f"{camera.name}/{number:06d}")
                progress(frame * len(source.cameras) + view + 1, total)
            if source.has_points:
                (folder / "vertices").mkdir(exist_ok=True)
                np.save(folder / "vertices" / f"{number:06d}.npy", source.points(frame), allow_pickle=False)


def _write_shot(source: Source, frame: int, view: int, folder: Path, name: str) -> None:
    picture, mask = source.read(frame, view)
    file = source.files(frame, view)[0]
    if file.suffix.lower() in COPIED and np.array_equal(read_image(file), picture):
        _write(folder / f"images/{name}{file.suffix.lower()}", file.read_bytes())
    else:
        _write(folder / f"images/{name}.png", png_bytes(picture))
    if mask is not None:
        _write(folder / f"masks/{name}.png", _grey_png(np.where(mask != 0, 255, 0).astype(np.uint8)))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _grey_png(mask: Bytes) -> bytes:
    """A mask [H, W] as a PNG of one channel."""
    return cv2.imencode(".png", mask)[1].tobytes()
