"""The masks that an import is given: looked for before anything is written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dymap.capture.importing.wanted import Wanted
from dymap.capture.masks import foreground, read_mask
from dymap.capture.readers.video_files import Rows, mask_files, mask_index, masks_of
from dymap.capture.source import Bytes
from dymap.capture.videos import VideoFile
from dymap.errors import InputError


@dataclass(frozen=True)
class MaskFiles:
    """Where the masks of a camera are. name: of its video or folder in the folder of masks. files: the video, or the
    pictures."""

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class GivenMasks:
    """The masks of a video: a video too, or [n] files, one a picture (None: this one has none)."""

    video: VideoFile
    masks: VideoFile | tuple[Path | None, ...]

    def has(self, index: int) -> bool:
        """Whether a picture of the video, by its number, has a mask."""
        return isinstance(self.masks, VideoFile) or self.masks[index] is not None

    def at(self, index: int) -> Bytes | None:
        """[H, W] 1 foreground, 0 background: the mask of a picture, if there is one."""
        if isinstance(self.masks, VideoFile):
            return foreground(self.masks.picture(mask_index(self.masks, self.video, index)))
        path = self.masks[index]
        return None if path is None else read_mask(path)


def find_mask_files(wanted: Wanted, names: Sequence[tuple[str, ...]]) -> list[MaskFiles | None]:
    """Where the masks of each camera are; None: it has none. names: by which each camera may be called.

    Raises InputError if masks are wanted and no camera has any.
    """
    if wanted.masks is None:
        return [None] * len(names)
    if not wanted.masks.is_dir():
        raise InputError(
            f"--masks {wanted.masks}: {'no folder' if wanted.masks.exists() else 'no such folder'}; expected one that "
            "holds CAMERA.mp4, or CAMERA/NUMBER.png, of each camera"
        )
    try:
        found = [next(filter(None, (_of_name(wanted.masks, name) for name in each)), None) for each in names]
        inside = ", ".join(sorted(path.name for path in wanted.masks.iterdir())[:5]) or "nothing"
    except OSError as error:
        raise InputError(f"--masks {wanted.masks}: cannot be read ({error.strerror or error})") from None
    if not any(found):
        raise InputError(
            f"--masks {wanted.masks}: holds masks of no camera; expected {names[0][0]}.mp4 or {names[0][0]}/NUMBER.png "
            f"and so on, found {inside}"
        )
    return found


def open_masks(
    wanted: Wanted, found: Sequence[MaskFiles | None], videos: Sequence[VideoFile]
) -> list[GivenMasks | None]:
    """The masks of each video. Raises InputError for files that do not say which pictures they are of."""
    opened: list[GivenMasks | None] = []
    for files, video in zip(found, videos, strict=True):
        if wanted.masks is None or files is None:
            opened.append(None)
            continue
        masks = masks_of(wanted.masks, files.name, range(len(video.times)))
        opened.append(None if masks is None else GivenMasks(video, masks))
    return opened


def masked_frames(wanted: Wanted, masks: Sequence[GivenMasks | None], rows: Rows) -> list[int]:
    """[V] how many pictures of each camera have a mask. Raises InputError if masks are wanted and none has one."""
    counts = [
        0 if of is None else sum(of.has(int(index)) for index in column if index >= 0)
        for of, column in zip(masks, rows.indices.T, strict=True)
    ]
    if wanted.masks is not None and not any(counts):
        raise InputError(
            f"--masks {wanted.masks}: none of its files is of a picture that is imported; expected the pictures' "
            "numbers in their videos as names, from 0 on"
        )
    return counts


def told_of_masks(wanted: Wanted, names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Which cameras lack masks, if others have some."""
    lacking = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if wanted.masks is None or not lacking:
        return []
    return [f"cameras without masks in {wanted.masks}: {', '.join(lacking)}"]


def _of_name(folder: Path, name: str) -> MaskFiles | None:
    if name in ("", os.curdir, os.pardir) or Path(name).name != name or "\0" in name:  # may not leave the folder
        return None
    files = mask_files(folder, name)
    return MaskFiles(name, tuple(files)) if files else None
