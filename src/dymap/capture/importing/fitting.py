"""A calibration that was made at another size than the videos have: how the pictures were brought to that size.

    whole    made smaller or larger as they are, columns and rows each by their own factor
    bars     by one factor until all of them fits, with black bars beside or above
    cut      by one factor until they fill the video, what sticks out cut away on both sides alike

If the shape stays the same, all three are one. Bars that are seen in the video are certain; else a person has to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from dymap.capture.source import Bytes
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera

Fit = Literal["whole", "bars", "cut"]
BLACK = 24.0
"""Of 255: bars are darker on average, what lies beside them brighter."""


def fitted(camera: Camera, video: VideoFile, how: Fit | None, what: str) -> tuple[Camera, str]:
    """The camera at the size of its video, and a sentence if that was not simply so.

    how: None: only what is certain. what: the calibration, for errors. Raises InputError if nobody says how.
    """
    size, calibrated = (video.width, video.height), (camera.width, camera.height)
    if size == calibrated:
        return camera, ""
    sizes = f"{calibrated[0]} x {calibrated[1]}, {video.path.name} is {size[0]} x {size[1]}"
    if how is None:
        factor = min(size[0] / calibrated[0], size[1] / calibrated[1])
        bars = (np.array(size) - factor * np.array(calibrated)) / 2  # columns at each side, rows above and below
        seen = has_bars(video.picture(0), bars)
        video.close()
        if not seen:
            turned = ", the same turned" if calibrated[::-1] == size else ""
            raise InputError(
                f"{what}: camera {camera.name!r} was calibrated at {sizes}{turned}; say how the video was made of such "
                "pictures with --scale-calibration whole, bars or cut, or calibrate with pictures of the videos"
            )
        around = f"{bars[0]:.1f} columns at each side" if bars[0] > bars[1] else f"{bars[1]:.1f} rows above and below"
        told = f"{camera.name}: calibrated at {sizes} with black bars ({around}): K is scaled by {factor:.4f}"
        return scaled(camera, size, "bars"), told
    return scaled(camera, size, how), f"{camera.name}: calibrated at {sizes}: K is scaled ({how})"


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


def has_bars(picture: Bytes, bars: np.ndarray) -> bool:
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
