"""Prepared images in one memory-mapped file, so that a capture is decoded once and opens at once afterwards.

Values are rounded to uint8 (an error of at most 1/510); every image is cropped to the rectangle of its projected
box, outside of which nothing is ever asked for. The file is rebuilt when a source file, a camera, a box or an option
that shapes it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import UNKNOWN, Shot, prepare, prepared_camera
from dymap.capture.source import Source
from dymap.config import CaptureConfig, to_json
from dymap.errors import InputError
from dymap.files import replacing_folder
from dymap.geometry.box import bounding_rectangle, projected_box_mask

VERSION = 1
Progress = Callable[[int, int], None]


def open_cache(
    source: Source, config: CaptureConfig, boxes: NDArray[np.float32], progress: Progress | None = None
) -> ShotCache:
    """The cache of a prepared capture, built or rebuilt if it is missing, stale or damaged."""
    mark = fingerprint(source, config, boxes)
    wanted = json.dumps([str(source.root.resolve()), to_json(config)], sort_keys=True)
    place = hashlib.sha256(wanted.encode()).hexdigest()[:12]
    folder = cache_root() / f"{source.root.name}-{place}"
    if (cache := _open(folder, mark)) is not None:
        return cache
    _build(folder, mark, source, config, boxes, progress)
    cache = _open(folder, mark)
    if cache is None:
        raise InputError(f"{folder}: the cache was damaged while it was written")
    return cache


class ShotCache:
    """The memory-mapped file. `shot(frame, view)` copies nothing but what is asked for.

    It raises InputError if that is not what was written.
    """

    def __init__(
        self,
        folder: Path,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        crops: NDArray[np.int64],
        sums: NDArray[np.uint32] | None,
    ):
        """sums: [F, V] CRC-32 of each block; None: it was made before there were any."""
        self.folder = folder
        self._data, self._offsets, self._crops, self._sums = data, offsets, crops, sums
        self._checked = np.zeros(offsets.shape, bool)

    def shot(self, frame: int, view: int) -> Shot:
        x, y, width, height = (int(v) for v in self._crops[frame, view])
        start = int(self._offsets[frame, view])
        block = self._data[start : start + width * height * 4].reshape(height, width, 4)
        if self._sums is not None and not self._checked[frame, view]:  # once a process: a gigabyte takes a second
            if zlib.crc32(np.ascontiguousarray(block).data) != self._sums[frame, view]:
                (self.folder / "state.json").unlink(missing_ok=True)
                raise InputError(
                    f"{self.folder}: the image cache was damaged on the disk (its checksum differs at frame position "
                    f"{frame}, view {view}); the next command prepares the images again"
                )
            self._checked[frame, view] = True
        return Shot(block[..., :3], block[..., 3], x, y)


def cache_root() -> Path:
    """Where caches live: $DYMAP_CACHE, or dymap's folder in the user's cache directory."""
    if folder := os.environ.get("DYMAP_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dymap"


def fingerprint(source: Source, config: CaptureConfig, boxes: NDArray[np.float32]) -> str:
    """Changes whenever the cache's content would: files (name, size, time), frames, cameras, boxes, options, ratio.

    Raises InputError that names a file that is missing.
    """
    shape = (VERSION, config.ratio, config.pixel_offset, source.layout, source.options, source.frames)
    digest = hashlib.sha256(repr(shape).encode())
    digest.update(boxes.tobytes())
    for camera in source.cameras:
        digest.update(b"".join(a.tobytes() for a in (camera.K, camera.D, camera.R, camera.T)))
    shots = ((frame, view) for frame in range(len(source.frames)) for view in source.views(frame))
    for path in dict.fromkeys(path for shot in shots for path in source.files(*shot)):  # a video holds many pictures
        try:
            status = path.stat()
        except FileNotFoundError:
            raise InputError(f"{path}: image is missing") from None
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _open(folder: Path, mark: str) -> ShotCache | None:
    try:
        state = json.loads((folder / "state.json").read_text())
        if state != {"fingerprint": mark, "bytes": (folder / "shots.u8").stat().st_size}:
            return None
        with np.load(folder / "index.npz", allow_pickle=False) as index:
            offsets, crops = index["offsets"], index["crops"]
            sums = index.get("sums")
        data = np.asarray(np.memmap(folder / "shots.u8", np.uint8, "r"))  # as an array: slices of it cost less
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return ShotCache(folder, data, offsets, crops, sums)


def _build(
    folder: Path,
    mark: str,
    source: Source,
    config: CaptureConfig,
    boxes: NDArray[np.float32],
    progress: Progress | None,
) -> None:
    frames, views = len(source.frames), len(source.cameras)
    offsets = np.zeros((frames, views), np.int64)
    crops = np.zeros((frames, views, 4), np.int64)
    sums = np.zeros((frames, views), np.uint32)

    def work(item: tuple[int, int]) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
        return prepare_shot(source, config, boxes[item[0]], *item)

    items = [(frame, view) for frame in range(frames) for view in source.views(frame)]
    with replacing_folder(folder, "the image cache") as partial:
        total = 0
        with (partial / "shots.u8").open("wb") as file, ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                window = 64  # images in flight: bounds the memory whatever the capture's length
                for start in range(0, len(items), window):
                    batch = items[start : start + window]
                    for (frame, view), (pixels, crop) in zip(batch, pool.map(work, batch), strict=True):
                        offsets[frame, view], crops[frame, view], sums[frame, view] = (
                            total,
                            crop,
                            zlib.crc32(pixels.data),
                        )
                        file.write(pixels.tobytes())
                        total += pixels.size
                    if progress:
                        progress(start + len(batch), len(items))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        np.savez(partial / "index.npz", offsets=offsets, crops=crops, sums=sums)
        (partial / "state.json").write_text(json.dumps({"fingerprint": mark, "bytes": total}))


def prepare_shot(
    source: Source, config: CaptureConfig, box: NDArray[np.float32], frame: int, view: int
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int]]:
    """rgb and mask [h, w, 4] uint8 of one image inside the rectangle (x, y, w, h) of its projected box."""
    colour, mask = prepare(*source.read(frame, view), source.cameras[view], config.ratio)
    inside = projected_box_mask(box, prepared_camera(source.cameras[view], config))
    x, y, width, height = crop = bounding_rectangle(inside)
    out = np.empty((*colour.shape[:2], 4), np.uint8)
    out[..., :3] = np.rint(colour * 255)
    out[..., 3] = mask if mask is not None else UNKNOWN if source.has_masks else 1
    out[inside == 0] = 0
    return np.ascontiguousarray(out[y : y + height, x : x + width]), crop
