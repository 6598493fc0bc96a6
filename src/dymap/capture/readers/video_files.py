"""Footage of a layout that keeps one video a camera: nothing is copied, pictures are chosen by their time stamps."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import ENDINGS as PICTURES
from dymap.capture.masks import foreground, read_mask
from dymap.capture.numbers import frame_numbers, natural
from dymap.capture.source import Bytes, Footage
from dymap.capture.video_packets import ENDINGS as VIDEOS
from dymap.capture.videos import VideoFile
from dymap.errors import InputError

Indices = NDArray[np.int64]

FARTHEST = 0.75
"""A camera lacks a frame if its nearest picture is further away than so many of its intervals."""
OPEN_BYTES = 2**32
"""Of memory that open decoders may take, all together."""
KEPT_PICTURES = 20
"""That a decoder keeps: references, and those it sorts."""


@dataclass(frozen=True)
class Rows:
    """Which pictures belong together. times: [F] seconds on the common clock, at which each frame was filmed.
    indices: [F, V] the picture of each video; -1: the camera lacks the frame."""

    times: NDArray[np.float64]
    indices: Indices


CameraMasks = VideoFile | tuple[Path | None, ...] | None
"""A video of masks whose pictures are shown when the camera's are, or [F] files of masks (None: this frame has none),
or None: the camera has no masks."""
Masks = tuple[CameraMasks, ...]
"""Of each camera."""


@dataclass(frozen=True, eq=False)
class VideoFiles(Footage):
    """One video a camera.

    videos: [V]. indices: [F, V] the picture of each video at each frame; -1: the camera lacks it. masks: None: nothing
    says what is foreground.
    """

    videos: tuple[VideoFile, ...]
    indices: Indices
    masks: Masks | None = None
    _open: OpenVideos = field(default_factory=lambda: OpenVideos(), init=False)

    @property
    def has_masks(self) -> bool:
        return self.masks is not None and any(mask is not None for mask in self.masks)

    def present(self, frame: int, view: int) -> bool:
        return bool(self.indices[frame, view] >= 0)

    def masked(self, frame: int, view: int) -> bool:
        masks = None if self.masks is None else self.masks[view]
        if not self.present(frame, view) or masks is None:
            return False
        return isinstance(masks, VideoFile) or masks[frame] is not None

    def picture(self, frame: int, view: int) -> Bytes:
        return self._open.picture(self.videos[view], int(self.indices[frame, view]))

    def mask(self, frame: int, view: int) -> Bytes | None:
        masks, video = None if self.masks is None else self.masks[view], self.videos[view]
        if isinstance(masks, VideoFile):
            return foreground(self._open.picture(masks, mask_index(masks, video, int(self.indices[frame, view]))))
        path = None if masks is None else masks[frame]
        return None if path is None else read_mask(path)

    def number(self, frame: int, view: int) -> int | None:
        return int(self.indices[frame, view]) if self.present(frame, view) else None

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        masks = None if self.masks is None else self.masks[view]
        mask = masks.path if isinstance(masks, VideoFile) else None if masks is None else masks[frame]
        return (self.videos[view].path, *(() if mask is None else (mask,)))


class OpenVideos:
    """Closes the decoders that were not used for longest, so that those that are open fit the memory."""

    def __init__(self, most: int = OPEN_BYTES):
        """most: bytes."""
        self.most = most
        self._used: OrderedDict[VideoFile, int] = OrderedDict()
        self._lock = Lock()

    def picture(self, video: VideoFile, index: int) -> Bytes:
        """[H, W, 3] RGB of one of the videos."""
        with self._lock:
            self._used.pop(video, None)
            self._used[video] = video.width * video.height * (2 if video.facts.bits <= 8 else 4) * KEPT_PICTURES
            spare = []
            while sum(self._used.values()) > self.most and len(self._used) > 1:
                spare.append(self._used.popitem(last=False)[0])
        for other in spare:
            other.close()
        return video.picture(index)


def rows_by_time(
    videos: Sequence[VideoFile],
    offsets: Sequence[float] | None = None,
    *,
    fps: float | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Rows:
    """Which pictures were taken at the same time: those nearest to the frames of a common clock.

    offsets: [V] seconds on the common clock at which each video begins, default 0 (they began together). fps: frames a
    second; default: whenever the first video has a picture. start, end: seconds on the common clock; frames lie in
    [start, end), and where every video runs. A picture belongs to one frame at most, to the nearest. Raises InputError
    if the videos have no time in common.
    """
    begins = np.zeros(len(videos)) if offsets is None else np.asarray(offsets, dtype=np.float64)
    slack = [FARTHEST * video.interval for video in videos]
    last = [begin + float(video.times[-1]) for begin, video in zip(begins, videos, strict=True)]
    low = max(start, *(begin - late for begin, late in zip(begins, slack, strict=True)))
    high = min(stop + late for stop, late in zip(last, slack, strict=True))
    if fps is None:
        times = begins[0] + videos[0].times
    else:
        first = max(start, float(begins.max()))
        times = first + np.arange(max(int(np.ceil((high - first) * fps - 1e-6)), 0)) / fps
    times = times[(times >= low - 1e-6) & (times <= high) & (times < (np.inf if end is None else end - 1e-6))]
    if len(times) == 0:
        spans = ", ".join(
            f"{video.path.name} {begin:.2f} to {stop:.2f}"
            for video, begin, stop in zip(videos[:4], begins[:4], last[:4], strict=True)
        )
        raise InputError(
            f"{videos[0].path.parent}: no moment from {start:g} to {'the end' if end is None else f'{end:g}'} seconds "
            f"at which every camera films ({spans}{', ...' if len(videos) > 4 else ''} seconds); check the offsets, "
            "and the beginning and end that were asked for"
        )
    columns = [
        _nearest(video.times + begin, times, late) for video, begin, late in zip(videos, begins, slack, strict=True)
    ]
    indices = np.stack(columns, axis=1)
    # At its ends a video may share a picture between two frames, of which it then lacks one.
    begun = np.array([(times >= begin) & (times <= stop) for begin, stop in zip(begins, last, strict=True)])
    whole = (begun.T | (indices >= 0)).all(axis=1)
    return Rows(times[whole], indices[whole])


def mask_index(masks: VideoFile, video: VideoFile, index: int) -> int:
    """The picture of a video of masks that belongs to a picture: of the same number if there are as many of both, for
    programs that write masks do not keep time stamps; else the one that is shown at the same time."""
    return index if len(masks.times) == len(video.times) else masks.index_at(float(video.times[index]))


def find_masks(folder: Path, names: Sequence[str], indices: Indices) -> Masks | None:
    """The masks of cameras by their names: a video `folder/NAME.mp4`, or files `folder/NAME/NUMBER.png`, where NUMBER
    is the picture's in the camera's own video.

    indices: [F, V] the picture of each video at each frame. None: there are none at all. Raises InputError that names a
    folder whose files do not say which pictures they are of.
    """
    found = tuple(masks_of(folder, name, column) for name, column in zip(names, indices.T.tolist(), strict=True))
    return found if any(masks is not None for masks in found) else None


def masks_of(folder: Path, name: str, numbers: Sequence[int]) -> CameraMasks:
    """The masks of one camera, see `find_masks`. numbers: [F] of the pictures in its video; -1: it lacks the frame.
    Raises InputError that names a folder whose files do not say which pictures they are of."""
    if (files := mask_files(folder, name)) is None:
        return None
    if files[:1] and files[0].parent == folder:
        return VideoFile(files[0])
    try:
        found = dict(zip(frame_numbers([path.name for path in files]), files, strict=True)) if files else {}
    except ValueError as error:
        raise InputError(f"{folder / name}: {error}") from None
    return tuple(found.get(number) for number in numbers)


def mask_files(folder: Path, name: str) -> list[Path] | None:
    """The video of a camera's masks, or the files in its folder in the order of their numbers; None: it has neither."""
    for ending in VIDEOS:
        if (path := folder / f"{name}{ending}").is_file():
            return [path]
    if not (folder / name).is_dir():
        return None
    files = [path for path in (folder / name).iterdir() if path.suffix.lower() in PICTURES and path.name[0] != "."]
    return sorted(files, key=lambda path: natural(path.name))


def _nearest(shown: NDArray[np.float64], times: NDArray[np.float64], farthest: float) -> Indices:
    """[F] for each time the picture shown nearest to it, or -1; a picture serves only the nearest of the times."""
    after = np.clip(np.searchsorted(shown, times), 1, max(len(shown) - 1, 1)).clip(max=len(shown) - 1)
    before = np.maximum(after - 1, 0)
    found = np.where(times - shown[before] <= shown[after] - times + 1e-9, before, after)
    distance = np.abs(shown[found] - times)
    order = np.lexsort((distance, found))  # of the frames that share a picture the nearest comes first
    taken = np.ones(len(times), bool)
    taken[order[1:]] = found[order[1:]] != found[order[:-1]]
    return np.where(taken & (distance <= farthest), found, -1)
