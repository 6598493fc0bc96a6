"""When each camera began, found by comparing the cameras: by sound if all have it, else by what moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dymap.capture.synchronise.delay import Delay, best_motion, motion_scores, sound_delay
from dymap.capture.synchronise.motion import MaskAt, Motion, evenly, motion
from dymap.capture.synchronise.sound import RATE, read_sound
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.geometry.camera import Camera, up_direction
from dymap.progress import Progress
from dymap.signals import in_order, threads

SOUND_SECONDS, SOUND_LONGEST = 300.0, 240.0
"""Of each recording that are heard, and the longest delay."""
SOUND_LEAST, SILENCE = 1.0, 2 / 32768
"""Seconds of each recording that are louder than digital silence. A click in a dead track resembles any other one."""
MOTION_SECONDS, MOTION_LONGEST = 60.0, 30.0
"""Of each recording that are seen, and the longest delay."""
MOTION_SHORTEST = 3.0
"""Seconds; what shorter recordings show of a movement differs by a frame or two from view to view."""
SURE: dict[str, float] = {"sound": 15.0, "motion": 4.5}
"""Confidences from which a delay is believed: recordings that have nothing in common reach 10 and 4, those of one scene
begin at 50 and 5 (tests/capture/test_synchronise.py)."""


@dataclass(frozen=True)
class Offset:
    """seconds: by which a camera began after the first one. by: what told so: sound, motion, a file, or itself, of the
    first camera. confidence: of sound and motion, see `Delay`; else 0."""

    seconds: float
    by: str
    confidence: float


def find_offsets(
    videos: Sequence[VideoFile],
    cameras: Sequence[Camera],
    masks: Sequence[MaskAt | None],
    progress: Progress,
    workers: int,
) -> list[Offset]:
    """When each camera began, against the first one. Raises InputError that names the cameras of which nothing is sure.

    masks: for each video the masks inside which motion counts, if it has any. workers: threads that decode.
    """
    if len(videos) == 1:
        return [Offset(0.0, "itself", 0.0)]
    by, delays = "none", [Delay(0.0, 0.0)] * len(videos)
    if all(video.has_audio for video in videos):
        by, delays = "sound", by_sound(videos, progress)
    if by == "none" or any(delay.confidence < SURE["sound"] for delay in delays[1:]):
        by, delays = "motion", by_motion(videos, cameras, masks, progress, workers)
    if unsure := [view for view in range(1, len(videos)) if delays[view].confidence < SURE[by]]:
        guesses = ", ".join(
            f"{cameras[view].name!r} ({delays[view].seconds:+.3f} s, confidence {delays[view].confidence:.1f} of "
            f"{SURE[by]:g} needed)"
            for view in unsure[:4]
        )
        raise InputError(
            f"{videos[unsure[0]].path}: when its camera began cannot be told by {by}: {guesses}; say it in a file with "
            "--offsets FILE"
        )
    rest = [Offset(delay.seconds, by, delay.confidence) for delay in delays[1:]]
    return [Offset(0.0, "itself", 0.0), *rest]


def by_sound(videos: Sequence[VideoFile], progress: Progress) -> list[Delay]:
    """The delay of each video against the first, one at a time: comparing five minutes takes 700 MB."""
    first, found = _heard(videos[0]), [Delay(0.0, 0.0)]
    for video in videos[1:]:
        other = _heard(video)
        audible = min(audible_seconds(first), audible_seconds(other)) >= SOUND_LEAST
        found.append(sound_delay(first, other, RATE, SOUND_LONGEST) if audible else Delay(0.0, 0.0))
        progress(len(found), len(videos))
    return found


def by_motion(
    videos: Sequence[VideoFile],
    cameras: Sequence[Camera],
    masks: Sequence[MaskAt | None],
    progress: Progress,
    workers: int,
) -> list[Delay]:
    """The delay of each video against the first.

    Neighbours see the same motion, opposite cameras another one of the same person: the two cameras that agree best
    come first, then always the one that agrees best with all that were placed before.
    """
    short = min(videos, key=lambda video: video.duration)
    if short.duration < MOTION_SHORTEST:
        raise InputError(
            f"{short.path}: {short.duration:.1f} seconds are too short to tell from what moves when its camera began; "
            f"{MOTION_SHORTEST:g} are needed, ten are better; give --offsets FILE"
        )
    rate = 4 * max(video.fps for video in videos)
    ups, curves = up_in_pictures(cameras), []

    def seen(view: int) -> Motion:
        return motion(videos[view], MOTION_SECONDS, masks[view], ups[view])

    with threads(workers) as pool:
        for _, one in in_order(pool, range(len(videos)), seen, len(videos)):
            curves.append(evenly(one, rate))
            progress(len(curves), len(videos))
    most = int(MOTION_LONGEST * rate)
    lags = np.arange(-most, most + 1)

    def scores(a: int, b: int) -> NDArray[np.float64]:
        both = [motion_scores(x, y, rate, MOTION_LONGEST)[1] for x, y in zip(curves[a], curves[b], strict=True)]
        total = np.full(len(lags), np.nan)
        middle, half = len(lags) // 2, len(both[0]) // 2
        total[middle - half : middle + half + 1] = (both[0] + both[1]) / np.sqrt(2)
        return total

    views = range(len(videos))
    pairs = {(a, b): scores(a, b) for a in views for b in views if a < b}
    first = max(pairs, key=lambda pair: best_motion(lags, pairs[pair], rate).confidence)
    found = {first[0]: Delay(0.0, best_motion(lags, pairs[first], rate).confidence)}
    while left := [view for view in views if view not in found]:
        best = {}
        for view in left:
            # A pair's scores, against the time of the first: of (a, b) at the lag of b behind a.
            shifted = np.stack(
                [
                    np.interp(
                        lags - found[other].seconds * rate,
                        lags,
                        pairs[other, view] if other < view else pairs[view, other][::-1],
                        left=np.nan,
                        right=np.nan,
                    )
                    for other in found
                ]
            )
            count = np.isfinite(shifted).sum(axis=0)
            mean = np.where(count > 0, np.nansum(shifted, axis=0) / np.sqrt(np.maximum(count, 1)), np.nan)
            best[view] = best_motion(lags, mean, rate)
        surest = max(best, key=lambda view: best[view].confidence)
        found[surest] = best[surest]
    return [Delay(found[view].seconds - found[0].seconds, found[view].confidence) for view in views]


def up_in_pictures(cameras: Sequence[Camera]) -> list[tuple[float, float]]:
    """Where up is in each picture (column, row), of length 1; as the picture has it if the camera looks up or down."""
    up = up_direction(cameras)
    found = []
    for camera in cameras:
        column, row, _ = camera.R @ up
        length = float(np.hypot(column, row))
        found.append((float(column / length), float(row / length)) if length > 0.2 else (0.0, -1.0))
    return found


def audible_seconds(sound: NDArray[np.float64]) -> float:
    """Of [n] samples: how long it is anything but silent, in steps of 20 ms."""
    step = RATE // 50
    blocks = np.pad(sound, (0, -len(sound) % step)).reshape(-1, step)
    return float((np.abs(blocks).max(axis=1) > SILENCE).sum() / 50)


def _heard(video: VideoFile) -> NDArray[np.float64]:
    return read_sound(video.path, video.begin, min(SOUND_SECONDS, video.duration))
