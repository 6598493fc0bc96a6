"""Pictures and masks as files that every program reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from dymap.capture.decode import ENDINGS, is_plain, read_image
from dymap.capture.images import undistort_labels
from dymap.capture.source import Bytes, Source
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort
from dymap.pictures import png_bytes, to_bytes

STRANGE = re.compile(r"[^\w.-]+")


def folder_names(names: Sequence[str]) -> list[str]:
    """A folder for each camera: its name, as far as a folder can have it and all differ; else its position."""
    tame = [STRANGE.sub("_", name).strip(".")[:100] for name in names]
    if all(tame) and len({name.lower() for name in tame}) == len(tame):
        return tame
    return [f"{view:02d}" for view in range(len(names))]


def write_picture(source: Source, frame: int, view: int, stem: Path, ideal: Camera | None = None) -> Path:
    """Write a picture to `stem` with its ending, which is returned with it. Raises InputError if it cannot be read.

    A file that shows the same to every program is copied as it is; all else becomes PNG. ideal: the camera of the
    picture that is written, without distortion; default: as it was filmed.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    picture, camera = source.picture(frame, view), source.cameras[view]
    file = source.files(frame, view)[0]
    if ideal is not None:
        colours = picture.astype(np.float32) / np.float32(255)
        picture = to_bytes(undistort(colours, camera.K, camera.D, camera.lens, ideal.K))
    elif file.suffix.lower() in ENDINGS and is_plain(file) and np.array_equal(read_image(file), picture):
        path = stem.with_name(stem.name + file.suffix.lower())
        path.write_bytes(file.read_bytes())
        return path
    path = stem.with_name(f"{stem.name}.png")
    path.write_bytes(png_bytes(picture))
    return path


def write_mask(source: Source, frame: int, view: int, path: Path, ideal: Camera | None = None) -> bool:
    """Write a mask as PNG, 255 foreground and 0 background; False: the picture has none. Raises InputError if it
    cannot be read. ideal: as in `write_picture`."""
    if not source.masked(frame, view) or (mask := source.mask(frame, view)) is None:
        return False
    if ideal is not None:
        mask = undistort_labels(mask, source.cameras[view], ideal)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_grey_png(np.where(mask != 0, 255, 0).astype(np.uint8)))
    return True


def _grey_png(mask: Bytes) -> bytes:
    return cv2.imencode(".png", mask)[1].tobytes()
