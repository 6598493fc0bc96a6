"""transforms.json of nerfstudio and instant-ngp, and the three files of D-NeRF (calibrations/transforms.py).

    my_capture/                     my_dnerf/                     my_capture/
      transforms.json                 transforms_train.json         000000/transforms.json
      images/cam00/000000.png         transforms_val.json           000000/images/cam00.png
      images/cam00/000001.png         transforms_test.json          000001/transforms.json
      masks/cam00/000000.png          train/r_000.png               ...

Poses are camera to world with x right, y up, z backwards; pixel centres lie at + 0.5; the world has a unit of its own,
and `scale` says how many metres that is.

Entries of one pose and lens are one camera, be they many (cameras that stand still) or one (a camera that moves, as in
D-NeRF, is as many cameras as it has pictures). Entries of one `time` are one frame; without `time` it is the digits
that advance in a camera's file names. Pictures of the files val and test are cameras of their own, kept for evaluation,
at the nearest time that is trained.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from dymap.capture.calibrations.sizes import at_sizes
from dymap.capture.calibrations.transforms import Shot, group, read_shots
from dymap.capture.decode import ENDINGS, read_size, significant_white
from dymap.capture.grouping import frames_of, numbers_of_files, numbers_of_frames
from dymap.capture.masks import MaskFolder
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.readers.image_files import read_cut_out
from dymap.capture.readers.listing import find_mask_folder, read_mask_or_palette
from dymap.capture.readers.scattered import LOOKED_AT, Place, ReadMask, ScatteredImages, cut_outs, first_of_each
from dymap.capture.source import Source
from dymap.config.bounds import METRES_OF_A_UNIT, Checked, Few, Within
from dymap.errors import InputError

LOOKS_FOR = "transforms.json, transforms_train.json, or a folder a frame with its transforms.json"
WHOLE, TRAIN, HELD_OUT = "transforms.json", "transforms_train.json", ("transforms_val.json", "transforms_test.json")
MAX_FRAMES = 200_000


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files do not say."""

    scale: Annotated[float, METRES_OF_A_UNIT] = 1.0
    """Metres of one unit of the poses."""
    box: Annotated[tuple[float, ...], Within(-1e9, 1e9), Few(6)] = ()
    """Six numbers, the lower and the upper corner of a box around what moves, in units of the poses, for
    `capture.boxes=own`: one view an instant leaves no hull to find it by. Empty: none."""

    def check(self) -> None:
        """Raises ValueError for a box that is none."""
        low, high = self.box[:3], self.box[3:]
        if self.box and not (len(high) == 3 and all(a < b for a, b in zip(low, high, strict=True))):
            raise ValueError(f"{self.key('box')} is {self.box}; expected x y z of the lower and of the upper corner")


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout: paths of cameras have the same name, and lie in others."""
    try:
        if (root / TRAIN).is_file() or (root / WHOLE).is_file():
            return 0.55 if (root / "annots.npy").is_file() else 0.85
        return 0.8 if _folders_of_frames(root, most=32) else 0.0
    except OSError:
        return 0.0


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    return [] if any((root / name).is_file() for name in (WHOLE, TRAIN)) else [WHOLE]


def read(root: Path, options: Options) -> Source:
    """List the pictures and group them into cameras and frames. Raises InputError that names the entry."""
    box = _box(options)
    shots = _unique(_list_shots(root))
    frames, moments = frames_of(_times(root, shots), [shot.held_out for shot in shots], group(shots)[0])
    if len(moments) > MAX_FRAMES:
        raise InputError(f"{root}: {len(moments)} frames are more than anyone filmed")
    shots, frames = [s for s, frame in zip(shots, frames, strict=True) if frame >= 0], [f for f in frames if f >= 0]
    cameras, lenses, names = group(shots)
    numbers = _numbers_told(shots, frames) or numbers_of_frames(moments, [shot.path for shot in shots], cameras, frames)
    images: dict[Place, Path] = {}
    masks: dict[Place, Path] = {}
    found = _Masks(root, shots)
    for shot, camera, frame in sorted(zip(shots, cameras, frames, strict=True), key=lambda row: (row[2], row[1])):
        if (place := (frame, camera)) in images:
            raise InputError(
                f"{shot.where}: {shot.path!r} has the pose, the lens and the time of {str(images[place])!r}; give each "
                "entry its 'time', or its camera's 'camera_label'"
            )
        images[place] = root / shot.path
        if (mask := found.of(shot)) is not None:
            masks[place] = mask
    firsts = first_of_each(images, len(lenses))
    white = significant_white(firsts[:: max(1, len(firsts) // LOOKED_AT)])
    read: ReadMask = read_mask_or_palette
    if not masks and (transparent := cut_outs(images, firsts)):
        masks, read = transparent, read_cut_out
    footage = ScatteredImages(images, masks or None, len(numbers), read, white, box)
    sizes = [read_size(path) for path in firsts]
    told = [shot.camera(name, size, options.scale) for shot, name, size in zip(lenses, names, sizes, strict=True)]
    rig = at_sizes(lenses[0].file, told, sizes)
    held_out = tuple(view for view, shot in enumerate(lenses) if shot.held_out)
    return Source("transforms", options, root, rig, numbers, footage, test_views=held_out)


def names_masks(root: Path) -> bool:
    """Whether entries name their masks: then none are looked for in folders. Raises InputError as `read` does."""
    return any(shot.mask is not None for shot in _list_shots(root))


def folder_of(root: Path, picture: Path) -> Path:
    """The folder of the file that lists a picture, in which its masks are looked for too."""
    if any((root / name).is_file() for name in (TRAIN, WHOLE)):
        return root
    return next((folder for folder in picture.parents if (folder / WHOLE).is_file()), root)


def _list_shots(root: Path) -> list[Shot]:
    """Of all files; paths are relative to `root`, times are frame numbers if there is a folder a frame."""
    if (root / TRAIN).is_file():
        parts = [path for name in HELD_OUT if (path := root / name).is_file()]
        held_out = [replace(shot, held_out=True) for path in parts for shot in read_shots(path)]
        return _with_endings(root, read_shots(root / TRAIN) + held_out)
    if (root / WHOLE).is_file():
        return _with_endings(root, read_shots(root / WHOLE))
    folders = _folders_of_frames(root)
    if not folders:
        raise InputError(f"{root}: neither {WHOLE} nor {TRAIN}, nor folders with a {WHOLE} each")
    try:
        numbers = frame_numbers([folder.name for folder in folders])
    except ValueError as error:
        raise InputError(f"{folders[0].parent}: folders of frames: {error}") from None
    shots = []
    for folder, number in zip(folders, numbers, strict=True):
        inner = folder.relative_to(root).as_posix()
        for shot in _with_endings(folder, read_shots(folder / WHOLE)):
            mask = None if shot.mask is None else f"{inner}/{shot.mask}"
            shots.append(replace(shot, path=f"{inner}/{shot.path}", mask=mask, time=float(number)))
    return shots


def _folders_of_frames(root: Path, most: int = MAX_FRAMES) -> list[Path]:
    """Folders with a transforms.json each, in the order of their numbers. most: of folders that are looked at."""
    for place in (root, root / "frames"):
        if place.is_dir():
            with os.scandir(place) as entries:
                names = [entry.name for entry, _ in zip(entries, range(most), strict=False) if entry.is_dir()]
            if found := [place / name for name in sorted(names, key=natural) if (place / name / WHOLE).is_file()]:
                return found
    return []


def _with_endings(folder: Path, shots: list[Shot]) -> list[Shot]:
    """D-NeRF leaves the endings of names out."""
    listed: dict[PurePosixPath, dict[str, str]] = {}

    def whole(shot: Shot) -> str:
        path = PurePosixPath(shot.path)
        if path.suffix.lower() in ENDINGS:
            return shot.path
        if path.parent not in listed:
            names = os.listdir(folder / path.parent) if (folder / path.parent).is_dir() else []
            pictures = (PurePosixPath(name) for name in sorted(names, reverse=True))
            listed[path.parent] = {name.stem: name.name for name in pictures if name.suffix.lower() in ENDINGS}
        if (name := listed[path.parent].get(path.name)) is None:
            raise InputError(
                f"{shot.where}: {folder / path}: image is missing, under this name with any of the endings "
                f"{', '.join(ENDINGS)}"
            )
        return str(path.with_name(name))

    return [replace(shot, path=whole(shot)) for shot in shots]


def _unique(shots: list[Shot]) -> list[Shot]:
    """Each picture once: what is trained on is not evaluated."""
    trained = {shot.path for shot in shots if not shot.held_out}
    kept: dict[tuple[str, float | None], Shot] = {}
    for shot in shots:
        if not (shot.held_out and shot.path in trained):
            kept.setdefault((shot.path, shot.time), shot)
    return list(kept.values())


def _times(root: Path, shots: list[Shot]) -> list[float]:
    """[n] when each picture was taken: its time, or the number in its name."""
    if any((shot.time is None) != (shots[0].time is None) for shot in shots):
        raise InputError(f"{root}: some of the files have 'time' and others do not")
    if all(shot.held_out for shot in shots):
        raise InputError(f"{root}: every picture is held out from training")
    if shots[0].time is not None:
        return [float(shot.time or 0) for shot in shots]
    try:
        return [float(number) for number in numbers_of_files([shot.path for shot in shots], group(shots)[0])]
    except ValueError as error:
        raise InputError(f"{root}: {error}; entries have no 'time' either") from None


def _numbers_told(shots: list[Shot], frames: list[int]) -> tuple[int, ...] | None:
    """[F] the frame numbers that the entries of trained pictures say, if they all do and the numbers rise."""
    trained = [(frame, shot.number) for shot, frame in zip(shots, frames, strict=True) if not shot.held_out]
    told = dict(trained)
    numbers = tuple(number for frame in sorted(told) if (number := told[frame]) is not None)
    agree = len(numbers) == len(told) and all(told[frame] == number for frame, number in trained)
    return numbers if agree and all(a < b for a, b in pairwise(numbers)) else None


def _box(options: Options) -> NDArray[np.float32] | None:
    """[2, 3] metres; None without one."""
    return (np.array(options.box).reshape(2, 3) * options.scale).astype(np.float32) if options.box else None


class _Masks:
    """Finds masks: those that entries name, or else those in a folder beside the file that repeat the pictures'
    names."""

    def __init__(self, root: Path, shots: list[Shot]):
        self.root = root
        self._named = any(shot.mask is not None for shot in shots)
        self._folders: dict[Path, MaskFolder | None] = {}

    def of(self, shot: Shot) -> Path | None:
        """Raises InputError for a mask that is named and missing."""
        if self._named:
            if shot.mask is not None and not (self.root / shot.mask).is_file():
                raise InputError(f"{shot.where}: {self.root / shot.mask}: mask is missing")
            return None if shot.mask is None else self.root / shot.mask
        base = shot.file.parent
        if base not in self._folders:
            found = find_mask_folder(base)
            self._folders[base] = MaskFolder(found) if found else None
        folder = self._folders[base]
        return None if folder is None else folder.find((self.root / shot.path).relative_to(base).as_posix())
