"""When each camera began, found by comparing the cameras: by sound if all have it, else by what moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dymap.capture.synchronise.delay import Delay, best_motion, motion_scores, sound_delay
from dymap.capture.synchronise.motion import MaskAt, evenly, motion
from dymap.capture.synchronise.sound import RATE, read_sound
from dymap.capture.videos import VideoFile
from dymap.errors import InputError

SOUND_SECONDS, SOUND_LONGEST = 300.0, 240.0
"""Of each recording that are heard, and the longest delay."""
MOTION_SECONDS, MOTION_LONGEST = 60.0, 30.0
"""Of each recording that are seen, and the longest delay."""
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
    names: Sequence[str],
    masks: Sequence[MaskAt | None],
    progress: Callable[[int, int], None],
    threads: int,
) -> list[Offset]:
    """When each camera began, against the first one. Raises InputError that names the cameras of which nothing is sure.

    masks: for each video the masks inside which motion counts, if it has any.
    """
    found = {0: Offset(0.0, "itself", 0.0)}
    doubtful: dict[int, Offset] = {}
    for by, compare in (("sound", by_sound), ("motion", by_motion)):
        views = [view for view in range(1, len(videos)) if view not in found]
        if not views or (by == "sound" and not all(video.has_audio for video in videos)):
            continue
        for view, delay in compare(videos, views, masks, progress, threads):
            offset = Offset(delay.seconds, by, delay.confidence)
            (found if delay.confidence >= SURE[by] else doubtful)[view] = offset
    if unsure := [view for view in range(len(videos)) if view not in found]:
        guesses = ", ".join(
            f"{names[view]!r} ({doubtful[view].seconds:+.3f} s by {doubtful[view].by}, confidence "
            f"{doubtful[view].confidence:.1f} of {SURE[doubtful[view].by]:g} needed)"
            for view in unsure[:4]
        )
        raise InputError(
            f"{videos[unsure[0]].path}: when its camera began cannot be told from what is heard and moves: {guesses}, "
            f"against {names[0]!r}; say it in a file with --offsets FILE"
        )
    return [found[view] for view in range(len(videos))]


def by_sound(
    videos: Sequence[VideoFile],
    views: Sequence[int],
    masks: Sequence[MaskAt | None],  # noqa: ARG001
    progress: Callable[[int, int], None],
    threads: int,  # noqa: ARG001
) -> Iterator[tuple[int, Delay]]:
    """(view, delay) of some videos against the first, one at a time: five minutes' spectra take 200 MB."""
    first = _heard(videos[0])
    for done, view in enumerate(views):
        yield view, sound_delay(first, _heard(videos[view]), RATE, SOUND_LONGEST)
        progress(done + 1, len(views))


def _heard(video: VideoFile) -> NDArray[np.float64]:
    return read_sound(video.path, video.begin, min(SOUND_SECONDS, video.duration))


def by_motion(
    videos: Sequence[VideoFile],
    views: Sequence[int],
    masks: Sequence[MaskAt | None],
    progress: Callable[[int, int], None],
    threads: int,
) -> Iterator[tuple[int, Delay]]:
    """(view, delay) of some videos against the first, the surest first.

    Neighbours see the same motion, opposite cameras another one of the same person: each camera is compared with all
    whose delay is known by then, and the scores are added.
    """
    rate = 4 * max(video.fps for video in videos)
    seen = [0, *views]
    curves: dict[int, NDArray[np.float64]] = {}
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda view: evenly(*motion(videos[view], MOTION_SECONDS, masks[view]), rate), seen)
        for view, curve in zip(seen, found, strict=True):
            curves[view] = curve
            progress(len(curves), len(seen))
    most = int(MOTION_LONGEST * rate)
    lags = np.arange(-most, most + 1)
    sums = {view: np.zeros((2, len(lags))) for view in views}  # scores, and how many cameras gave them
    newest, lag = 0, 0.0
    for _ in views:
        for view, sums_of_view in sums.items():
            its_lags, scores = motion_scores(curves[newest], curves[view], rate, 2 * MOTION_LONGEST)
            shifted = np.interp(lags - lag, its_lags, scores, left=np.nan, right=np.nan)
            sums_of_view += np.stack([np.nan_to_num(shifted), np.isfinite(shifted)])
        best = {view: best_motion(lags, _mean_score(*sums_of_view), rate) for view, sums_of_view in sums.items()}
        newest = max(best, key=lambda view: best[view].confidence)
        lag = best[newest].seconds * rate
        del sums[newest]
        yield newest, best[newest]


def _mean_score(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of independent scores of deviation 1, again of deviation 1; NaN without any."""
    return np.where(count > 0, total / np.sqrt(np.maximum(count, 1)), np.nan)
