"""Colours of decoded video frames: from YUV of any matrix, range and depth to [H, W, 3] RGB as pictures have it.

What the file says of its colours is taken (ITU-T H.273). If it says nothing: BT.709 for pictures of 720 rows or 1280
columns and more, BT.601 for smaller ones, limited range. High dynamic range and wide gamuts come out as BT.709.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.dynamic_range import Primaries, Transfer, to_bt709

Bytes = NDArray[np.uint8]

TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
"""By their numbers in H.273; all others are of standard range."""
PRIMARIES: dict[int, Primaries] = {9: "bt2020", 12: "p3"}
"""By their numbers in H.273; those of all others are taken for BT.709's, from which they hardly differ."""

BT709, BT601, BT2020 = 1, 5, 9
"""Matrices, as swscale counts them."""
MATRICES = {1: BT709, 4: 4, 5: BT601, 6: BT601, 7: 7, 9: BT2020, 10: BT2020}
"""From numbers in H.273."""
LIMITED, FULL = 1, 2
"""Ranges: black and white are 16 and 235 of 255, or 0 and 255."""

BICUBIC, FULL_CHROMA, ACCURATE = 0x4, 0x2000 | 0x4000, 0x40000
"""swscale's ways: chroma is interpolated, and nothing is rounded before the end."""


def transfer_of(frame: Any) -> Transfer:
    """What the numbers of a frame mean as light."""
    return TRANSFERS.get(int(frame.color_trc), "sdr")


def primaries_of(frame: Any) -> Primaries:
    """The primaries of a frame's colours; those of high dynamic range are BT.2020's if nothing is said."""
    unsaid: Primaries = "bt709" if transfer_of(frame) == "sdr" else "bt2020"
    return PRIMARIES.get(int(frame.color_primaries), "bt709" if int(frame.color_primaries) == 1 else unsaid)


def rgb(frame: Any) -> Bytes:
    """[H, W, 3] RGB of a decoded frame (av.VideoFrame), not turned."""
    transfer, primaries = transfer_of(frame), primaries_of(frame)
    if transfer == "sdr" and primaries == "bt709":
        return _reformatted(frame, "rgb24", BICUBIC | FULL_CHROMA | ACCURATE)
    signal = _reformatted(frame, "rgb48le", BICUBIC | ACCURATE)  # with FULL_CHROMA, swscale 9 writes noise
    return to_bt709(signal, transfer, primaries)


def _reformatted(frame: Any, target: str, how: int) -> NDArray[Any]:
    matrix, full = _matrix(frame), _is_full(frame)
    done = frame.reformat(
        format=target,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=FULL if full else LIMITED,
        dst_color_range=FULL,
        interpolation=how,
    )
    return np.asarray(done.to_ndarray())


def _matrix(frame: Any) -> int:
    large = frame.height >= 720 or frame.width >= 1280
    return MATRICES.get(int(frame.colorspace), BT709 if large else BT601)


def _is_full(frame: Any) -> bool:
    name = frame.format.name
    return name.startswith("yuvj") or bool(frame.format.is_rgb) or int(frame.color_range) == FULL
