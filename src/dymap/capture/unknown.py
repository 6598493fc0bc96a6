"""A folder that no reader is sure of: what was looked for, how sure each reader was, and what the nearest misses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from dymap.capture.decode import ENDINGS as PICTURES
from dymap.capture.video_packets import ENDINGS as VIDEOS

MANY = 200
"""Entries of a folder that are looked at."""


def unknown_folder(
    root: Path,
    looked_for: dict[str, tuple[str, float]],
    missing: Callable[[str], list[str]],
    is_capture: Callable[[Path], bool],
) -> str:
    """The sentence about a folder. looked_for: of each layout what its folders hold, and how sure its reader was of
    this one, 0 to 1. missing: what the folder lacks to have a layout. is_capture: whether another folder is known."""
    looked = ", ".join(f"{name} ({what}; {sure:.0%} sure)" for name, (what, sure) in looked_for.items())
    return f"{root}: no known capture layout; {_advice(root, looked_for, missing, is_capture)}; looked for {looked}"


def _advice(
    root: Path,
    looked_for: dict[str, tuple[str, float]],
    missing: Callable[[str], list[str]],
    is_capture: Callable[[Path], bool],
) -> str:
    inside = _entries(root)
    if captures := [entry.name for entry in inside if is_capture(entry)]:
        more = f" and {len(captures) - 3} more" if len(captures) > 3 else ""
        return f"captures lie in it: {', '.join(captures[:3])}{more}; name one of them"
    if is_capture(root.resolve().parent):
        return f"the folder above is a capture: {root.resolve().parent}"
    nearest = max(looked_for, key=lambda name: looked_for[name][1])
    if looked_for[nearest][1] > 0 and (lacks := missing(nearest)):
        return (
            f"the nearest is {nearest}, which lacks {' and '.join(lacks)} here (--set capture.layout={nearest} reads "
            "it nevertheless)"
        )
    if (videos := next((folder for folder in (root, *inside) if _holds(folder, VIDEOS)), None)) is not None:
        return (
            "videos lie in it without cameras that a reader knows; with a calibration they become a capture: "
            f"dymap capture import {videos} --calibration FILE --out DIR"
        )
    if any(_holds(below, PICTURES) for folder in (root, *inside) for below in (folder, *_entries(folder)[:8])):
        return (
            "pictures lie in it without cameras; a calibration belongs beside them, such as intri.yml and extri.yml, "
            "transforms.json, a COLMAP model or annots.npy (docs/captures.md)"
        )
    return "nothing in it is of any layout; perhaps the capture lies in another folder"


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in islice(folder.iterdir(), MANY) if not entry.name.startswith("."))
    except OSError:
        return []


def _holds(folder: Path, endings: tuple[str, ...]) -> bool:
    return any(entry.suffix.lower() in endings for entry in _entries(folder))
