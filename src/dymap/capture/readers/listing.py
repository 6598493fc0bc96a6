"""Folders of images, one a camera: which picture is of which frame.

    images/
      cam03/000012.jpg        the folder is called after the camera, the number is that of the frame
      cam04/rgb/12.png        or its pictures lie in the one folder in it
      cam05/frame_0012_1080p.jpg

Of a name's digits those count that advance (numbers.py). A camera may lack frames. Hidden files and files that are no
images (Thumbs.db) are passed over.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from dymap.capture.decode import ENDINGS, Pixels, read_image, read_pixels, significant_white
from dymap.capture.labels import label_colours
from dymap.capture.masks import IMAGE_FOLDERS, MaskFolder, foreground
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.readers.image_files import ImageFiles, first_pictures, read_cut_out, transparency
from dymap.capture.readers.zjumocap import palette_mask, read_palette
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
        self._files: dict[str, list[Path]] = {}
        self._listed: dict[str, Numbered] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    def names(self) -> tuple[str, ...]:
        """The folders that hold images, 2 before 10."""
        return tuple(name for name in _folders(self.folder) if self._images(name))

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
            self._listed[name] = numbered(self.folder / name, self._images(name))
        return self._listed[name]

    def _images(self, name: str) -> list[Path]:
        if name not in self._files:
            self._files[name] = images_in(self.folder / name)
        return self._files[name]

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


def numbered(folder: Path, files: list[Path]) -> Numbered:
    """The pictures of a camera's folder, `images_in` it, by the numbers of their frames. Raises InputError."""
    if not os.path.isdir(folder):  # which takes names that are too long for any disk
        raise InputError(
            f"{folder}: no such folder of pictures; every camera of the calibration needs one that is called after it, "
            "or is left out of the calibration"
        )
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
    pixels = read_pixels(path)
    return palette_mask(pixels) if _is_palette(pixels) else foreground(pixels)


def _is_palette(pixels: Pixels) -> bool:
    """Whether pixels have colours, and no others than the palette of labels."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        return False
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    if (red == green).all() and (red == blue).all():
        return False
    return set(np.unique(red << 16 | green << 8 | blue).tolist()) <= _palette()


@cache
def _palette() -> frozenset[int]:
    return frozenset(int(r) << 16 | int(g) << 8 | int(b) for r, g, b in label_colours()[:20])


def _mask_finder(images: Path, masks: Path, name: str, column: Numbered) -> Callable[[int], Path | None]:
    """Frame number -> the mask: of the picture's own name, or if no mask has one, of its number."""
    folder = MaskFolder(masks)
    by_name = {number: folder.find(f"{name}/{path.relative_to(images / name)}") for number, path in column.items()}
    if any(by_name.values()) or not (files := images_in(masks / name)):
        return by_name.get
    return numbered(masks / name, files).get


def images_in(folder: Path) -> list[Path]:
    """The images in a folder, or else in the one folder in it that has any (or is called as folders of images are)."""
    if files := _files(folder):
        return files
    inner = {name: files for name in _folders(folder) if (files := _files(folder / name))}
    if len(inner) > 1:
        inner = {name: files for name, files in inner.items() if name.lower() in IMAGE_FOLDERS}
    return next(iter(inner.values())) if len(inner) == 1 else []


def _files(folder: Path) -> list[Path]:
    """The images right in a folder, in the order of their names."""
    return [folder / entry.name for entry in _entries(folder) if _ending(entry.name) in ENDINGS and entry.is_file()]


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden, 2 before 10. What is a file comes with the listing: folders are long."""
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if entry.name[0] != "."), key=lambda entry: natural(entry.name))
    except OSError:
        return []


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()
