"""Survey: what the checks look at, gathered once: pictures and masks of some frames, made small.

Everything small: pictures are reduced (area averaging) until their longer side is `SIDE` pixels, and the cameras with
them; pixel (i, j) of either has its centre at the integer position. Masks are 0 background, 1 foreground, UNSEEN where
an undistorted picture shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes, Source
from dymap.errors import InputError
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort_nearest
from dymap.progress import Progress
from dymap.signals import in_order, threads

SIDE = 144
"""Pixels of the longer side of a small picture: a person is some eighty pixels tall."""
UNSEEN = 255
ROW = 8
"""Frames in a row, for what changes from frame to frame."""
READ = 384
"""Masks that are read at first of longer clips, but at least ROW + 4 of each camera. A finding may need others."""
SPREAD = 8
"""Frame positions whose pictures are compared."""


class Survey:
    """Small pictures and masks of some frames of a source; what was read is kept.

    cameras: small, with their distortion. frames: positions that are looked at, rising. faults: what could not be read,
    by frame position and view.
    """

    def __init__(self, source: Source, frames: Sequence[int] | None = None, side: int = SIDE):
        self.source = source
        self.cameras = tuple(small_camera(camera, side) for camera in source.cameras)
        self.frames = tuple(choose_frames(source) if frames is None else frames)
        self.faults: dict[tuple[int, int], str] = {}
        self._masks: dict[tuple[int, int], Bytes | None] = {}
        self._pictures: dict[tuple[int, int], Bytes | None] = {}

    @property
    def views(self) -> range:
        return range(len(self.cameras))

    def name(self, view: int) -> str:
        return self.source.cameras[view].name

    def number(self, frame: int) -> int:
        """The number of the frame at a position."""
        return self.source.frames[frame]

    def gather(self, progress: Progress | None = None, workers: int = 4) -> Survey:
        """Read what the checks ask for. Faults of files are kept, not raised. progress: takes done, of how many."""
        shots = [(frame, view) for frame in self.frames for view in self.views]

        def read(shot: tuple[int, int]) -> None:
            self.mask(*shot)
            self.picture(*shot)

        with threads(workers) as pool:
            for done, _ in enumerate(in_order(pool, shots, read, 4 * workers), 1):
                if progress is not None:
                    progress(done, len(shots))
        return self

    @property
    def spread(self) -> tuple[int, ...]:
        """Eight frame positions at most of those that are looked at: their pictures are compared."""
        places = np.linspace(0, len(self.frames) - 1, min(SPREAD, len(self.frames))).round().astype(int)
        return tuple(self.frames[place] for place in places)

    def mask(self, frame: int, view: int) -> Bytes | None:
        """[h, w] as filmed (distorted): 0 or 1; None: there is none, or it cannot be read."""
        key = (frame, view)
        if key not in self._masks:
            self._masks[key] = self._read_mask(frame, view)
        return self._masks[key]

    def picture(self, frame: int, view: int) -> Bytes | None:
        """[h, w, 3] as filmed (distorted); None: there is none, or it cannot be read."""
        key = (frame, view)
        if key not in self._pictures:
            self._pictures[key] = self._read_picture(frame, view)
        return self._pictures[key]

    def _read_mask(self, frame: int, view: int) -> Bytes | None:
        source, camera = self.source, self.cameras[view]
        if not (0 <= frame < len(source.frames)) or not source.present(frame, view) or not source.masked(frame, view):
            return None
        try:
            mask = source.mask(frame, view)
        except InputError as error:
            self.faults[frame, view] = str(error)
            return None
        if mask is None:
            return None
        share = cv2.resize((mask != 0).astype(np.float32), (camera.width, camera.height), interpolation=cv2.INTER_AREA)
        return (share >= 0.5).astype(np.uint8)

    def _read_picture(self, frame: int, view: int) -> Bytes | None:
        source, camera = self.source, self.cameras[view]
        if not source.present(frame, view):
            return None
        try:
            picture = source.picture(frame, view)
        except InputError as error:
            self.faults[frame, view] = str(error)
            return None
        size = (camera.width, camera.height)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def choose_frames(source: Source) -> list[int]:
    """Frame positions to look at: all of a short clip, else some over the clip and some in a row in its middle."""
    total, views = len(source.frames), len(source.cameras)
    count = max(ROW + 4, READ // max(views, 1))
    if total <= count:
        return list(range(total))
    middle = (total - ROW) // 2
    spread = np.linspace(0, total - 1, count - ROW).round().astype(int).tolist()
    return sorted({*spread, *range(middle, middle + ROW)})


def small_camera(camera: Camera, side: int = SIDE) -> Camera:
    """The camera of pictures reduced to a longer side of `side` pixels: centres of pixels are at integers in both."""
    ratio = min(1.0, side / max(camera.width, camera.height))
    width, height = max(1, round(camera.width * ratio)), max(1, round(camera.height * ratio))
    K = camera.K.copy()
    for row, scale in enumerate((width / camera.width, height / camera.height)):
        K[row] *= scale
        K[row, 2] += 0.5 * scale - 0.5
    return replace(camera, K=K, width=width, height=height)


def ideal_mask(mask: Bytes, camera: Camera) -> Bytes:
    """The mask [h, w] of a camera with distortion in the picture of an ideal one, UNSEEN where that shows more."""
    if not camera.distorted:
        return mask
    return undistort_nearest(mask, camera.K, camera.D, camera.lens, outside=UNSEEN)


def shares(masks: Iterable[Bytes | None]) -> NDArray[np.float64]:
    """[n] the share of each mask that is foreground; nan without one."""
    return np.array([np.nan if mask is None else float((mask == 1).mean()) for mask in masks])
