"""ZJU-MoCap, refined cameras (method.md 10).

annots.npy               cams: K, D, R, T (millimetres); ims: relative paths for each frame and camera
images/00/000000.jpg     older: Camera_B1/000000.jpg
schp/00/000000.png       20-label palette; older: mask_cihp/Camera_B1/000000.png, label ids
vertices/000000.npy      [n, 3] metres; or vertices/0.npy; older: new_vertices/
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.capture import Source
from dymap.capture.images import FACE, read_image
from dymap.capture.pickles import load_annotations
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.geometry.camera import Camera

FACE_LABELS = (2, 10, 13)
MASK_FOLDERS = ("schp", "mask_cihp", "mask")
VERTEX_FOLDERS = ("vertices", "new_vertices")


def matches(root: Path) -> bool:
    """Whether a folder looks like this layout."""
    return (root / "annots.npy").is_file()


def read(root: Path, config: CaptureConfig) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames = _frames(root, annotations)
    images = tuple(tuple(root / path for path in row) for row in paths)
    cameras = _cameras(root, annotations, images[0], config)
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = None
    read_mask = read_label_ids
    if folder is not None:
        masks = tuple(tuple(_mask_path(root / folder, path) for path in row) for row in paths)
        read_mask = read_palette if folder == "schp" else read_label_ids
    return Source("zjumocap", root, cameras, frames, images, masks, read_mask, _vertices(root, frames))


def palette(labels: int = 20) -> NDArray[np.uint8]:
    """[labels, 3] RGB of the Pascal-VOC colour map: bits 3k, 3k+1, 3k+2 of a label are bit 7-k of R, G, B."""
    label = np.arange(labels)
    colours = np.zeros((labels, 3), np.uint8)
    for k in range(8):
        for channel in range(3):
            colours[:, channel] |= (((label >> (3 * k + channel)) & 1) << (7 - k)).astype(np.uint8)
    return colours


def read_palette(path: Path) -> NDArray[np.uint8]:
    """A mask in palette colours -> [H, W]: 0 black, FACE for face labels, 1 anything else."""
    rgb = read_image(path)
    mask = np.asarray(rgb.any(axis=-1), dtype=np.uint8)
    for colour in palette()[list(FACE_LABELS)]:
        mask[(rgb == colour).all(axis=-1)] = FACE
    return mask


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """A mask of label ids -> [H, W]: 1 where any channel is not zero."""
    ids = read_image(path, cv2.IMREAD_UNCHANGED)
    return (ids if ids.ndim == 2 else ids[..., :3].any(axis=-1)).astype(bool).astype(np.uint8)


def _frames(root: Path, annotations: Any) -> tuple[list[tuple[str, ...]], tuple[int, ...]]:
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


def _cameras(root: Path, annotations: Any, first: tuple[Path, ...], config: CaptureConfig) -> tuple[Camera, ...]:
    where = root / "annots.npy"
    cams = annotations["cams"]
    scale = 1000.0 if config.unit == "mm" else 1.0
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


def _mask_path(folder: Path, image: str) -> Path:
    relative = PurePosixPath(image).with_suffix(".png")
    shorter = PurePosixPath(*relative.parts[1:]) if relative.parts[0] == "images" else relative
    path = folder / shorter
    return path if path.exists() or not (folder / relative).exists() else folder / relative


def _vertices(root: Path, frames: tuple[int, ...]) -> tuple[Path, ...] | None:
    folder = next((root / name for name in VERTEX_FOLDERS if (root / name).is_dir()), None)
    if folder is None:
        return None
    padded = [folder / f"{number:06d}.npy" for number in frames]
    plain = [folder / f"{number}.npy" for number in frames]
    return tuple(b if b.exists() and not a.exists() else a for a, b in zip(padded, plain, strict=True))
