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
import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
    data = _bytes(path)
    if _depth(data) == 8:
        return np.asarray(_decode(path, data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    pixels = _colours(_pixels(path, data))
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.uint16:
        return np.asarray(np.rint(np.minimum(pixels.astype(np.float32) * (255 / (white or 65535)), 255)), np.uint8)
    return _of_floats(path, pixels, linear=is_exr(data))


def read_alpha(path: Path) -> NDArray[np.uint8] | None:
    """[H, W] uint8, 255 where a picture covers; None if it has no transparency, or none but opaque pixels."""
    pixels = read_pixels(path)
    if not has_alpha(pixels):
        return None
    return to_bytes(pixels[..., -1])


def read_pixels(path: Path) -> Pixels:
    """[H, W] or [H, W, 2 to 4] uint8, uint16 or float32 as the file holds them: grey or RGB, alpha behind.

    Raises InputError as `read_image` does.
    """
    return _pixels(path, _bytes(path))


def has_alpha(pixels: Pixels) -> bool:
    """Whether there is a channel of transparency that says something."""
    if pixels.ndim != 3 or pixels.shape[2] not in (2, 4):
        return False
    alpha = pixels[..., -1]
    return bool((alpha < _white_of(pixels)).any())


def to_bytes(channel: Pixels) -> NDArray[np.uint8]:
    """Values of any depth as 0 to 255."""
    if channel.dtype == np.uint8:
        return channel
    scaled = np.nan_to_num(channel.astype(np.float32)) * (255 / _white_of(channel))
    return np.asarray(np.rint(np.clip(scaled, 0, 255)), np.uint8)


def read_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as `read_image` gives it, without decoding it. Raises InputError as that does."""
    data = _bytes(path)
    width, height = size_in_header(data) or (0, 0)
    return (height, width) if _orientation(data) >= 5 else (width, height)


def is_plain(path: Path) -> bool:
    """Whether every program shows a file as `read_image` does: JPEG or PNG of 8 bits that is not to be turned. Raises
    InputError as `read_image` does."""
    data = _bytes(path)
    return (data[:2] == b"\xff\xd8" or data[:4] == b"\x89PNG") and _depth(data) == 8 and _orientation(data) == 1


def significant_white(paths: list[Path]) -> int | None:
    """The value of white that pictures of 16 bits share: 1023 or 4095 if none of them goes beyond; None for others.

    Cameras of 10 or 12 bits write either the high or the low bits of 16; read wrongly, all would be black.
    """
    highest = 0
    for path in paths:
        data = _bytes(path)
        if _depth(data) == 8:
            return None
        pixels = _pixels(path, data)
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
    # Decoders fill what a truncated file lacks with grey and only print a warning, so look for the end marker.
    if data[:2] == b"\xff\xd8" and not _jpeg_ends(data):
        raise InputError(f"{path}: JPEG is truncated (no end marker in {len(data)} bytes)")
    if data[:4] == b"\x89PNG" and not _png_ends(data):
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


def _pixels(path: Path, data: bytes) -> Pixels:
    if is_exr(data):
        return _read_exr(path)
    pixels = _decode(path, data, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] in (3, 4):
        pixels = np.concatenate([pixels[..., 2::-1], pixels[..., 3:]], axis=2)  # OpenCV has blue first
    if pixels.dtype == np.float64:
        pixels = pixels.astype(np.float32)
    if pixels.dtype not in (np.uint8, np.uint16, np.float32):
        raise InputError(f"{path}: image of {pixels.dtype} values; expected 8 or 16 bits or floats")
    return _turned(pixels, _orientation(data))


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


def is_exr(data: bytes) -> bool:
    return data[:4] == b"\x76\x2f\x31\x01"


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


def size_in_header(data: bytes) -> tuple[int, int] | None:
    """Width and height that an image file speaks of, before anything is decoded; None: it is of no known kind."""
    if data[:4] == b"\x89PNG":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    if is_exr(data):
        return _exr_size(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff_size(data)
    if data[:2] == b"BM" or (data[:4] == b"RIFF" and data[8:12] == b"WEBP"):
        return _size_by_pillow(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """The size in the first frame header, among the segments before the first scan."""
    for marker, place in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and place + 9 <= len(data):
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(
                data[place + 5 : place + 7], "big"
            )
    return None


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    """Markers and their places up to the first scan's, that included."""
    place, found = 2, []
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        found.append((marker, place))
        if marker == 0xDA:
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # without a length
            place += 2
        else:
            place += 2 + max(int.from_bytes(data[place + 2 : place + 4], "big"), 2)
    return found


def _jpeg_ends(data: bytes) -> bool:
    """Whether the picture's end marker is there; phones write more behind it. In a scan, 0xFF is never followed by
    0xD9, so that the first one behind the start of the scan is the marker."""
    scan = next((place for marker, place in _jpeg_segments(data) if marker == 0xDA), None)
    return data.find(b"\xff\xd9", 2 if scan is None else scan) >= 0


def _png_ends(data: bytes) -> bool:
    """Whether the end chunk is there, whatever stands behind it."""
    place = 8
    while place + 12 <= len(data):
        if data[place + 4 : place + 8] == b"IEND":
            return True
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    return False


def _exr_size(data: bytes) -> tuple[int, int] | None:
    place = data.find(b"dataWindow\0box2i\0", 0, 65536)
    if place < 0:
        return None
    corners = np.frombuffer(data[place + 21 : place + 37], "<i4").astype(np.int64)
    return (int(corners[2] - corners[0] + 1), int(corners[3] - corners[1] + 1)) if len(corners) == 4 else None


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page: Any = file.pages[0]
            return int(page.tags["ImageWidth"].value), int(page.tags["ImageLength"].value)
    except Exception:  # whatever the library makes of a damaged file
        return None


def _size_by_pillow(data: bytes) -> tuple[int, int] | None:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs: sizes are looked at by us
            return Image.open(io.BytesIO(data), formats=["WEBP", "BMP"]).size
    except Exception:
        return None


def _depth(data: bytes) -> int:
    """8 if each value is surely a byte at most, else 16."""
    if data[:4] == b"\x89PNG":
        return 16 if data[24] == 16 else 8
    return 16 if is_exr(data) or data[:2] in (b"II", b"MM") else 8


def _orientation(data: bytes) -> int:
    """EXIF's orientation, 1 to 8; 1: as it is."""
    if data[:2] in (b"II", b"MM") or not any(mark in data for mark in (b"Exif", b"eXIf", b"EXIF")):  # TIFF: is turned
        return 1
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = Image.open(io.BytesIO(data)).getexif().get(0x0112, 1)
    except Exception:  # nothing but an orientation is asked for, and OpenCV has decoded the picture
        return 1
    return value if value in range(1, 9) else 1


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """The picture as it is to be looked at (EXIF 2.3, tag 274)."""
    if orientation >= 5:
        pixels = np.swapaxes(pixels, 0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
