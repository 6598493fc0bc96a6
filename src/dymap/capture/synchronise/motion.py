"""How much moves in a video, picture by picture: what cameras of one scene see alike, wherever they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.videos import VideoFile
from dymap.signals import check_ended

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
SIZE = 96
"""Pixels along the longer side in which pictures are compared: noise and the blocks of codecs are averaged away."""
LEAST = 3.0
"""Of 255: smaller differences are noise."""

MaskAt = Callable[[int], Bytes | None]
"""The mask [H, W] of a picture by its number in the video, if there is one."""


@dataclass(frozen=True)
class Motion:
    """Of a video, between each picture and the next.

    times: [n] seconds, halfway between both. amount: [n] mean difference per second. rise: [n] how fast what moves goes
    up, in pixels of small pictures per second: cameras around a person see him turn and walk differently, but jump and
    bend alike.
    """

    times: Floats
    amount: Floats
    rise: Floats


def motion(
    video: VideoFile, seconds: float, mask_at: MaskAt | None = None, up: tuple[float, float] = (0.0, -1.0)
) -> Motion:
    """The motion in a video's first `seconds`, inside the masks if there are any.

    up: direction (column, row) in the picture, of length 1. Raises InputError as pictures do.
    """
    scale = SIZE / max(video.width, video.height)
    size = (max(round(video.width * scale), 1), max(round(video.height * scale), 1))
    last = int(np.searchsorted(video.times, seconds, side="right"))
    before, rows = None, []
    for index in range(last):
        check_ended()
        small = cv2.resize(cv2.cvtColor(video.picture(index), cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        mask = None if mask_at is None else mask_at(index)
        inside = np.ones(small.shape, bool) if mask is None else _small_mask(mask, size)
        if before is not None:
            gap = float(video.times[index] - video.times[index - 1])
            strong = np.maximum(cv2.absdiff(small, before).astype(np.float64) - LEAST, 0) * inside
            flow = cv2.calcOpticalFlowFarneback(before, small, None, 0.5, 3, 15, 2, 5, 1.1, 0)  # type: ignore[call-overload]
            rise = float((strong * (flow @ np.array(up))).sum() / max(strong.sum(), 1e-9))
            rows.append(((video.times[index] + video.times[index - 1]) / 2, strong.mean() / gap, rise / gap))
        before = small
    video.close()
    times, amount, rises = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Motion(times, amount, rises)


def evenly(motion: Motion, rate: float) -> list[Floats]:
    """Both curves, [n] every 1 / rate seconds from time 0 on; NaN before the first and behind the last of its times.

    Amounts are brought to a comparable size (people are nearer to some cameras) by their logarithm. Slow changes are
    taken out, which differ between views as people come nearer.
    """
    times = motion.times
    if len(times) < 2:
        return [np.full(1, np.nan)] * 2
    at = np.arange(int(times[-1] * rate) + 1) / rate
    width = max(round(2.0 * rate), 3)
    curves = []
    for values in (np.log1p(motion.amount / max(float(np.median(motion.amount)), 1e-6)), motion.rise):
        curve = np.interp(at, times, values)
        curve -= np.convolve(np.pad(curve, width, mode="edge"), np.ones(width) / width, mode="same")[width:-width]
        curve[(at < times[0]) | (at > times[-1])] = np.nan
        curves.append(curve)
    return curves


def _small_mask(mask: Bytes, size: tuple[int, int]) -> NDArray[np.bool_]:
    """The foreground and what is next to it, in which it was before."""
    small = cv2.resize((mask != 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return cv2.dilate((small > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
