"""Folders of videos, one a camera: which picture is of which frame.

videos/
  cam03.mp4               the video is called after the camera
  cam04/GX010042.MP4      or it is the one video in the camera's folder
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dymap.capture.numbers import natural
from dymap.capture.readers.video_files import VideoFiles, find_masks, rows_by_time
from dymap.capture.source import Bytes
from dymap.capture.video_packets import ENDINGS
from dymap.capture.videos import VideoFile
from dymap.errors import InputError


class VideoFolder:
    """A folder of videos. Each is opened once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._open: dict[str, VideoFile] = {}

    def names(self) -> tuple[str, ...]:
        """What the videos, or their folders, are called, 2 before 10."""
        found = {path.stem for path in videos_in(self.folder)}
        found |= {path.name for path in self.folder.iterdir() if path.is_dir() and len(videos_in(path)) == 1}
        return tuple(sorted(found, key=natural))

    def size(self, name: str) -> tuple[int, int]:
        """Width and height of a camera's pictures. Raises InputError."""
        video = self.of(name)
        return video.width, video.height

    def first(self, name: str) -> Bytes:
        """A camera's first picture [H, W, 3]. Raises InputError."""
        return self.of(name).picture(0)

    def of(self, name: str) -> VideoFile:
        """A camera's video. Raises InputError if there is none, or several."""
        if name not in self._open:
            self._open[name] = VideoFile(self.path(name))
        return self._open[name]

    def path(self, name: str) -> Path:
        """The file of a camera's video. Raises InputError if there is none, or several."""
        found = [path for path in videos_in(self.folder) if path.stem == name] or videos_in(self.folder / name)
        if not found:
            raise InputError(
                f"{self.folder / name}.mp4: no such video; every camera of the calibration needs one that is called "
                "after it, or is left out of the calibration"
            )
        if len(found) > 1:
            raise InputError(f"{self.folder}: holds {found[0].name} and {found[1].name} for one camera; keep one")
        return found[0]

    def footage(
        self, names: Sequence[str], masks: Path | None, offsets: Sequence[float] | None = None, fps: float = 0.0
    ) -> tuple[VideoFiles, tuple[int, ...]]:
        """The pictures of cameras at the same times, and the numbers of their frames, counted in the first video.

        masks: a folder of masks, or None; files in it have the numbers of the pictures in the camera's video. offsets:
        seconds on the common clock at which each video begins. fps: frames a second that are taken, counted from 0; 0:
        each picture of the first video. Raises InputError.
        """
        videos = tuple(self.of(name) for name in names)
        rows = rows_by_time(videos, offsets, fps=fps or None)
        frames = tuple(range(len(rows.times))) if fps else tuple(int(index) for index in rows.indices[:, 0])
        found = None if masks is None else find_masks(masks, names, rows.indices)
        return VideoFiles(videos, rows.indices, found), frames


def videos_in(folder: Path) -> list[Path]:
    """The videos in a folder, in the order of their names."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.name[0] != "." and p.is_file()]
    except OSError:
        return []
    return sorted(found, key=lambda path: natural(path.name))
