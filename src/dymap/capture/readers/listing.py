"""Folders of images, one a camera: which picture is of which frame.

    images/
      cam03/000012.jpg        the folder is called after the camera, the number is that of the frame
      cam04/rgb/12.png        or its pictures lie in the one folder in it
      cam05/frame_0012_1080p.jpg

Of a name's digits those count that advance (numbers.py). A camera may lack frames. Hidden files and files that are no
images (Thumbs.db) are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from dymap.capture.decode import ENDINGS, read_image, significant_white
from dymap.capture.labels import label_colours
from dymap.capture.masks import IMAGE_FOLDERS, MaskFolder, read_mask
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.readers.image_files import ImageFiles, first_pictures, read_cut_out, transparency
from dymap.capture.readers.zjumocap import read_palette
from dymap.capture.source import Bytes
from dymap.errors import InputError

MASK_FOLDERS = ("masks", "mask", "schp", "mask_cihp")
"""Names of a folder of masks; the first that there is is used."""

Numbered = dict[int, Path]
"""Pictures of one camera by the numbers of their frames."""


class ImageFolders:
    """A folder of folders of images. Each is listed once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._listed: dict[str, Numbered] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def names(self) -> tuple[str, ...]:
        """The folders that hold images, 2 before 10."""
        return tuple(name for name in _folders(self.folder) if _images(self.folder / name))

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a camera's first picture. Raises InputError if there is none."""
        if name not in self._sizes:
            height, width = self.first(name).shape[:2]
            self._sizes[name] = width, height
        return self._sizes[name]

    def first(self, name: str) -> Bytes:
        """A camera's first picture [H, W, 3]. Raises InputError if there is none."""
        return read_image(next(iter(self.of(name).values())))

    def of(self, name: str) -> Numbered:
        """A camera's pictures by frame numbers. Raises InputError for a missing folder and for names without order."""
        if name not in self._listed:
            self._listed[name] = numbered(self.folder / name)
        return self._listed[name]

    def footage(
        self, names: Sequence[str], masks: Path | None, shifts: Sequence[int] | None = None
    ) -> tuple[ImageFiles, tuple[int, ...]]:
        """The pictures of cameras, and the numbers of the frames that any of them has.

        masks: a folder, or None: transparency of the pictures says what is foreground, if they have any. shifts: by
        which the numbers of each camera rise. Raises InputError for a camera that has no frame in common with another.
        """
        columns = [
            {number + shift: path for number, path in self.of(name).items()}
            for name, shift in zip(names, shifts or [0] * len(names), strict=True)
        ]
        frames = tuple(sorted(set().union(*columns)))
        self._check_rows(names, columns)
        images = tuple(tuple(column.get(number) for column in columns) for number in frames)
        white = significant_white(list(first_pictures(images)))
        if masks is None:
            return ImageFiles(images, transparency(images), read_cut_out, white=white), frames
        finders = [_mask_finder(self.folder, masks, name, self.of(name)) for name in names]
        found = tuple(
            tuple(
                None if number not in column or (mask := find(number - shift)) is None else (mask,)
                for column, find, shift in zip(columns, finders, shifts or [0] * len(names), strict=True)
            )
            for number in frames
        )
        read = read_palette if masks.name == "schp" else read_mask_or_palette
        return ImageFiles(images, found, read, white=white), frames

    def _check_rows(self, names: Sequence[str], columns: Sequence[Numbered]) -> None:
        for name, column in zip(names, columns, strict=True):
            others = {other: frames for other, frames in zip(names, columns, strict=True) if other != name}
            if others and not any(column.keys() & frames.keys() for frames in others.values()):
                other, frames = next(iter(others.items()))
                raise InputError(
                    f"{self.folder / name}: its frames, {min(column)} to {max(column)}, are no other camera's "
                    f"({other!r} has {min(frames)} to {max(frames)}); expected the same numbers for the same time: "
                    "rename the files"
                )


def numbered(folder: Path) -> Numbered:
    """The pictures of a folder by the numbers of their frames, in their order. Raises InputError."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder of pictures; every camera of the calibration needs one that is called after it, "
            "or is left out of the calibration"
        )
    files = _images(folder)
    if not files:
        raise InputError(f"{folder}: holds no pictures ({', '.join(ENDINGS)})")
    try:
        return dict(zip(frame_numbers([file.name for file in files]), files, strict=True))
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from None


def find_mask_folder(root: Path, named: str = "") -> Path | None:
    """The folder of masks of a capture, the one that is named or the first that there is; None: there is none."""
    return next((root / name for name in ((named,) if named else MASK_FOLDERS) if (root / name).is_dir()), None)


def read_mask_or_palette(path: Path) -> Bytes:
    """[H, W] of a mask whose colours are labels, if all of them are of the palette; else of any other form."""
    return read_palette(path) if _palette_colours(path) else read_mask(path)


def _palette_colours(path: Path) -> bool:
    """Whether a PNG has colours, and no others than the palette of labels."""
    if path.suffix.lower() != ".png":
        return False
    with path.open("rb") as file:
        if file.read(26)[25:] not in (b"\2", b"\3"):  # grey, or with transparency
            return False
    rgb = read_image(path).reshape(-1, 3).astype(np.int32)
    codes = set(np.unique(rgb[:, 0] << 16 | rgb[:, 1] << 8 | rgb[:, 2]).tolist())
    return codes <= _palette() and any(code >> 16 != code & 255 for code in codes)


@cache
def _palette() -> frozenset[int]:
    return frozenset(int(r) << 16 | int(g) << 8 | int(b) for r, g, b in label_colours()[:20])


def _mask_finder(images: Path, masks: Path, name: str, column: Numbered) -> Callable[[int], Path | None]:
    """Frame number -> the mask: of the picture's own name, or if no mask has one, of its number."""
    folder = MaskFolder(masks)
    by_name = {number: folder.find(f"{name}/{path.relative_to(images / name)}") for number, path in column.items()}
    if any(by_name.values()) or not (masks / name).is_dir() or not _images(masks / name):
        return by_name.get
    return numbered(masks / name).get


def _images(folder: Path) -> list[Path]:
    """The images in a folder, or else in the one folder in it that has any (or is called as folders of images are)."""
    if files := _files(folder):
        return files
    inner = {name: files for name in _folders(folder) if (files := _files(folder / name))}
    if len(inner) > 1:
        inner = {name: files for name, files in inner.items() if name.lower() in IMAGE_FOLDERS}
    return next(iter(inner.values())) if len(inner) == 1 else []


def _files(folder: Path) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.name[0] != "." and p.is_file()]
    except OSError:
        return []
    return sorted(found, key=lambda path: natural(path.name))


def _folders(folder: Path) -> list[str]:
    try:
        found = [path.name for path in folder.iterdir() if path.name[0] != "." and path.is_dir()]
    except OSError:
        return []
    return sorted(found, key=natural)
