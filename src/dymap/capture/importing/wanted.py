"""What is to be made of which videos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from dymap.capture.calibrations.camera import repeated
from dymap.capture.calibrations.sizes import Fit
from dymap.capture.numbers import natural
from dymap.capture.video_packets import ENDINGS
from dymap.errors import InputError, check_word

PictureEnding = Literal["jpg", "png"]


@dataclass(frozen=True)
class Wanted:
    """What is to be made of the videos.

    fps: frames a second, default whenever the first video has a picture. start, end: seconds of the first video;
    frames: so many at most. offsets: a file, `auto`, or nothing: all began together. crop: x, y, width, height in
    pixels of each picture. undistort: write pictures of ideal lenses. masks: folder of masks, CAMERA.mp4 or
    CAMERA/NUMBER.png with the picture's number in the video. scale_calibration: how the videos were made of pictures
    as calibrated, if they have another size (fitting.py). audio: camera whose sound is kept, default the first that
    has any.
    """

    videos: tuple[Path, ...]
    calibration: Path
    out: Path
    fps: float | None = None
    start: float = 0.0
    end: float | None = None
    frames: int | None = None
    offsets: Path | Literal["auto"] | None = None
    crop: tuple[int, int, int, int] | None = None
    undistort: bool = False
    masks: Path | None = None
    scale_calibration: Fit | None = None
    audio: str | None = None
    ending: PictureEnding = "jpg"


def check(wanted: Wanted) -> None:
    """Raise InputError for numbers and words that say nothing."""
    check_word("ending", wanted.ending, get_args(PictureEnding))
    if wanted.scale_calibration is not None:
        check_word("scale_calibration", wanted.scale_calibration, get_args(Fit))
    if wanted.fps is not None and not 0.01 <= wanted.fps <= 1000:
        raise InputError(f"--fps {wanted.fps:g}: expected 0.01 to 1000 frames a second")
    if not np.isfinite(wanted.start) or (wanted.end is not None and not wanted.end > wanted.start):
        raise InputError(f"--start {wanted.start:g} --end {wanted.end}: expected seconds, the end after the start")
    if wanted.frames is not None and wanted.frames < 1:
        raise InputError(f"--frames {wanted.frames}: expected 1 or more")


def list_videos(given: Sequence[Path]) -> list[Path]:
    """The videos, those of a folder in the order of their names. Raises InputError for none, and for one twice."""
    found: list[Path] = []
    for path in given:
        inside = []
        if path.is_dir():
            inside = [p for p in path.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith(".")]
            if not inside:
                raise InputError(f"{path}: holds no videos; expected files that end in {', '.join(ENDINGS[:5])}, ...")
        found += sorted(inside, key=lambda p: natural(p.name)) or [path]
    if not found:
        raise InputError("no videos are given: name the files, one a camera, or their folder")
    if (twice := repeated(found)) is not None:
        raise InputError(f"{twice}: is given twice; each camera has one video")
    return found
