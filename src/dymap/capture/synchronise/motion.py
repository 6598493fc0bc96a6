"""How much moves in a video, picture by picture: what cameras of one scene see alike, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.videos import VideoFile

Bytes = NDArray[np.uint8]
SIZE = 96
"""Pixels along the longer side in which pictures are compared: noise and the blocks of codecs are averaged away."""
LEAST = 3.0
"""Of 255: smaller differences are noise."""

MaskAt = Callable[[int], Bytes | None]
"""The mask [H, W] of a picture by its number in the video, if there is one."""


def motion(
    video: VideoFile, seconds: float, mask_at: MaskAt | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(times [n], motion [n]) of a video's first `seconds`: the mean difference to the picture before, per second.

    Inside the masks if there are any. Times are halfway between the two pictures. Raises InputError as pictures do.
    """
    scale = SIZE / max(video.width, video.height)
    size = (max(round(video.width * scale), 1), max(round(video.height * scale), 1))
    times, amounts = [], []
    before: NDArray[np.float32] | None = None
    for index in range(int(np.searchsorted(video.times, seconds, side="right"))):
        small = cv2.resize(video.picture(index), size, interpolation=cv2.INTER_AREA).astype(np.float32)
        mask = None if mask_at is None else mask_at(index)
        inside = np.ones(size[::-1], bool) if mask is None else _small_mask(mask, size)
        if before is not None:
            difference = np.abs(small - before).mean(axis=2)
            strong = np.maximum(difference - LEAST, 0)
            gap = float(video.times[index] - video.times[index - 1])
            times.append(float(video.times[index] + video.times[index - 1]) / 2)
            amounts.append(float(strong[inside].sum()) / strong.size / gap)
        before = small
    video.close()
    return np.array(times), np.array(amounts)


def evenly(times: NDArray[np.float64], amounts: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """[n] motion every 1 / rate seconds from time 0 on; NaN before the first and behind the last of `times`.

    Amounts are brought to a comparable size (people are nearer to some cameras) by their logarithm, and slow changes
    are taken out, which differ between views as people come nearer.
    """
    if len(times) < 2:
        return np.full(1, np.nan)
    at = np.arange(int(times[-1] * rate) + 1) / rate
    level = np.log1p(amounts / max(float(np.median(amounts)), 1e-6))
    found = np.interp(at, times, level)
    width = max(round(2.0 * rate), 3)
    kernel = np.ones(width) / width
    found -= np.convolve(np.pad(found, width, mode="edge"), kernel, mode="same")[width:-width]
    found[(at < times[0]) | (at > times[-1])] = np.nan
    return found


def _small_mask(mask: Bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The foreground and what is next to it, in which it was before."""
    small = cv2.resize((mask != 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return cv2.dilate((small > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
