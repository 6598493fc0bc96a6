"""A calibration that was made at another size than the videos have: how the pictures were brought to that size.

    whole    made smaller or larger as they are, columns and rows each by their own factor
    bars     by one factor until all of them fits, with black bars beside or above
    cut      by one factor until they fill the video, what sticks out cut away on both sides alike

If the shape stays the same, all three are one, which is certain, as bars are that are seen; else a person has to say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera

Fit = Literal["whole", "bars", "cut"]
BLACK = 24.0
"""Of 255: bars are darker on average, what lies beside them brighter."""


def fitted(camera: Camera, video: VideoFile, how: Fit | None, what: str) -> tuple[Camera, str]:
    """The camera at the size of its video, and a sentence if that was not simply so.

    how: None: only what is certain. what: the calibration, for errors. Raises InputError if nobody can tell.
    """
    size, calibrated = (video.width, video.height), (camera.width, camera.height)
    if size == calibrated:
        return camera, ""
    sizes = f"{calibrated[0]} x {calibrated[1]}, {video.path.name} is {size[0]} x {size[1]}"
    how = how or certain(size, calibrated, lambda: video.picture(0))
    video.close()
    if how is None:
        turned = "the same turned" if calibrated[::-1] == size else "another shape"
        raise InputError(
            f"{what}: camera {camera.name!r} was calibrated at {sizes}, {turned}; say how the video was made of such "
            "pictures with --scale-calibration whole, bars or cut, or calibrate with pictures of the videos"
        )
    found = scaled(camera, size, how)
    factor = found.K[1, 1] / camera.K[1, 1]
    names = {"whole": "as a whole", "bars": "fitted in with black bars", "cut": "filled, the rest cut away"}
    return found, f"{camera.name}: calibrated at {sizes}, {names[how]}: K is scaled by {factor:.4f}"


def certain(size: tuple[int, int], calibrated: tuple[int, int], first: Callable[[], Bytes]) -> Fit | None:
    """How pictures were brought to their size (width, height), if their shape or black bars in them say it.

    first: the first picture [H, W, 3], which is asked for only if it is needed.
    """
    if abs(size[0] * calibrated[1] - size[1] * calibrated[0]) <= max(size):
        return "whole"
    factor = min(size[0] / calibrated[0], size[1] / calibrated[1])
    bars = (np.array(size) - factor * np.array(calibrated)) / 2  # columns at each side, rows above and below
    return "bars" if has_bars(first(), bars) else None


def scaled(camera: Camera, size: tuple[int, int], how: Fit) -> Camera:
    """The camera of pictures that were brought to `size` (width, height) about their middle."""
    factors = np.array([size[0] / camera.width, size[1] / camera.height])
    if how != "whole":
        factors[:] = factors.min() if how == "bars" else factors.max()
    K = camera.K.copy()
    K[:2] *= factors[:, None]
    # Centres are at integers: the middle of a picture of width w is at (w - 1) / 2.
    before, after = (np.array([camera.width, camera.height]) - 1) / 2, (np.array(size) - 1) / 2
    K[:2, 2] += after - factors * before
    return replace(camera, K=K, width=size[0], height=size[1])


def has_bars(picture: Bytes, bars: NDArray[np.float64]) -> bool:
    """Whether a picture [H, W, 3] has black bars of so many columns at each side and rows above and below."""
    axis = 1 if bars[0] > bars[1] else 0
    width = float(bars[1 - axis])
    if width < 1.5:
        return False
    lines = picture.mean(axis=(2, 1 - axis))  # [H] or [W]
    inner, outer = int(np.ceil(width)) + 1, int(width)
    dark = max(float(lines[:outer].max()), float(lines[-outer:].max()))
    beside = min(float(lines[inner : 2 * inner].mean()), float(lines[-2 * inner : -inner].mean()))
    return dark < BLACK <= beside
