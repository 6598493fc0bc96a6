"""Reading and preparing images and masks (method.md 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import read_regular
from dymap.geometry.camera import Camera

MAX_BYTES = 2**30
MAX_PIXELS = 160_000_000
"""Of one image; the largest sensors have 150 million."""
MAX_PIXELS_PER_BYTE = 1000
"""Of a JPEG; one of a single colour has 340 at most."""
FACE = 100
"""Mask value of face pixels; other foreground is 1, background 0."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One image cropped to what is needed. rgb: [h, w, 3] uint8; mask: [h, w] uint8 (0, 1, FACE); x, y: its corner."""

    rgb: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    x: int
    y: int


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR_RGB) -> NDArray[np.uint8]:
    """[H, W, 3] RGB uint8 (or what `flags` asks for). Raises InputError for missing, truncated and broken files."""
    try:
        data = read_regular(path, MAX_BYTES, "images")
    except FileNotFoundError:
        raise InputError(f"{path}: image is missing") from None
    # Decoders fill what a truncated file lacks with grey and only print a warning, so look for the end marker.
    if data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-64:]:
        raise InputError(f"{path}: JPEG is truncated (no end marker in {len(data)} bytes)")
    if data[:4] == b"\x89PNG" and b"IEND" not in data[-64:]:
        raise InputError(f"{path}: PNG is truncated (no end chunk in {len(data)} bytes)")
    if (size := size_in_header(data)) is None:
        raise InputError(f"{path}: not a readable image ({len(data)} bytes); expected JPEG or PNG")
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(f"{path}: image of {width} x {height} pixels is larger than any camera's")
    if data[:2] == b"\xff\xd8" and width * height > MAX_PIXELS_PER_BYTE * len(data):
        raise InputError(f"{path}: JPEG of {width} x {height} pixels in {len(data)} bytes is truncated or damaged")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: not a readable image ({len(data)} bytes)")
    return np.asarray(image, dtype=np.uint8)


def size_in_header(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG or PNG speaks of, before anything is decoded; None: it is neither."""
    if data[:4] == b"\x89PNG":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    return _jpeg_size(data) if data[:2] == b"\xff\xd8" else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The size in the first frame header, among the segments before the first scan."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(
                data[place + 5 : place + 7], "big"
            )
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            place += 2
        else:
            place += 2 + max(int.from_bytes(data[place + 2 : place + 4], "big"), 2)
    return None


def prepared_camera(camera: Camera, config: CaptureConfig) -> Camera:
    """The camera of the prepared images. Raises InputError for a ratio that leaves no pixels."""
    try:
        return replace(camera.undistorted().scaled(config.ratio), pixel_offset=config.pixel_offset)
    except ValueError as error:
        raise InputError(f"ratio {config.ratio}: {error}") from None


def prepare(
    image: NDArray[np.uint8], mask: NDArray[np.uint8] | None, camera: Camera, ratio: float
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Undistort, resize and blacken the background of one full-size image.

    image: [H, W, 3] RGB; mask: [H, W]; camera: full-size, with its distortion. Returns float32 [h, w, 3] in [0, 1]
    and the mask [h, w]. Colours are interpolated in float32, labels are never interpolated.
    """
    colour = image.astype(np.float32) / np.float32(255)
    if camera.distorted:
        colour = cv2.undistort(colour, camera.K, camera.D).astype(np.float32)
    if mask is not None:
        mask = undistort_labels(mask, camera)
    if ratio != 1.0:
        size = (int(camera.width * ratio), int(camera.height * ratio))
        colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        if mask is not None:
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8)
    if mask is not None:
        colour[mask == 0] = 0
    return colour, mask


def undistort_labels(mask: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    """The mask [H, W] of the undistorted image; labels are taken from the nearest pixel, never mixed."""
    if not camera.distorted:
        return mask
    size = (camera.width, camera.height)
    maps = cv2.initUndistortRectifyMap(camera.K, camera.D, np.eye(3), camera.K, size, cv2.CV_32FC1)
    return cv2.remap(mask, *maps, cv2.INTER_NEAREST).astype(np.uint8)


def edge_band(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """[H, W] pixels within a 5x5 box of the silhouette: dilation minus erosion of the foreground."""
    foreground = (mask != 0).astype(np.uint8)
    box = np.ones((5, 5), np.uint8)
    return cv2.dilate(foreground, box) != cv2.erode(foreground, box)
