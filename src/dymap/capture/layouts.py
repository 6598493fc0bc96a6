"""Which layout a folder has: every reader says how sure it is, and the surest one reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dymap.capture.readers import (
    actorshq,
    calibrated,
    colmap,
    dna,
    easymocap,
    neural3d,
    nhr,
    panoptic,
    selfcap,
    transforms,
    zjumocap,
)
from dymap.capture.source import Source
from dymap.capture.unknown import unknown_folder
from dymap.config import CaptureConfig, from_json, to_json
from dymap.errors import InputError
from dymap.geometry.lens import folds


class Reader(Protocol):
    """What a file in `readers` offers."""

    @property
    def LOOKS_FOR(self) -> str:
        """What such a folder holds, in a few words."""

    @property
    def Options(self) -> type[Any]:
        """A frozen dataclass of the layout's options; every field has a default and a sentence."""

    def score(self, root: Path) -> float:
        """How sure it is, 0 to 1, that a folder has this layout. Cheap; never raises."""

    def missing(self, root: Path) -> list[str]:
        """What a folder lacks to have this layout, as names of files: said of the nearest if none is sure."""

    def read(self, root: Path, options: Any) -> Source:
        """List what a folder holds. Raises InputError that names what is missing or wrong."""


READERS: dict[str, Reader] = {
    "actorshq": actorshq,
    "calibrated": calibrated,
    "colmap": colmap,
    "dna": dna,
    "easymocap": easymocap,
    "neural3d": neural3d,
    "nhr": nhr,
    "panoptic": panoptic,
    "selfcap": selfcap,
    "transforms": transforms,
    "zjumocap": zjumocap,
}

SURE = 0.5
"""A layout of a lower score is not taken unless it is asked for by name."""


def read_source(root: str | Path, config: CaptureConfig) -> Source:
    """Find out what a folder holds and list it, without decoding more than one image a camera.

    Raises InputError for a folder that no reader knows, unknown options, and whatever the reader finds wrong.
    """
    folder = Path(root)
    try:
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; --data takes the folder of a capture")
        layout = layout_of(folder, config)
        source = READERS[layout].read(folder, reader_options(layout, config.options)).select(config.frames)
    except OSError as error:  # a folder in it that cannot be listed
        raise InputError(f"{error.filename or folder}: cannot be read ({error.strerror or error})") from None
    check_lenses(source)
    return source.transformed(np.array(config.transform).reshape(4, 4)) if config.transform else source


def check_lenses(source: Source) -> None:
    """Raises InputError that names a camera whose undistortion would show parts of its picture twice."""
    lenses = {(c.K.tobytes(), c.D.tobytes(), c.lens, c.width, c.height): c for c in reversed(source.cameras)}
    for camera in reversed(lenses.values()):  # the first camera of each lens: those that move have one
        if camera.distorted and folds(camera.K, camera.D, camera.lens, camera.width, camera.height):
            raise InputError(
                f"{source.root}: the lens of camera {camera.name!r} folds inside its picture of {camera.width} x "
                f"{camera.height}: D = {np.round(camera.D, 4).tolist()} fits another lens, another order of numbers or "
                "another size of pictures; calibrate it again, or leave the camera out"
            )


def layout_of(root: Path, config: CaptureConfig) -> str:
    """The layout that is configured, or the one whose reader is surest of a folder. Raises InputError without any."""
    if config.layout in READERS:
        return config.layout
    if config.layout != "auto":
        raise InputError(f"layout {config.layout!r} is unknown; known are {', '.join(READERS)}")
    sure = scores(root)
    best = max(sure, key=sure.__getitem__)
    if sure[best] < SURE:
        looked_for = {name: (READERS[name].LOOKS_FOR, score) for name, score in sure.items()}
        raise InputError(unknown_folder(root, looked_for, lambda name: _missing(READERS[name], root), is_capture))
    return best


def scores(root: Path) -> dict[str, float]:
    """How sure every reader is of a folder, 0 to 1; 0 of one that cannot be read."""
    return {name: _score(reader, root) for name, reader in READERS.items()}


def _score(reader: Reader, root: Path) -> float:
    try:
        return reader.score(root)
    except OSError:  # a folder in it that cannot be listed
        return 0.0


def _missing(reader: Reader, root: Path) -> list[str]:
    try:
        return reader.missing(root)
    except OSError:
        return []


def is_capture(root: Path) -> bool:
    """Whether any reader takes a folder for its own."""
    return max(scores(root).values()) >= SURE


def reader_options(layout: str, given: dict[str, Any]) -> Any:
    """A layout's Options, complete, from `capture.options`. Raises InputError that names the known ones."""
    try:
        return from_json(READERS[layout].Options, given, "capture.options")
    except ValueError as error:
        raise InputError(f"{error} (layout {layout})") from None


def given_options(options: Any) -> dict[str, Any]:
    """Those of a reader's Options that differ from its defaults: what a run records and compares."""
    defaults = to_json(type(options)())
    return {key: value for key, value in to_json(options).items() if value != defaults[key]}
