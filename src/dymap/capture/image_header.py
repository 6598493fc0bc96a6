"""What the bytes of an image file say before they are decoded: size, depth, orientation, and whether all is there."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np


def size_in_header(data: bytes) -> tuple[int, int] | None:
    """Width and height that an image file speaks of, before anything is decoded; None: it is of no known kind.

    Pixels as they are decoded: a TIFF's are turned by then, those of other files are not (`orientation_in_header`).
    """
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


def jpeg_ends(data: bytes) -> bool:
    """Whether the picture's end marker is there; phones write more behind it. In a scan, 0xFF is never followed by
    0xD9, so that the first one behind the start of the scan is the marker."""
    scan = next((place for marker, place in _jpeg_segments(data) if marker == 0xDA), None)
    return data.find(b"\xff\xd9", 2 if scan is None else scan) >= 0


def png_ends(data: bytes) -> bool:
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
    """Of the picture as OpenCV decodes it, which follows a TIFF's orientation."""
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page: Any = file.pages[0]
            width, height = int(page.tags["ImageWidth"].value), int(page.tags["ImageLength"].value)
            orientation = page.tags.get("Orientation")
            turned = orientation is not None and orientation.value in range(5, 9)
            return (height, width) if turned else (width, height)
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


def depth_in_header(data: bytes) -> int:
    """8 if each value is surely a byte at most, else 16."""
    if data[:4] == b"\x89PNG":
        return 16 if data[24:25] == b"\x10" else 8
    return 16 if is_exr(data) or data[:2] in (b"II", b"MM") else 8


def alpha_in_header(data: bytes) -> bool:
    """Whether a picture may have transparency: no JPEG has any, and a PNG says so before its pixels."""
    if data[:4] == b"\x89PNG":
        plain = data[25:26] in (b"\x00", b"\x02", b"\x03")  # grey, RGB, palette
        return not plain or data.find(b"tRNS", 0, max(data.find(b"IDAT"), 0)) >= 0
    return data[:2] != b"\xff\xd8"


def orientation_in_header(data: bytes) -> int:
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


def is_exr(data: bytes) -> bool:
    """Whether the bytes begin as OpenEXR files do."""
    return data[:4] == b"\x76\x2f\x31\x01"
