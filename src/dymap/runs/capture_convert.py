"""`dymap.runs.convert_capture`: a capture in another layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dymap.capture import read_source
from dymap.capture.source import Source
from dymap.capture.writers.easymocap import write_easymocap, written_names
from dymap.capture.writers.transforms import ideal_cameras, write_transforms
from dymap.capture.writers.zjumocap import is_undistorted, write_zjumocap
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import check_new_folder
from dymap.progress import Progress
from dymap.runs.bars import Bars, no_bars

Written = Literal["easymocap", "zjumocap", "transforms"]
WRITERS: dict[str, Callable[[Source, Path, Progress], None]] = {
    "easymocap": write_easymocap,
    "transforms": write_transforms,
    "zjumocap": write_zjumocap,
}


@dataclass(frozen=True)
class Converted:
    """folder: of the new capture. layout: of the old one. told: sentences about what the new layout cannot say."""

    folder: Path
    layout: str
    frames: int
    cameras: int
    has_masks: bool
    told: tuple[str, ...]


def convert_capture(
    source: str | Path,
    out: str | Path,
    to: Written,
    *,
    config: CaptureConfig | None = None,
    progress: Bars = no_bars,
) -> Converted:
    """Write a capture in another layout, to a new folder that appears when it is whole.

    config: layout, options, frames and transform of the capture; nothing else of it counts. Pictures stay as they are,
    with their lenses, if the new layout knows these; files are copied if every program reads them as dymap does, else
    they become PNG. Raises InputError for what cannot be read, and for a folder that holds something.
    """
    folder = Path(out)
    if to not in WRITERS:
        raise InputError(f"layout {to!r} is not written; expected one of {', '.join(WRITERS)}")
    check_new_folder(folder)
    found = read_source(source, config or CaptureConfig())
    with progress("convert") as update:
        WRITERS[to](found, folder, update)
    return Converted(
        folder, found.layout, len(found.frames), len(found.cameras), found.has_masks, tuple(_told(found, to))
    )


def _told(source: Source, to: Written) -> list[str]:
    told = []
    if to == "zjumocap" and (names := [camera.name for camera in source.cameras if is_undistorted(camera)]):
        told.append(f"pictures of fisheye lenses became those of ideal ones: {', '.join(names[:8])}")
    if to == "transforms" and (ideals := [ideal.name for ideal in ideal_cameras(source) if ideal is not None]):
        told.append(
            f"pictures of lenses that the layout does not know became those of ideal ones: {', '.join(ideals[:8])}"
        )
    if to == "easymocap" and (names := written_names(given := [camera.name for camera in source.cameras])) != given:
        told.append(f"cameras whose names are no folders' got others: {', '.join(names[:8])}")
    if to != "transforms" and source.test_views:
        views = ",".join(map(str, source.test_views))
        told.append(f"the layout does not say which views are kept for evaluation: train with --test-views {views}")
    if source.boxes is not None:
        told.append("boxes of the old layout are left behind: new ones come from the masks or from points")
    return told
