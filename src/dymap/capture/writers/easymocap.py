"""Writing the layout of EasyMocap: intri.yml and extri.yml beside images/CAMERA/FRAME.jpg."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dymap.errors import InputError
from dymap.files import replacing
from dymap.geometry.camera import Array, Camera

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
"""Of a camera, as a folder and as part of a key."""


def write_calibration(folder: Path, cameras: Sequence[Camera]) -> None:
    """Write `intri.yml` (names, K, dist, H, W) and `extri.yml` (names, R, Rot, T in metres).

    Raises InputError for names that are no folder's and for fisheye lenses, which the layout does not know.
    """
    for camera in cameras:
        if not NAME.fullmatch(camera.name):
            raise InputError(f"{folder}: camera {camera.name!r}: names to write have letters, digits, _, - and .")
        if camera.lens != "opencv":
            raise InputError(
                f"{folder}: camera {camera.name!r} has a fisheye lens, which EasyMocap has not; undistort it"
            )
    names = "names:\n" + "".join(f'  - "{camera.name}"\n' for camera in cameras)
    intrinsics, extrinsics = [names], [names]
    for camera in cameras:
        intrinsics += [
            _matrix(f"K_{camera.name}", camera.K),
            _matrix(f"dist_{camera.name}", camera.D[None]),
            f"H_{camera.name}: {camera.height}\n",
            f"W_{camera.name}: {camera.width}\n",
        ]
        extrinsics += [
            _matrix(f"R_{camera.name}", np.asarray(cv2.Rodrigues(camera.R)[0], np.float64)),
            _matrix(f"Rot_{camera.name}", camera.R),
            _matrix(f"T_{camera.name}", camera.T[:, None]),
        ]
    for name, parts in (("intri.yml", intrinsics), ("extri.yml", extrinsics)):
        with replacing(folder / name) as partial:
            partial.write_text("%YAML:1.0\n---\n" + "".join(parts))


def _matrix(key: str, values: Array) -> str:
    rows, columns = values.shape
    data = ", ".join(repr(float(value)) for value in np.asarray(values).reshape(-1))
    return f"{key}: !!opencv-matrix\n  rows: {rows}\n  cols: {columns}\n  dt: d\n  data: [{data}]\n"
