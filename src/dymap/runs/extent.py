"""How much of a capture a new run takes: frames that are there, and images no larger than they were filmed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from dymap.capture import Capture, Source, read_source
from dymap.capture.capture import split_views
from dymap.config import CaptureConfig, Config
from dymap.errors import InputError
from dymap.presets import PRESETS
from dymap.runs.configuration import typed

WORDS = {0.5: "half", 0.25: "a quarter"}


VIEWS = ("capture.test_views", "capture.train_views", "capture.path_views")
"""Keys of the configuration that name views of a capture."""


def read_new(data: Path, whole: Config, preset: str) -> Source:
    """What a run that begins is trained on. Raises InputError if it asks for views or frames that the capture does not
    have, or larger images.

    Runs that are there already are not asked: what they were begun with stays readable.
    """
    config = whole.capture
    source = read_source(data, replace(config, frames=(0, -1, 1)))
    check_size_and_frames(data, config, preset, len(source.frames))
    check_views(data, whole, preset, len(source.cameras))
    return source.select(config.frames)


def check_size_and_frames(data: Path, config: CaptureConfig, preset: str, count: int) -> None:
    """The part of it about images and frames, of which the capture has `count`."""
    if config.ratio > 1:
        raise InputError(
            f"--ratio {config.ratio:g}: images can only be made smaller; expected a number above 0, up to 1"
        )
    check_frames(data, config, preset, count)


def check_frames(data: Path, config: CaptureConfig, preset: str, count: int) -> None:
    """Raise InputError for frames that a capture of `count` does not have; a preset that asks for more takes those."""
    start, end, step = config.frames
    found = f"the capture has {count} frames ({data})"
    if preset in PRESETS and config.frames == PRESETS[preset].capture.frames and start < count < end:
        warnings.warn(f"preset {preset} asks for frames {start} to {end}, but {found}: it takes those", stacklevel=2)
        return
    if step < 1 or not 0 <= start < count or end > count or (end != -1 and end <= start):
        raise InputError(
            f"--frames {start} {end} {step}: {found}; expected a first position from 0 to {count - 1}, "
            f"an end above it of at most {count} (-1: all) and a step of 1 or more"
        )


def check_views(data: Path, whole: Config, preset: str, count: int) -> None:
    """Raise InputError for views that a capture of `count` cameras lacks; says which options name others."""
    check_preset_views(data, whole.capture, preset, count)
    training, _ = split_views(count, whole.capture)
    encoder = whole.field.encoder_views if whole.field.codes == "encoder" else ()
    asked = (
        ("capture.path_views", whole.capture.path_views, count, "cameras"),
        ("field.encoder_views", encoder, len(training), "training views"),
    )
    for key, views, most, what in asked:
        if max(views, default=-1) >= most:
            raise InputError(
                f"{key} names {max(views)}, but there are {most} {what}; expected positions from 0 to {most - 1}"
            )


def check_preset_views(data: Path, config: CaptureConfig, preset: str, count: int) -> None:
    """The part of it about views that a preset asks for."""
    if preset not in PRESETS:
        return
    asked = {key: getattr(config, key.removeprefix("capture.")) for key in VIEWS}
    ours = {key: getattr(PRESETS[preset].capture, key.removeprefix("capture.")) for key in VIEWS}
    bad = {key: [view for view in views if view >= count] for key, views in asked.items() if views == ours[key]}
    if first := min((views[0] for views in bad.values() if views), default=None):
        left = [typed(key, [v for v in asked[key] if v < count] or ["..."]) for key, views in bad.items() if views]
        raise InputError(
            f"preset {preset} asks for view {first}, but the capture has views 0 to {count - 1} ({data}); say which to "
            f"take instead, as {' '.join(left)}, or take a preset that asks for none: --preset small"
        )


def images_text(capture: Capture) -> str:
    """The size of the prepared images, and of which part of the filmed ones they are."""
    made, filmed, ratio = capture.cameras[0], capture.source.cameras[0], capture.config.ratio
    size = f"{made.width} x {made.height}"
    if ratio == 1:
        return size
    return f"{size} ({WORDS.get(ratio, f'{ratio:g}')} of {filmed.width} x {filmed.height}: --ratio)"
