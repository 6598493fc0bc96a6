"""How much of a capture a new run takes: frames that are there, and images no larger than they were filmed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from dymap.capture import Capture, read_source
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.presets import PRESETS

WORDS = {0.5: "half", 0.25: "a quarter"}


def check_extent(data: Path, config: CaptureConfig, preset: str) -> None:
    """Raise InputError if a run that begins asks for frames that the capture does not have, or for larger images.

    Runs that are there already are not asked: what they were begun with stays readable.
    """
    if config.ratio > 1:
        raise InputError(
            f"--ratio {config.ratio:g}: images can only be made smaller; expected a number above 0, up to 1"
        )
    start, end, step = config.frames
    count = len(read_source(data, replace(config, frames=(0, -1, 1))).frames)
    found = f"the capture has {count} frames ({data})"
    if preset in PRESETS and config.frames == PRESETS[preset].capture.frames and start < count < end:
        warnings.warn(f"preset {preset} asks for frames {start} to {end}, but {found}: it takes those", stacklevel=2)
        return
    if step < 1 or not 0 <= start < count or end > count or (end != -1 and end <= start):
        raise InputError(
            f"--frames {start} {end} {step}: {found}; expected a first position from 0 to {count - 1}, "
            f"an end above it of at most {count} (-1: all) and a step of 1 or more"
        )


def size_text(capture: Capture) -> str:
    """The size of the prepared images, and of which part of the filmed ones they are."""
    made, filmed, ratio = capture.cameras[0], capture.source.cameras[0], capture.config.ratio
    size = f"{made.width} x {made.height}"
    if ratio == 1:
        return size
    return f"{size} ({WORDS.get(ratio, f'{ratio:g}')} of {filmed.width} x {filmed.height}: --ratio)"
