"""Masks for a whole capture: made beside it, shown on a sheet, and put in place when all of them are done.

    pictures -> a method -> DIR/.masks-unfinished/CAMERA/FRAME.png -> the layout's mask folder, and DIR/masks.jpg

What an interrupted command has made is kept if it is asked for the same again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from dymap.capture.decode import read_pixels
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.masking.contact_sheet import Cell, cell, cell_height, contact_sheet
from dymap.capture.masking.figures import CameraFigures, MaskFigures, camera_figures, figures_of
from dymap.capture.masking.hull import FEWEST, clean
from dymap.capture.masking.methods import MaskingOptions, Method, masks_by
from dymap.capture.masking.places import mask_folder, mask_path
from dymap.capture.masking.tidy import Bytes
from dymap.capture.source import Source
from dymap.errors import InputError
from dymap.files import read_json, replacing, write_json
from dymap.pictures import jpeg_bytes
from dymap.progress import Progress
from dymap.signals import held, threads

UNFINISHED, SHEET, ASKED = ".masks-unfinished", "masks.jpg", "asked.json"
VERSION = 1
"""Raised whenever the same command makes other masks."""
THREADS = 4
"""Pictures that are worked on at once; so many more wait. Each takes some thirty bytes a pixel."""
BODY_LABEL, FACE_LABEL = 5, 13
"""Of the palette in which faces are kept."""

Given = TypeVar("Given")
Made = TypeVar("Made")
Place = tuple[int, int]
"""Positions of a frame and a camera."""


@dataclass(frozen=True)
class MadeMasks:
    """folder: of the masks. sheet: the picture of them. made: masks written, of which `kept` were there already from an
    interrupted command. cameras: numbers of each. told: sentences about what is likely to be wrong."""

    folder: Path
    sheet: Path
    made: int
    kept: int
    cameras: tuple[CameraFigures, ...]
    told: tuple[str, ...]


def make_masks(source: Source, method: Method, options: MaskingOptions, existing: str, progress: Progress) -> MadeMasks:
    """Make the masks of a capture. existing: of masks that there are: `refuse`, `keep` (make only those that are
    missing) or `overwrite`. Raises InputError; then the capture is as it was.
    """
    folder, told = mask_folder(source), list[str]()
    unfinished = source.root / UNFINISHED
    wanted = _wanted(source, method, folder, existing)
    _begin(unfinished, _asked(method, options, wanted, source))
    left = {place: path for place, path in wanted.items() if not (unfinished / path.relative_to(folder)).exists()}
    done = len(wanted) - len(left)
    for place, mask in _all_masks(source, method, options, sorted(left, key=lambda p: p[::-1]), told.append):
        _write_mask(unfinished / left[place].relative_to(folder), mask)
        progress(done := done + 1, len(wanted))
    figures, rows = _look(source, unfinished, folder, wanted)
    with replacing(source.root / SHEET) as partial:
        partial.write_bytes(jpeg_bytes(contact_sheet(rows)))
    _put_in_place(unfinished, folder, wanted.values())
    return MadeMasks(folder, source.root / SHEET, len(wanted), len(wanted) - len(left), figures, tuple(told))


def _wanted(source: Source, method: Method, folder: Path, existing: str) -> dict[Place, Path]:
    """The masks to make and their files. Raises InputError if there are such, and nobody says what to do with them."""
    if method == "hull" and not source.has_masks:
        raise InputError(f"{source.root}: --method hull cleans masks, and the capture has none; make some first")
    if method == "hull" and sum(source.masked(0, view) for view in range(len(source.cameras))) < FEWEST:
        raise InputError(f"{source.root}: --method hull needs masks of {FEWEST} cameras or more")
    places = [
        (frame, view)
        for frame in range(len(source.frames))
        for view in range(len(source.cameras))
        if source.present(frame, view) and (method != "hull" or source.masked(frame, view))
    ]
    there = [place for place in places if source.masked(*place) and len(source.files(*place)) > 1]
    if there and existing == "refuse":
        raise InputError(
            f"{source.root}: {len(there)} of {len(places)} pictures have masks; --overwrite replaces them"
            + ("" if method == "hull" else ", --missing makes only the others")
        )
    if existing == "keep":
        places = sorted(set(places) - set(there))
        if not places:
            raise InputError(f"{source.root}: every picture has a mask; --overwrite makes them again")
    files = {place: mask_path(source, folder, *place) for place in places}
    if len(set(files.values())) < len(files):
        raise InputError(f"{source.root}: two pictures have one name, so that their masks would have one too")
    return files


def _asked(method: Method, options: MaskingOptions, wanted: dict[Place, Path], source: Source) -> str:
    """What tells a command's masks from others'."""
    files = [(str(path), [_change(file) for file in source.files(*place)]) for place, path in sorted(wanted.items())]
    plates = sorted(options.plates.rglob("*")) if options.plates else []
    given = [(str(path), _change(path)) for path in (*plates, options.model) if path]
    return hashlib.sha256(repr((VERSION, method, options, given, files)).encode()).hexdigest()


def _change(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _begin(unfinished: Path, asked: str) -> None:
    """The folder of what is made: as it was left if the same was asked for, else empty."""
    try:
        if (unfinished / ASKED).exists() and read_json(unfinished / ASKED) == asked:
            return
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
    except OSError as error:
        raise InputError(f"{unfinished}: cannot be written ({error.strerror or error})") from None
    write_json(unfinished / ASKED, asked)


def _all_masks(
    source: Source, method: Method, options: MaskingOptions, places: list[Place], tell: Callable[[str], None]
) -> Iterator[tuple[Place, Bytes]]:
    """The masks of `places`, which are in the order of cameras, from several threads."""
    with threads(THREADS) as pool:
        if method == "hull":
            frames = sorted({frame for frame, _ in places})
            asked = set(places)
            for frame, cleaned in _in_order(pool, frames, lambda frame: _cleaned(source, frame)):
                yield from (((frame, view), mask) for view, mask in cleaned.items() if (frame, view) in asked)
            return
        prepare = masks_by(method, source, options, tell)
        for view in sorted({view for _, view in places}):  # one camera's background is in memory at a time
            mask_of = prepare(view)
            for frame, mask in _in_order(pool, [frame for frame, of in places if of == view], mask_of):
                yield (frame, view), mask


def _in_order(
    pool: ThreadPoolExecutor, given: Iterable[Given], make: Callable[[Given], Made]
) -> Iterator[tuple[Given, Made]]:
    """What is made of each, with a bounded number under way."""
    waiting: list[tuple[Given, Future[Made]]] = []
    for one in given:
        with held():
            waiting.append((one, pool.submit(make, one)))
        if len(waiting) >= 2 * THREADS:
            yield _result(*waiting.pop(0))
    for pair in waiting:
        yield _result(*pair)


def _result(given: Given, future: Future[Made]) -> tuple[Given, Made]:
    with held():
        return given, future.result()


def _cleaned(source: Source, frame: int) -> dict[int, Bytes]:
    masks = {}
    for view in range(len(source.cameras)):
        if source.masked(frame, view) and (mask := source.mask(frame, view)) is not None:
            masks[view] = mask
    return clean(source.cameras, masks)


def _write_mask(path: Path, mask: Bytes) -> None:
    """255 foreground, 0 background; with faces in the colours of the palette (labels.py)."""
    image = np.where(mask != 0, 255, 0).astype(np.uint8)
    if (mask == FACE).any():
        label = np.where(mask == FACE, FACE_LABEL, np.where(mask != 0, BODY_LABEL, 0))
        image = np.ascontiguousarray(label_colours()[label][..., ::-1])
    with replacing(path) as partial:
        partial.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def _look(
    source: Source, unfinished: Path, folder: Path, wanted: dict[Place, Path]
) -> tuple[tuple[CameraFigures, ...], list[list[Cell]]]:
    """The numbers of every camera's masks, and the cells of the sheet: first, middle and last."""
    figures, rows = [], []
    height = cell_height(len(source.cameras))
    for view, camera in enumerate(source.cameras):
        frames = sorted(frame for frame, of in wanted if of == view)
        shown = {frames[round(i)] for i in np.linspace(0, len(frames) - 1, 3)} if frames else set()
        row: list[Cell] = []
        numbers: list[MaskFigures] = []
        for frame in frames:
            pixels = read_pixels(unfinished / wanted[frame, view].relative_to(folder))
            mask = ((pixels if pixels.ndim == 2 else pixels.max(axis=-1)) > 0).astype(np.uint8)
            numbers.append(figures_of(source.frames[frame], mask))
            if frame in shown:
                title = f"{camera.name}  {source.frames[frame]}"
                row.append(cell(source.picture(frame, view), mask, title, height))
        if numbers:
            figures.append(camera_figures(camera.name, numbers))
            rows.append(row)
    return tuple(figures), rows


def _put_in_place(unfinished: Path, folder: Path, files: Iterable[Path]) -> None:
    """Rename what was made; a folder that is not there yet appears whole."""
    (unfinished / ASKED).unlink(missing_ok=True)
    try:
        if not folder.exists():
            os.replace(unfinished, folder)
            return
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(unfinished / path.relative_to(folder), path)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); the masks are in {unfinished}"
        ) from None
    shutil.rmtree(unfinished, ignore_errors=True)
