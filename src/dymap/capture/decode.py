"""Image files of strangers: sizes are looked at before memory is taken, nothing unreadable passes as a picture.

    read_image    8-bit RGB, whatever the file holds
    read_alpha    how much a picture's pixels cover, if it says so
    read_pixels   the values as they are, which masks are made of (masks.py)
    read_size     only how large it is

JPEG, PNG, TIFF, WebP and BMP are read with OpenCV; OpenEXR with the library of that name (extra `exr`). Pictures are
turned as their EXIF orientation says, colours and masks alike.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.image_header import (
    alpha_in_header,
    depth_in_header,
    is_exr,
    jpeg_ends,
    orientation_in_header,
    png_ends,
    size_in_header,
)
from dymap.errors import InputError
from dymap.files import read_regular

MAX_BYTES = 2**30
MAX_PIXELS = 160_000_000
"""Of one image; the largest sensors have 150 million."""
MAX_PIXELS_PER_BYTE = 1000
"""Of a JPEG; one of a single colour has 340 at most."""
KINDS = "JPEG, PNG, TIFF, WebP, BMP or EXR"
ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".exr")
"""Of image files, lower case."""

Pixels = NDArray[Any]


def read_image(path: Path, white: int | None = None) -> NDArray[np.uint8]:
    """[H, W, 3] RGB uint8. Raises InputError for missing, truncated and broken files.

    white: the value of white in a file of 16 bits (65535; 1023 or 4095 if the camera's 10 or 12 bits lie at the low
    end). Transparency is left out. Floats of EXR are linear light, those of TIFF are display values in [0, 1].
    """
    return decode_image(path, _bytes(path), white)


def decode_image(path: Path, data: bytes, white: int | None = None) -> NDArray[np.uint8]:
    """As `read_image`, of bytes that `check_image` has looked at; path: where they are from."""
    if depth_in_header(data) == 8:
        return np.asarray(_decode(path, data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    pixels = _colours(decode_pixels(path, data))
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return np.asarray(np.rint(np.minimum(pixels.astype(np.float32) * (255 / (white or 65535)), 255)), np.uint8)
    return _of_floats(path, pixels, linear=is_exr(data))


def read_alpha(path: Path) -> NDArray[np.uint8] | None:
    """[H, W] uint8, 255 where a picture covers; None if it has no transparency, or none but opaque pixels."""
    data = _bytes(path)
    if not alpha_in_header(data) or not has_alpha(pixels := decode_pixels(path, data)):
        return None
    return to_bytes(pixels[..., -1])


def read_pixels(path: Path) -> Pixels:
    """[H, W] or [H, W, 2 to 4] uint8, uint16 or float32 as the file holds them: grey or RGB, alpha behind.

    Raises InputError as `read_image` does.
    """
    return decode_pixels(path, _bytes(path))


def has_alpha(pixels: Pixels) -> bool:
    """Whether pixels [H, W] or [H, W, 2 to 4] have a channel of transparency that says something."""
    if pixels.ndim != 3 or pixels.shape[2] not in (2, 4):
        return False
    alpha = pixels[..., -1]
    return bool((alpha < _white_of(pixels)).any())


def to_bytes(channel: Pixels) -> NDArray[np.uint8]:
    """Values [...] of any depth as 0 to 255."""
    if channel.dtype == np.uint8:
        return channel
    scaled = np.nan_to_num(channel.astype(np.float32)) * (255 / _white_of(channel))
    return np.asarray(np.rint(np.clip(scaled, 0, 255)), np.uint8)


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as `read_image` gives it, without decoding it. Raises InputError as that does."""
    data = _bytes(path)
    width, height = size_in_header(data) or (0, 0)
    return (height, width) if orientation_in_header(data) >= 5 else (width, height)


def is_plain(path: Path) -> bool:
    """Whether every program shows a file as `read_image` does: JPEG or PNG of 8 bits that is not to be turned. Raises
    InputError as `read_image` does."""
    data = _bytes(path)
    return (
        (data[:2] == b"\xff\xd8" or data[:4] == b"\x89PNG")
        and depth_in_header(data) == 8
        and orientation_in_header(data) == 1
    )


def significant_white(paths: list[Path]) -> int | None:
    """The value of white that pictures of 16 bits share: 1023 or 4095 if none of them goes beyond; None for others.

    Cameras of 10 or 12 bits write either the high or the low bits of 16; read wrongly, all would be black.
    """
    highest = 0
    for path in paths:
        data = _bytes(path)
        if depth_in_header(data) == 8:
            return None
        pixels = decode_pixels(path, data)
        if pixels.dtype != np.uint16:
            return None
        highest = max(highest, int(pixels.max()))
    return next((white for white in (1023, 4095) if 255 < highest <= white), None)


def _bytes(path: Path) -> bytes:
    """The file, if it is whole and of a bearable size."""
    try:
        data = read_regular(path, MAX_BYTES, "images")
    except FileNotFoundError:
        raise InputError(f"{path}: image is missing") from None
    return check_image(path, data)


def check_image(path: Path, data: bytes) -> bytes:
    """The bytes of an image file, if they are whole and of a bearable size. Raises InputError that names the path."""
    # Decoders fill what a truncated file lacks with grey and only print a warning, so look for the end marker.
    if data[:2] == b"\xff\xd8" and not jpeg_ends(data):
        raise InputError(f"{path}: JPEG is truncated (no end marker in {len(data)} bytes)")
    if data[:4] == b"\x89PNG" and not png_ends(data):
        raise InputError(f"{path}: PNG is truncated (no end chunk in {len(data)} bytes)")
    if (size := size_in_header(data)) is None:
        raise InputError(f"{path}: not a readable image ({len(data)} bytes); expected {KINDS}")
    width, height = size
    if width * height > MAX_PIXELS:
        raise InputError(f"{path}: image of {width} x {height} pixels is larger than any camera's")
    if data[:2] == b"\xff\xd8" and width * height > MAX_PIXELS_PER_BYTE * len(data):
        raise InputError(f"{path}: JPEG of {width} x {height} pixels in {len(data)} bytes is truncated or damaged")
    return data


def _decode(path: Path, data: bytes, flags: int) -> Pixels:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:
        image = None
    if image is None:
        raise InputError(f"{path}: not a readable image ({len(data)} bytes)")
    return np.asarray(image)


def decode_pixels(path: Path, data: bytes) -> Pixels:
    """As `read_pixels`, of bytes that `check_image` has looked at; path: where they are from, for errors."""
    if is_exr(data):
        return _read_exr(path)
    pixels = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=2)  # OpenCV has blue first
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise InputError(f"{path}: image of {pixels.dtype} values; expected 8 or 16 bits or floats")
    return _turned(pixels, orientation_in_header(data))


def _colours(pixels: Pixels) -> Pixels:
    """[H, W, 3] without transparency; grey becomes three equal channels."""
    if pixels.ndim == 2:
        return np.repeat(pixels[..., None], 3, axis=2)
    return np.repeat(pixels[..., :1], 3, axis=2) if pixels.shape[2] < 3 else pixels[..., :3]


def _of_floats(path: Path, pixels: NDArray[np.float32], linear: bool) -> NDArray[np.uint8]:
    if not np.isfinite(pixels).all():
        raise InputError(f"{path}: floats that are not finite")
    if linear:  # sRGB's curve (IEC 61966-2-1)
        light = np.clip(pixels, 0, 1)
        pixels = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
    elif pixels.max() > 2:
        raise InputError(f"{path}: floats up to {pixels.max():g}; expected 0 to 1. Divide them by their white")
    return np.asarray(np.rint(np.clip(pixels, 0, 1) * 255), np.uint8)


def _white_of(pixels: Pixels) -> float:
    return {"uint8": 255.0, "uint16": 65535.0}.get(str(pixels.dtype), 1.0)


def _read_exr(path: Path) -> Pixels:
    """[H, W] or [H, W, 3 or 4] float32 in linear light; colours are not multiplied by alpha any more."""
    try:
        OpenEXR: Any = importlib.import_module("OpenEXR")
    except ImportError:
        raise InputError(f"{path}: OpenEXR files need the extra exr: pip install 'dymap[exr]'") from None
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = {name: np.asarray(channel.pixels, np.float32) for name, channel in file.channels().items()}
    except Exception as error:  # whatever the library makes of a damaged file
        raise InputError(f"{path}: not a readable image ({error})") from None
    wanted = [name for name in ("R", "G", "B", "A") if name in channels] or [
        name for name in ("Y",) if name in channels
    ]
    if not wanted or wanted in (["R", "G"], ["A"]):
        raise InputError(f"{path}: EXR of channels {', '.join(sorted(channels))[:80]}; expected R, G and B, or Y")
    pixels = np.stack([channels[name] for name in wanted], axis=-1)
    if "A" in wanted:
        alpha = pixels[..., -1:]
        pixels[..., :-1] = np.divide(pixels[..., :-1], alpha, out=np.zeros_like(pixels[..., :-1]), where=alpha > 0)
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """The picture as it is to be looked at (EXIF 2.3, tag 274)."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
