"""`dymap.runs.cache_entries` and `dymap.runs.clean`: what dymap keeps in its cache, and removing it."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dymap.capture.cache import cache_root as cache_root
from dymap.errors import InputError
from dymap.evaluate.lpips_files import FILES, default_folder
from dymap.partials import NAME, beside, is_held, is_left, last_change, sweep

PREPARED = re.compile(r".*-[0-9a-f]{12}", re.DOTALL)
HALF = re.compile(r".*-[0-9a-f]{12}\.\d+\.partial", re.DOTALL)
"""Half-prepared images of dymap before it named them after its processes."""
PART = re.compile(r"shots\.u8|index\.npz|state\.json|hull-(boxes|\d+-\d+)")
"""Names of the files of prepared images, and of what was carved from their masks."""
WEIGHTS = "LPIPS weights"
"""What is fetched again only when it is asked for (`dymap evaluate --download-lpips`)."""
MAX_STATE = 2**16


@dataclass(frozen=True)
class CacheEntry:
    """A folder of the cache. what: prepared images, half-written, LPIPS weights. size: bytes. used: the last time,
    seconds since 1970. capture: whose images, if that is known. images: how many, 0: unknown. busy: a command is at it.
    """

    path: Path
    what: str
    size: int
    used: float
    capture: Path | None = None
    images: int = 0
    busy: bool = False


def cache_entries(
    capture: str | Path | None = None, older_than: float | None = None, weights: bool = True
) -> list[CacheEntry]:
    """What the cache holds, the least recently used first: all, or what is of one capture, or was not used for
    `older_than` days. weights: those of LPIPS too, if there are any. What dymap did not write is none of it.

    Raises InputError for a cache that cannot be read.
    """
    root = cache_root()
    if not root.exists():
        return []
    try:
        folders = [place for place in root.iterdir() if place.is_dir() and not place.is_symlink()]
    except OSError as error:
        raise InputError(f"{root}: the cache cannot be read ({error.strerror or error})") from None
    entries = [entry for folder in folders if (entry := _entry(folder)) is not None]
    if not weights:
        entries = [entry for entry in entries if entry.what != WEIGHTS]
    if capture is not None:
        wanted = Path(capture).resolve()
        entries = [entry for entry in entries if entry.capture == wanted]
    if older_than is not None:
        entries = [entry for entry in entries if time.time() - entry.used >= older_than * 86400]
    return sorted(entries, key=lambda entry: entry.used)


def clean(entries: Iterable[CacheEntry]) -> list[CacheEntry]:
    """Remove entries of the cache, but for those that a command is at; returns the removed ones.

    Raises InputError for what is no entry of the cache, before anything is removed, and if the disk refuses.
    """
    chosen = list(entries)
    for entry in chosen:
        if entry.path.parent != cache_root() or (entry.path.exists() and _entry(entry.path) is None):
            raise InputError(f"{entry.path}: not written by dymap into its cache; nothing was removed")
    removed = []
    for entry in chosen:
        if (now := _entry(entry.path)) is None or now.busy:
            continue
        try:
            # Aside, which vanishes with the block; if a killed command had left it, `beside` has swept it already.
            with beside(entry.path) as aside, suppress(FileNotFoundError):
                os.replace(entry.path, aside)
        except OSError as error:
            raise InputError(f"{entry.path}: cannot be removed ({error.strerror or error})") from None
        removed.append(entry)
    sweep(cache_root())
    return removed


def strangers() -> list[Path]:
    """What is in the cache's folder that dymap did not write there, and so never removes."""
    root = cache_root()
    return sorted(place for place in root.iterdir() if _entry(place) is None) if root.is_dir() else []


def _entry(folder: Path) -> CacheEntry | None:
    """What a folder of the cache is; None: not written by dymap."""
    if folder.is_symlink() or not folder.is_dir():
        return None
    files = list(_files(folder))
    size, used = sum(_size(file) for file in files), last_change(folder)
    if NAME.fullmatch(folder.name):
        busy = not is_left(folder) or any(is_held(file) for file in files)
        return CacheEntry(folder, "half-written", size, used, busy=busy)
    names = {file.name for file in files}
    placed = all(file.parent == folder or NAME.fullmatch(file.parent.name) for file in files)
    if folder == default_folder() and placed and names <= {file.name for pair in FILES.values() for file in pair}:
        return CacheEntry(folder, WEIGHTS, size, used)
    if not placed or not all(PART.fullmatch(name) or NAME.fullmatch(name) for name in names):
        return None
    if HALF.fullmatch(folder.name) and "shots.u8" in names:
        return CacheEntry(folder, "half-written", size, used)
    state = _state(folder)
    # An interrupted command leaves the carved boxes, which come first, without images.
    if not PREPARED.fullmatch(folder.name) or not ({"shots.u8", "hull-boxes"} & names or "fingerprint" in state):
        return None
    capture, images = state.get("capture"), state.get("images")
    return CacheEntry(
        folder,
        "prepared images",
        size,
        used,
        Path(capture) if isinstance(capture, str) else None,
        images if type(images) is int and images > 0 else 0,
        any(is_held(file) for file in files),
    )


def _files(folder: Path) -> Sequence[Path]:
    return [Path(place, name) for place, _, names in os.walk(folder) for name in names]


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.lstat().st_size
    return 0


def _state(folder: Path) -> dict[str, Any]:
    """What the cache says of itself; nothing, if it is damaged."""
    with suppress(OSError, ValueError, RecursionError), (folder / "state.json").open("rb") as file:
        state = json.loads(file.read(MAX_STATE))
        if isinstance(state, dict):
            return state
    return {}
