"""Do the boundaries of segments show? Frames in which two overlap, and their neighbours, against all others.

    python -m benchmarks.boundaries runs/mine        # a run in segments, whose capture is there

Two things are measured on the test views. Flicker: how much a picture differs from the next one, mean over pixels in
which what was filmed does not change (by more than STILL) and the person is, in units of 1/255. And PSNR of the
foreground. A boundary is where one of two pictures, or the frame, is shown by two segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from dymap.capture import Capture
from dymap.capture.images import UNKNOWN
from dymap.evaluate.metrics import psnr
from dymap.play.video import Video, load
from dymap.runs.bars import no_bars
from dymap.runs.captures import find_capture, open_prepared
from dymap.runs.folder import RunFolder
from dymap.video.spans import shares

STILL = 3
"""Of 255: what is filmed changes by no more in a pixel that counts as still."""


@dataclass(frozen=True)
class Measured:
    """flicker: 1/255, of pairs of frames; quality: dB, of frames; each at boundaries and inside, a value a picture."""

    flicker: dict[bool, list[float]]
    quality: dict[bool, list[float]]


def measure(video: Video, capture: Capture, views: tuple[int, ...]) -> Measured:
    """Render every frame of some views."""
    flicker: dict[bool, list[float]] = {True: [], False: []}
    quality: dict[bool, list[float]] = {True: [], False: []}
    shared = [len(shares(video.baked.segments, frame)) > 1 for frame in range(video.num_frames)]
    for view in views:
        before = None
        for frame in range(video.num_frames):
            filmed, mask = capture.image(frame, view)
            seen = (mask > 0) & (mask != UNKNOWN)
            picture = video.render(capture.cameras[view], frame).rgb.clamp(0, 1).cpu().numpy().astype(np.float32)
            quality[shared[frame]].append(psnr(picture, filmed.astype(np.float32) / np.float32(255), seen))
            if before is not None:
                filmed_before, seen_before, picture_before = before
                still = (np.abs(filmed.astype(int) - filmed_before).max(axis=2) <= STILL) & seen & seen_before
                if still.any():
                    change = 255 * np.abs(picture - picture_before).mean(axis=2)[still].mean()
                    flicker[shared[frame - 1] or shared[frame]].append(float(change))
            before = filmed, seen, picture
    return Measured(flicker, quality)


def main(
    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="A baked run in segments.")],
    data: Annotated[Path | None, tyro.conf.arg(help="Where the run's capture is now.")] = None,
) -> None:
    """Print a table."""
    folder = RunFolder(run)
    capture = open_prepared(find_capture(folder, data), folder.read().config.capture, no_bars)
    measured = measure(load(run), capture, capture.test_views)
    print("| | at boundaries | inside |\n|---|---|---|")
    for title, values in (("flicker, 1/255", measured.flicker), ("PSNR of the foreground, dB", measured.quality)):
        cells = [f"{np.mean(values[at]):.2f} +- {np.std(values[at]):.2f} ({len(values[at])})" for at in (True, False)]
        print(f"| {title} | {' | '.join(cells)} |")


if __name__ == "__main__":
    tyro.cli(main)
