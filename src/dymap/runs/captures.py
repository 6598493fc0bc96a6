"""The capture of a run: it may move, and must be the same when it is read again.

folder and where the capture is now -> compared with what the run remembers -> opened, with a bar if that takes long
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture import Capture, Source, open_source, read_source
from dymap.capture.capture import prepared_rig
from dymap.capture.layouts import given_options, is_capture, layout_of, reader_options
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import read_json, write_json
from dymap.geometry.camera import Camera
from dymap.runs.bars import Bars, when_needed
from dymap.runs.folder import RunFolder
from dymap.runs.things import check_known
from dymap.video.model_file import load_video

METRES, PIXELS = 1e-3, 0.1
"""How far a camera's position and focal lengths may be from those that are remembered."""


def open_prepared(place: Path | Source, config: CaptureConfig, progress: Bars) -> Capture:
    """Open a capture; a bar shows that its images are prepared, if they are not yet. place: or what was read there."""
    source = place if isinstance(place, Source) else read_source(place, config)
    with when_needed(progress, "prepare images") as update:
        return open_source(source, replace(config, options=given_options(source.options)), update)


def find_capture(folder: RunFolder, data: str | Path | None = None) -> Path:
    """Where the run's capture is: where it was, or `data`, to which it was moved.

    Raises InputError if nothing is there, or another capture than the one that the run was trained on.
    """
    record = folder.read()
    if data is None:
        if not record.data.exists():
            raise InputError(
                f"{record.data}: no such folder, where the capture of {folder.root} was; if it was moved, say where it "
                "is now: --data DIR"
            )
        return record.data
    place = Path(data)
    if place.resolve() != record.source:
        check_known_capture(place, record.config.capture)
        check_same(folder, read_source(place, record.config.capture), record.config.capture)
    return place


def check_known_capture(place: Path, config: CaptureConfig) -> None:
    """Raise InputError that says what a folder is, if it is known to be no capture and no layout is asked for."""
    if place.exists() and config.layout == "auto" and not is_capture(place):
        check_known(place)


def check_same(folder: RunFolder, source: Source, config: CaptureConfig) -> None:
    """Raise InputError if a capture is another than what the run remembers; older runs may remember nothing."""
    if (known := remembered(folder)) is None:
        return
    try:
        difference = compare(known, facts_of(source, config))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise InputError(f"{folder.capture_file}: damaged; remove it if {source.root} is the run's capture") from None
    if difference:
        raise InputError(f"{source.root}: another capture than the one of {folder.root}: {difference}")


def as_recorded(config: CaptureConfig, place: Path, begun: CaptureConfig) -> CaptureConfig:
    """The configuration as a run records it that was begun with `begun`: of the reader's options only those that differ
    from its defaults, and boxes from where they came then, unless another place is asked for.

    Raises InputError for options that the reader of the capture does not have.
    """
    options = reader_options(layout_of(place, config), config.options)
    boxes = begun.boxes if config.boxes == "auto" else config.boxes
    return replace(config, options=given_options(options), boxes=boxes)


def remember(folder: RunFolder, source: Source, config: CaptureConfig) -> None:
    """Write down what a run needs to know its capture again."""
    if not folder.capture_file.exists():
        write_json(folder.capture_file, facts_of(source, config))


def remembered(folder: RunFolder) -> dict[str, Any] | None:
    """What a run knows of its capture; older runs: what their baked video knows, or None."""
    if folder.capture_file.exists():
        return read_json(folder.capture_file)
    if not folder.model.exists():
        return None
    video = load_video(folder.model)
    return facts(video.cameras, video.frames) if video.cameras else None


def facts_of(source: Source, config: CaptureConfig) -> dict[str, Any]:
    """What tells a capture from others: the numbers of its frames, and its cameras as they are used."""
    return facts(prepared_rig(source, config)[0], source.frames)


def facts(cameras: Sequence[Camera], frames: Sequence[int]) -> dict[str, Any]:
    """size: pixels of the prepared images. focal: pixels. position: world, metres."""
    return {
        "frames": list(frames),
        "cameras": [
            {
                "name": camera.name,
                "size": [camera.width, camera.height],
                "focal": [round(float(camera.K[0, 0]), 3), round(float(camera.K[1, 1]), 3)],
                "position": [round(float(x), 5) for x in camera.position],
            }
            for camera in cameras
        ],
    }


def compare(known: dict[str, Any], found: dict[str, Any]) -> str:
    """The first thing in which two captures differ, in words; nothing if they are the same."""
    for what in ("frames", "cameras"):
        if len(known[what]) != len(found[what]):
            return f"it has {len(found[what])} {what}, expected {len(known[what])}"
    if known["frames"] != found["frames"]:
        first = next(i for i, number in enumerate(known["frames"]) if number != found["frames"][i])
        return f"its frame at position {first} is number {found['frames'][first]}, expected {known['frames'][first]}"
    for ours, theirs in zip(known["cameras"], found["cameras"], strict=True):
        for key, unit, tolerance in (("size", "pixels", 0), ("focal", "pixels", PIXELS), ("position", "m", METRES)):
            if not np.allclose(ours[key], theirs[key], rtol=0, atol=tolerance):
                return (
                    f"{key} of camera {theirs['name'][:40]!r} is {tuple(theirs[key])} {unit}, expected "
                    f"{tuple(ours[key])}"
                )
    return ""
