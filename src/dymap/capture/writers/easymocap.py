"""The layout of EasyMocap, written: intri.yml and extri.yml, pictures and masks a folder a camera.

OUT/
  intri.yml extri.yml
  images/CAMERA/000012.jpg    as they were if every program reads them, else .png
  masks/CAMERA/000012.png     255 foreground, 0 background; missing if nothing is known
  vertices/000012.npy         [n, 3] points of the surface, metres, if the capture has any
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from dymap.capture.calibrations.camera import check_name, is_name
from dymap.capture.calibrations.file_storage import Value, write_file_storage
from dymap.capture.calibrations.opencv_yaml import EXTRINSICS, INTRINSICS
from dymap.capture.source import Source
from dymap.capture.writers.pictures import folder_names, write_mask, write_picture
from dymap.errors import InputError
from dymap.files import replacing_folder
from dymap.geometry.camera import Camera
from dymap.progress import Progress


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


def written_names(names: Sequence[str]) -> list[str]:
    """What cameras are called, which their folders are too: as they are, if all names can be folders' and differ."""
    if all(map(is_name, names)) and len({name.lower() for name in names}) == len(names):
        return list(names)
    return folder_names(names)


def write_easymocap(source: Source, out: Path, progress: Progress) -> None:
    """Write a capture to a new folder, which appears when it is whole. Raises InputError, also for what cannot be read.

    Faces in masks become foreground; lenses stay as they are, pictures are not undistorted. Cameras whose names are no
    folders' get others.
    """
    names = written_names([camera.name for camera in source.cameras])
    cameras = [replace(camera, name=name) for camera, name in zip(source.cameras, names, strict=True)]
    total = len(source.frames) * len(source.cameras)
    with replacing_folder(out, "the capture", overwrite=False) as folder:
        write_calibration(folder, cameras)
        for frame, number in enumerate(source.frames):
            for view, camera in enumerate(cameras):
                if source.present(frame, view):
                    name = f"{camera.name}/{number:06d}"
                    write_picture(source, frame, view, folder / "images" / name)
                    write_mask(source, frame, view, folder / f"masks/{name}.png")
                progress(frame * len(cameras) + view + 1, total)
            if source.has_points:
                (folder / "vertices").mkdir(exist_ok=True)
                np.save(folder / "vertices" / f"{number:06d}.npy", source.points(frame), allow_pickle=False)
