"""Masks for a whole capture: made beside it, shown on a sheet, and put in place when all of them are done.

    pictures -> a method -> DIR/.masks-unfinished/masks/CAMERA/FRAME.png -> DIR/masks/CAMERA/FRAME.png and DIR/masks.jpg

What an interrupted command has made is kept if it is asked for the same again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np

from dymap.capture.decode import read_pixels
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.masking.contact_sheet import Cell, cell, cell_height, contact_sheet
from dymap.capture.masking.figures import CameraFigures, MaskFigures, camera_figures, figures_of
from dymap.capture.masking.hull import FEWEST, clean
from dymap.capture.masking.methods import CLEANING, MaskingOptions, Method, masks_by
from dymap.capture.masking.places import MaskPlaces, own_mask, remedy
from dymap.capture.masking.tidy import Bytes
from dymap.capture.masks import HALF
from dymap.capture.source import Source
from dymap.errors import InputError, check_word
from dymap.files import read_json, replacing, write_json
from dymap.pictures import jpeg_bytes
from dymap.progress import Progress
from dymap.signals import in_order, threads

UNFINISHED, SHEET, ASKED = ".masks-unfinished", "masks.jpg", "asked.json"
VERSION = 2
"""Raised whenever the same command makes other masks."""
THREADS = 4
"""Pictures that are worked on at once; so many more wait. Each takes some 45 bytes a pixel with its picture and
its mask, of the methods that compare colours; a network has one picture at a time."""
LOSSY = (".jpg", ".jpeg")
"""Masks that there are may be in such files, and stay so; white and black survive, colours of labels do not."""
BEST = {
    **dict.fromkeys(LOSSY, (cv2.IMWRITE_JPEG_QUALITY, 100)),
    ".webp": (cv2.IMWRITE_WEBP_QUALITY, 101),  # without loss
}
"""How masks are written, by the endings of their files; others lose nothing."""
BODY_LABEL, FACE_LABEL = 5, 13
"""Of the palette in which faces are kept."""

Existing = Literal["refuse", "keep", "overwrite"]
"""What happens to masks that there are; `keep` makes only those that are missing."""
Place = tuple[int, int]
"""Positions of a frame and a camera."""


@dataclass(frozen=True)
class MadeMasks:
    """folder: of the masks. sheet: the picture of them. files: those that were written, by positions of frame and
    camera; `kept` of them were there already from an interrupted command. cameras: numbers of each. told: sentences
    about what is likely to be wrong."""

    folder: Path
    sheet: Path
    files: Mapping[Place, Path]
    kept: int
    cameras: tuple[CameraFigures, ...]
    told: tuple[str, ...]

    @property
    def made(self) -> int:
        """How many masks were written."""
        return len(self.files)


def make_masks(
    source: Source, method: Method, options: MaskingOptions, existing: Existing, progress: Progress
) -> MadeMasks:
    """Make the masks of a capture. Raises InputError; then the capture is as it was."""
    check_word("method", method, get_args(Method))
    check_word("existing", existing, get_args(Existing))
    places = MaskPlaces(source)
    if method in CLEANING and not source.has_masks:
        raise InputError(f"{source.root}: --method {method} needs masks to begin with, and the capture has none")
    told = _check_cleanable(source) if method == "hull" else []
    unfinished = source.root / UNFINISHED
    wanted = _wanted(source, method, places, existing)
    _begin(unfinished, _asked(method, options, wanted, source))
    left = {place: path for place, path in wanted.items() if not _beside(source, path).exists()}
    done = len(wanted) - len(left)
    for place, mask in _all_masks(source, method, options, sorted(left, key=lambda p: p[::-1]), told.append):
        _write_mask(_beside(source, left[place]), mask)
        progress(done := done + 1, len(wanted))
    figures, rows = _look(source, wanted)
    with replacing(source.root / SHEET) as partial:
        partial.write_bytes(jpeg_bytes(contact_sheet(rows)))
    folder = _common(places.folder, wanted.values())
    _put_in_place(source, folder, wanted.values())
    return MadeMasks(folder, source.root / SHEET, wanted, len(wanted) - len(left), figures, tuple(told))


def _beside(source: Source, path: Path) -> Path:
    """Where a mask is until all are made."""
    return source.root / UNFINISHED / path.relative_to(source.root)


def _common(folder: Path, files: Collection[Path]) -> Path:
    """The folder of new masks if all are in it, else the one that all are in."""
    if all(path.is_relative_to(folder) for path in files):
        return folder
    return Path(os.path.commonpath([path.parent for path in files]))


def _wanted(source: Source, method: Method, masks: MaskPlaces, existing: Existing) -> dict[Place, Path]:
    """The masks to make and their files. Raises InputError if there are such, and nobody says what to do with them."""
    places = [
        (frame, view)
        for frame in range(len(source.frames))
        for view in range(len(source.cameras))
        if source.present(frame, view) and (method not in CLEANING or source.masked(frame, view))
    ]
    pictures = {source.files(*place)[0] for place in places}
    there = [place for place in places if own_mask(source, *place) is not None]
    if there and existing == "refuse":
        raise InputError(
            f"{source.root}: {len(there)} of {len(places)} pictures have masks; --overwrite replaces them"
            + ("" if method in CLEANING else ", --missing makes only the others")
        )
    if existing == "keep":
        places = sorted(set(places) - set(there))
        if not places:
            raise InputError(f"{source.root}: every picture has a mask; --overwrite makes them again")
    files = {place: masks.of(*place) for place in places}
    if twice := [path for path, count in Counter(files.values()).items() if count > 1]:
        raise InputError(f"{twice[0]}: would be the mask of two pictures; {remedy(source)}")
    if taken := pictures & set(files.values()):
        raise InputError(f"{min(taken)}: is a picture, and would become the mask of another; {remedy(source)}")
    if existing != "overwrite" and (strange := [path for path in files.values() if path.exists()]):
        raise InputError(f"{strange[0]}: is there, though it is not read as a mask; move it away first")
    return files


def _check_cleanable(source: Source) -> list[str]:
    """A sentence about frames of which too few cameras have masks. Raises InputError if it is so of all frames."""
    counts = [sum(source.masked(frame, view) for view in source.views(frame)) for frame in range(len(source.frames))]
    few = [number for number, count in zip(source.frames, counts, strict=True) if count < FEWEST]
    if len(few) == len(counts):
        raise InputError(
            f"{source.root}: --method hull needs masks of {FEWEST} cameras or more of one frame; none has more than "
            f"{max(counts)}"
        )
    shown = f"{', '.join(map(str, few[:4]))}{', ...' if len(few) > 4 else ''}"
    said = f"{len(few)} of {len(counts)} frames have masks of fewer than {FEWEST} cameras and stay as they are: {shown}"
    return [said] if few else []


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
            for frame, cleaned in in_order(pool, frames, lambda frame: _cleaned(source, frame), 2 * THREADS):
                yield from (((frame, view), mask) for view, mask in cleaned.items() if (frame, view) in asked)
            return
        prepare = masks_by(method, source, options, tell)
        for view in sorted({view for _, view in places}):  # one camera's background is in memory at a time
            mask_of = prepare(view)
            frames = [frame for frame, of in places if of == view]
            for frame, mask in in_order(pool, frames, mask_of, 2 * THREADS):
                yield (frame, view), mask


def _cleaned(source: Source, frame: int) -> dict[int, Bytes]:
    masks = {}
    for view in range(len(source.cameras)):
        if source.masked(frame, view) and (mask := source.mask(frame, view)) is not None:
            masks[view] = mask
    return clean(source.cameras, masks)


def _write_mask(path: Path, mask: Bytes) -> None:
    """255 foreground, 0 background; with faces in the colours of the palette (labels.py)."""
    image, ending = np.where(mask != 0, 255, 0).astype(np.uint8), path.suffix.lower()
    if ending not in LOSSY and (mask == FACE).any():
        label = np.where(mask == FACE, FACE_LABEL, np.where(mask != 0, BODY_LABEL, 0))
        image = np.ascontiguousarray(label_colours()[label][..., ::-1])
    with replacing(path) as partial:
        partial.write_bytes(cv2.imencode(ending, image, BEST.get(ending, ()))[1].tobytes())


def _look(source: Source, wanted: dict[Place, Path]) -> tuple[tuple[CameraFigures, ...], list[list[Cell]]]:
    """The numbers of every camera's masks, and the cells of the sheet: first, middle and last."""
    figures, rows = [], []
    height = cell_height(len(source.cameras))
    for view, camera in enumerate(source.cameras):
        frames = sorted(frame for frame, of in wanted if of == view)
        shown = {frames[round(i)] for i in np.linspace(0, len(frames) - 1, 3)} if frames else set()
        row: list[Cell] = []
        numbers: list[MaskFigures] = []
        for frame in frames:
            pixels = read_pixels(_beside(source, wanted[frame, view]))
            mask = ((pixels if pixels.ndim == 2 else pixels.max(axis=-1)) >= HALF).astype(np.uint8)
            numbers.append(figures_of(source.frames[frame], mask))
            if frame in shown:
                title = f"{camera.name}  {source.frames[frame]}"
                row.append(cell(source.picture(frame, view), mask, title, height))
        if numbers:
            figures.append(camera_figures(camera.name, numbers))
            rows.append(row)
    return tuple(figures), rows


def _put_in_place(source: Source, folder: Path, files: Iterable[Path]) -> None:
    """Rename what was made; a folder that is not there yet appears whole."""
    unfinished = source.root / UNFINISHED
    (unfinished / ASKED).unlink(missing_ok=True)
    try:
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            os.replace(_beside(source, folder), folder)
        else:
            for path in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.replace(_beside(source, path), path)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); the masks are in {unfinished}"
        ) from None
    shutil.rmtree(unfinished, ignore_errors=True)
