"""annots.npy and the files it lists: what the ZJU-MoCap and NHR layouts share (method.md 10)."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from dymap.capture.images import read_image
from dymap.errors import InputError
from dymap.geometry.camera import Camera

Unit = Literal["mm", "m"]

VERTEX_FOLDERS = ("vertices", "new_vertices")


def list_frames(root: Path, annotations: Any) -> tuple[list[tuple[str, ...]], tuple[int, ...]]:
    """Relative image paths [frame][view] and frame numbers. Raises InputError, also for paths that leave the folder."""
    where = root / "annots.npy"
    try:
        rows = [tuple(str(path) for path in row["ims"]) for row in annotations["ims"]]
        views = len(annotations["cams"]["K"])
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(f"{where}: expected {{'cams': ..., 'ims': [{{'ims': paths}}, ...]}} ({error})") from None
    if not rows:
        raise InputError(f"{where}: lists no frames")
    for i, row in enumerate(rows):
        if len(row) != views:
            raise InputError(f"{where}: frame {i} lists {len(row)} images, but there are {views} cameras")
        for path in row:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or "\\" in path or ":" in path:
                raise InputError(f"{where}: image path {path!r} leaves the capture's folder")
    return rows, tuple(_frame_number(row[0], where) for row in rows)


def _frame_number(path: str, where: Path) -> int:
    digits = re.findall(r"\d+", PurePosixPath(path).stem)
    if not digits:
        raise InputError(f"{where}: the name of {path!r} holds no frame number")
    return int(digits[-1])


def read_cameras(root: Path, annotations: Any, first: tuple[Path, ...], unit: Unit) -> tuple[Camera, ...]:
    """Full-size cameras in metres. first: an image of each, for its size; unit: of T. Raises InputError."""
    where = root / "annots.npy"
    cams = annotations["cams"]
    scale = 1000.0 if unit == "mm" else 1.0
    cameras = []
    for view, path in enumerate(first):
        try:
            K, D, R, T = (np.array(cams[key][view], dtype=np.float64) for key in ("K", "D", "R", "T"))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{where}: camera {view} lacks K, D, R or T ({error!r})") from None
        height, width = read_image(path).shape[:2]
        try:
            cameras.append(Camera(K, R, T / scale, width, height, D, name=path.parent.name))
        except ValueError as error:
            raise InputError(f"{where}: {error}") from None
        if abs(np.linalg.det(cameras[-1].R) - 1) > 1e-2:
            raise InputError(f"{where}: R of camera {view} is no rotation (determinant {np.linalg.det(R):.3f})")
    return tuple(cameras)


def mask_path(folder: Path, image: str) -> Path:
    """The PNG in a mask folder that belongs to an image; its path may repeat the image folder's name or not."""
    relative = PurePosixPath(image).with_suffix(".png")
    shorter = PurePosixPath(*relative.parts[1:]) if relative.parts[0] == "images" else relative
    path = folder / shorter
    return path if path.exists() or not (folder / relative).exists() else folder / relative


def find_vertices(root: Path, frames: tuple[int, ...]) -> tuple[Path, ...] | None:
    """A file for each frame, whether it is there or not; None without a folder."""
    folder = next((root / name for name in VERTEX_FOLDERS if (root / name).is_dir()), None)
    if folder is None:
        return None
    padded = [folder / f"{number:06d}.npy" for number in frames]
    plain = [folder / f"{number}.npy" for number in frames]
    return tuple(b if b.exists() and not a.exists() else a for a, b in zip(padded, plain, strict=True))
