"""Writing the pictures, masks and sound of an import: what is there already is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event, Lock

import cv2
import numpy as np

from dymap.capture.importing.wanted import Wanted
from dymap.capture.masks import foreground, read_mask
from dymap.capture.readers.video_files import Rows, mask_index, masks_of
from dymap.capture.source import Bytes
from dymap.capture.synchronise.estimate import Offset
from dymap.capture.synchronise.sound import keep_sound
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.files import replacing
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort, undistort_nearest
from dymap.progress import Progress

Bars = Callable[[str], AbstractContextManager[Progress]]
"""title -> a context that yields a function of (done, total)."""
MaskAt = Callable[[int], Bytes | None]
"""The mask [H, W] of a picture by its number in the video, if there is one."""
JPEG_QUALITY = 95


def write_pictures(
    wanted: Wanted, videos: Sequence[VideoFile], cameras: Sequence[Camera], rows: Rows, progress: Bars
) -> int:
    """Write what is not there yet, a thread a camera; returns how many pictures were there."""
    total, lock, stop = int((rows.indices >= 0).sum()), Lock(), Event()
    done = kept = 0
    with progress("write pictures") as update, ThreadPoolExecutor(min(threads(), len(videos))) as pool:

        def work(view: int) -> None:
            nonlocal done, kept
            masks = mask_finder(wanted, videos[view], cameras[view].name)
            for frame, index in enumerate(rows.indices[:, view]):
                if index < 0 or stop.is_set():
                    continue
                was_there = write_moment(wanted, videos[view], cameras[view], masks, frame, int(index))
                with lock:
                    done, kept = done + 1, kept + was_there
                    update(done, total)
            videos[view].close()

        try:
            list(pool.map(work, range(len(videos))))
        except BaseException:
            stop.set()
            raise
    return kept


def write_moment(
    wanted: Wanted, video: VideoFile, camera: Camera, masks: MaskAt | None, frame: int, index: int
) -> bool:
    """Write a picture and its mask; returns whether both were there."""
    picture = wanted.out / "images" / camera.name / f"{frame:06d}.{wanted.ending}"
    mask_file = wanted.out / "masks" / camera.name / f"{frame:06d}.png"
    there = picture.exists()
    if not there:
        write_image(picture, prepared(video.picture(index), camera, wanted))
    if masks is not None and not mask_file.exists() and (mask := masks(index)) is not None:
        if mask.shape != (video.height, video.width):
            mask = np.asarray(cv2.resize(mask, (video.width, video.height), interpolation=cv2.INTER_NEAREST_EXACT))
        write_image(mask_file, prepared((mask != 0).astype(np.uint8) * 255, camera, wanted))
        there = False
    return there


def prepared(picture: Bytes, camera: Camera, wanted: Wanted) -> Bytes:
    """A picture [H, W, 3] or mask [H, W] without distortion and cropped, as far as is wanted."""
    if wanted.undistort and camera.distorted:
        if picture.ndim == 2:
            picture = undistort_nearest(picture, camera.K, camera.D, camera.lens)
        else:
            colours = undistort(picture.astype(np.float32), camera.K, camera.D, camera.lens)
            picture = np.rint(np.clip(colours, 0, 255)).astype(np.uint8)
    if wanted.crop is not None:
        x, y, width, height = wanted.crop
        picture = picture[y : y + height, x : x + width]
    return np.ascontiguousarray(picture)


def write_image(path: Path, picture: Bytes) -> None:
    """Write [H, W, 3] RGB or [H, W] grey as JPEG or PNG, beside and renamed."""
    how = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if path.suffix == ".jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    done, data = cv2.imencode(path.suffix, picture[..., ::-1] if picture.ndim == 3 else picture, how)
    if not done:
        raise InputError(f"{path}: a picture of {picture.shape[1]} x {picture.shape[0]} cannot be encoded")
    with replacing(path) as partial:
        partial.write_bytes(data.tobytes())


def heard_view(wanted: Wanted, videos: Sequence[VideoFile], names: Sequence[str]) -> int | None:
    """The camera whose sound is kept; None: there is no sound. Raises InputError if the one that is wanted has none."""
    if wanted.audio is None:
        return next((view for view, video in enumerate(videos) if video.has_audio), None)
    if wanted.audio not in names:
        raise InputError(f"--audio {wanted.audio!r}: no such camera; there are {', '.join(names)}")
    view = names.index(wanted.audio)
    if not videos[view].has_audio:
        raise InputError(f"{videos[view].path}: holds no sound; choose another --audio")
    return view


def write_sound(wanted: Wanted, video: VideoFile, offset: Offset, rows: Rows) -> Path:
    """Write the sound of a video, from the first frame to the end of the last; its file."""
    path = wanted.out / "audio.wav"
    begin = video.begin + float(rows.times[0]) - offset.seconds
    keep_sound(video.path, path, begin, float(rows.times[-1] - rows.times[0]) + 1 / rate_of(rows))
    return path


def rate_of(rows: Rows) -> float:
    """Frames a second."""
    return float(1 / np.median(np.diff(rows.times))) if len(rows.times) > 1 else 30.0


def threads() -> int:
    """As many as there are processors."""
    return os.cpu_count() or 1


def mask_finder(wanted: Wanted, video: VideoFile, name: str) -> MaskAt | None:
    """The masks of a video, if there are any."""
    if wanted.masks is None:
        return None
    masks = masks_of(wanted.masks, name, range(len(video.times)))

    def mask_at(index: int) -> Bytes | None:
        if isinstance(masks, VideoFile):
            return foreground(masks.picture(mask_index(masks, video, index)))
        path = None if masks is None else masks[index]
        return None if path is None else read_mask(path)

    return None if masks is None else mask_at
