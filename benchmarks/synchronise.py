"""How well offsets are found by what moves: a ball that moves at random, filmed by a ring of four cameras.

    python -m benchmarks.synchronise

The table is in docs/videos.md.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from tests.capture.test_importing import film_ball, ring

from dymap.capture.synchronise import estimate
from dymap.capture.synchronise.motion import Motion, motion
from dymap.capture.videos import VideoFile

SCENES, VIEWS, LONGEST, FPS = 14, 4, 20, 30


@dataclass(frozen=True)
class Filmed:
    """A recording whose motion is known already. seen: in its first `duration` seconds."""

    seen: Motion
    duration: float
    fps: float = FPS


def film(seed: int, folder: Path) -> tuple[list[float], list[Motion]]:
    """The offsets of the cameras, and the motion that each of them sees."""
    offsets = [0.0, *np.random.default_rng(100 + seed).uniform(-1.5, 1.5, VIEWS - 1).tolist()]
    seen = []
    for camera, offset in zip(ring(VIEWS), offsets, strict=True):
        path = film_ball(folder / f"{seed}_{camera.name}.mp4", camera, offset, seconds=LONGEST, scene=seed)
        seen.append(motion(VideoFile(path), LONGEST))
    return offsets, seen


def found(seen: list[Motion], seconds: float) -> list[Any]:
    """The delays of all cameras, from the first `seconds` of what they see."""
    cut = [
        Filmed(Motion(*(values[one.times < seconds] for values in (one.times, one.amount, one.rise))), seconds)
        for one in seen
    ]
    with patch.object(estimate, "motion", lambda video, *_: video.seen):
        return estimate.by_motion(cut, ring(VIEWS), [None] * VIEWS, lambda *_: None, 1)  # type: ignore[arg-type]


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        scenes = [film(seed, Path(folder)) for seed in range(SCENES)]
    print("| seconds filmed | offsets taken | of these within a frame | median error | 95 % below |")
    print("|---|---|---|---|---|")
    for seconds in (4, 6, 10, 20):
        rows = []
        for offsets, seen in scenes:
            delays = found(seen, seconds)
            rows += [
                (abs(delays[view].seconds - offsets[view]) * FPS, delays[view].confidence) for view in range(1, VIEWS)
            ]
        errors, confidences = np.array(rows).T
        taken = errors[confidences >= estimate.SURE["motion"]]
        shares = f"{len(taken) / len(errors):.0%} | {(taken < 1).mean():.0%}"
        print(f"| {seconds} | {shares} | {np.median(taken):.2f} frames | {np.quantile(taken, 0.95):.2f} frames |")


if __name__ == "__main__":
    main()
