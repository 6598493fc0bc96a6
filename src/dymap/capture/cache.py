"""Prepared images in one file, read whole or memory-mapped: a capture is decoded once and opens at once afterwards.

Values are rounded to uint8 (an error of at most 1/510); every image is cropped to the rectangle of its projected
box, outside of which nothing is ever asked for. The file is rebuilt when a source file, a camera, a box or an option
that shapes it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import UNKNOWN, Shot, prepare, prepared_camera
from dymap.capture.source import Source
from dymap.config import CaptureConfig, to_json
from dymap.errors import InputError
from dymap.files import read_json, replacing_folder
from dymap.geometry.box import bounding_rectangle, projected_box_mask
from dymap.partials import hold, sweep
from dymap.progress import Progress
from dymap.signals import held, threads

VERSION = 1
SMALL = 64 * 2**20
"""Bytes of images up to which they are read whole: nothing that happens to the file afterwards matters then."""
IN_FLIGHT = 512 * 2**20
"""Bytes of images that are prepared before they are written, unless there are more threads."""


def open_cache(
    source: Source,
    config: CaptureConfig,
    boxes: NDArray[np.float32],
    progress: Progress | None = None,
    stamps: bytes | None = None,
) -> ShotCache:
    """The cache of a prepared capture, built or rebuilt if it is missing, stale or damaged.

    boxes: [F, 2, 3] metres, world. progress: takes how many images are prepared, of how many. stamps: as `fingerprint`
    takes them. Raises InputError for files that are missing or cannot be read, and for a cache that cannot be written.
    """
    mark = fingerprint(source, config, boxes, stamps)
    folder = cache_folder(source, config)
    sweep(cache_root())
    shape = len(source.frames), len(source.cameras)
    if (cache := _open(folder, mark, shape)) is not None:
        return cache
    _build(folder, mark, source, config, boxes, progress)
    cache = _open(folder, mark, shape)
    if cache is None:
        raise InputError(f"{folder}: the cache was damaged while it was written")
    return cache


class ShotCache:
    """The images. `shot(frame, view)` raises InputError if they are not what was written."""

    def __init__(
        self,
        folder: Path,
        mark: str,
        data: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        crops: NDArray[np.int64],
        sums: NDArray[np.uint32] | None,
        mapped: IO[bytes] | None = None,
    ):
        """mark: the `fingerprint` of all that it was made from. sums: [F, V] CRC-32 of each block; None: it was made
        before there were any. mapped: the open file behind `data`, if it is not in memory; who cleans up leaves it as
        long as it is open."""
        self.folder, self.mark, self.mapped = folder, mark, mapped
        self._data, self._offsets, self._crops, self._sums = data, offsets, crops, sums
        self._checked = np.zeros(offsets.shape, bool)

    def shot(self, frame: int, view: int) -> Shot:
        """The prepared image and mask at a frame position, cropped. Raises InputError if they are damaged."""
        x, y, width, height = (int(v) for v in self._crops[frame, view])
        start = int(self._offsets[frame, view])
        # Looking at what a mapped file has lost ends the process.
        if self.mapped is not None and os.fstat(self.mapped.fileno()).st_size < len(self._data):
            raise InputError(f"{self.folder}: the image cache was cut short while it was read; run the command again")
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
    """Where caches live: $DYMAP_CACHE, or dymap's folder in the user's cache directory. Raises InputError if neither is
    known."""
    if folder := os.environ.get("DYMAP_CACHE"):
        return Path(folder)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dymap"
    except RuntimeError:  # a user that the system does not know, without HOME
        raise InputError(
            "no home folder is known for the cache of prepared images: say in DYMAP_CACHE which folder may hold it"
        ) from None


def cache_folder(source: Source, config: CaptureConfig) -> Path:
    """Where the cache of a capture is, prepared with these options."""
    root = source.root.resolve()  # however it is spelt
    options = to_json(config)
    for name, usual in _before(config).items():
        if options[name] == usual:
            del options[name]
    wanted = json.dumps([str(root), options], sort_keys=True)
    return cache_root() / f"{root.name}-{hashlib.sha256(wanted.encode(errors='surrogateescape')).hexdigest()[:12]}"


def _before(config: CaptureConfig) -> dict[str, str]:
    """Options that there were not when folders were named first, and how boxes were made then: other values count."""
    return {"box_smoothing": "none", "hull_votes": "half" if config.boxes == "hull" else "all"}


def fingerprint(source: Source, config: CaptureConfig, boxes: NDArray[np.float32], stamps: bytes | None = None) -> str:
    """Changes whenever the cache's content would: files (name, size, time), frames, cameras, boxes, options, ratio.

    stamps: the `file_stamps` of the source, if they were taken already: every file is looked at for them. Raises
    InputError that names a file that is missing.
    """
    shape = (VERSION, config.ratio, config.pixel_offset, source.layout, source.options, source.frames)
    digest = hashlib.sha256(repr(shape).encode())
    digest.update(boxes.tobytes())
    for camera in source.cameras:
        digest.update(b"".join(a.tobytes() for a in (camera.K, camera.D, camera.R, camera.T)))
        if camera.distorted and camera.K[0, 1] != 0:
            digest.update(b"skew")  # which older releases left out of undistorted pictures
    digest.update(file_stamps(source) if stamps is None else stamps)
    return digest.hexdigest()


def file_stamps(source: Source) -> bytes:
    """Name, size and time of every file of a capture. Raises InputError that names one that is missing."""
    stamps = []
    shots = ((frame, view) for frame in range(len(source.frames)) for view in source.views(frame))
    root, resolved = source.root, source.root.resolve()  # however the folder is spelt
    for path in dict.fromkeys(path for shot in shots for path in source.files(*shot)):  # a video holds many pictures
        try:
            status = path.stat()
        except FileNotFoundError:
            raise InputError(f"{path}: image is missing") from None
        name = resolved / path.relative_to(root) if path.is_relative_to(root) else path.resolve()
        stamps.append(f"{name} {status.st_size} {status.st_mtime_ns}".encode(errors="surrogateescape"))
    return b"".join(stamps)


def _open(folder: Path, mark: str, shape: tuple[int, int]) -> ShotCache | None:
    try:
        file = (folder / "shots.u8").open("rb")
    except OSError:
        return None
    if (cache := _read(folder, mark, shape, file)) is None or cache.mapped is None:
        file.close()
    if cache is not None:
        with suppress(OSError):  # a cache of somebody else
            os.utime(folder / "state.json")  # the last use
    return cache


def _read(folder: Path, mark: str, shape: tuple[int, int], file: IO[bytes]) -> ShotCache | None:
    """The cache whose images [frames, views] = shape are in an open file; None if it is not what `mark` says, or
    damaged."""
    try:
        hold(file.fileno())
        known = read_json(folder / "state.json")
        size = os.fstat(file.fileno()).st_size
        if (known["fingerprint"], known["bytes"]) != (mark, size):
            return None
        with np.load(folder / "index.npz", allow_pickle=False) as index:
            offsets, crops = index["offsets"], index["crops"]
            sums = index.get("sums")
        if not _fits(offsets, crops, sums, shape, size):
            return None
        if "index" in known and known["index"] != index_sum(offsets, crops, sums):  # older ones do not say
            return None
        if size <= SMALL:
            data = np.frombuffer(file.read(), np.uint8)
            return ShotCache(folder, mark, data, offsets, crops, sums) if len(data) == size else None
        data = np.asarray(np.memmap(file, np.uint8, "r"))  # as an array: slices of it cost less
        return ShotCache(folder, mark, data, offsets, crops, sums, file)
    except Exception:  # a damaged index can raise anything
        return None


def _fits(offsets: Any, crops: Any, sums: Any, shape: tuple[int, int], size: int) -> bool:
    """Whether an index is one of `shape` images that lie in `size` bytes."""
    plain = all(isinstance(array, np.ndarray) for array in (offsets, crops)) and (
        sums is None or (isinstance(sums, np.ndarray) and sums.dtype == np.uint32 and sums.shape == shape)
    )
    if not plain or (offsets.dtype, offsets.shape, crops.dtype, crops.shape) != (
        np.int64,
        shape,
        np.int64,
        (*shape, 4),
    ):
        return False
    sides = crops[..., 2:]
    if min(offsets.min(), crops.min()) < 0 or sides.max() >= 2**20:
        return False
    return bool((offsets <= size).all() and (offsets + sides.prod(axis=-1) * 4 <= size).all())


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
        with (partial / "shots.u8").open("wb") as file, threads(os.cpu_count()) as pool:
            window = images_in_flight(source, config)
            for start in range(0, len(items), window):
                batch = items[start : start + window]
                with held():
                    prepared = pool.map(work, batch)
                for frame, view in batch:
                    with held():
                        pixels, crop = next(prepared)
                    offsets[frame, view], crops[frame, view], sums[frame, view] = total, crop, zlib.crc32(pixels.data)
                    file.write(pixels.tobytes())
                    total += pixels.size
                if progress:
                    progress(start + len(batch), len(items))
        np.savez(partial / "index.npz", offsets=offsets, crops=crops, sums=sums)
        about = state(mark, total, source) | {"index": index_sum(offsets, crops, sums)}
        (partial / "state.json").write_text(json.dumps(about))


def images_in_flight(source: Source, config: CaptureConfig) -> int:
    """How many prepared images wait to be written: as many as IN_FLIGHT bytes hold, whatever the capture's length."""
    cameras = [prepared_camera(camera, config) for camera in source.cameras]
    largest = max(camera.width * camera.height * 4 for camera in cameras)
    return max(os.cpu_count() or 1, min(64, IN_FLIGHT // largest))


def state(mark: str, total: int, source: Source) -> dict[str, Any]:
    """What `state.json` holds: what the images are of, and how many bytes there are."""
    images = len(source.frames) * len(source.cameras)
    capture = str(source.root.resolve()).encode(errors="backslashreplace").decode()
    return {"fingerprint": mark, "bytes": total, "capture": capture, "images": images}


def index_sum(*arrays: NDArray[Any]) -> int:
    """CRC-32 of the index: where the images are."""
    return zlib.crc32(b"".join(array.tobytes() for array in arrays))


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
