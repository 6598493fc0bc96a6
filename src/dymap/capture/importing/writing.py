"""Writing the pictures, masks and sound of an import: what is there already is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

from dymap.capture.importing.masks import GivenMasks
from dymap.capture.importing.wanted import Wanted
from dymap.capture.readers.video_files import Rows
from dymap.capture.source import Bytes
from dymap.capture.synchronise.estimate import Offset
from dymap.capture.synchronise.sound import keep_sound
from dymap.capture.videos import VideoFile
from dymap.errors import InputError
from dymap.files import replacing
from dymap.geometry.camera import Camera
from dymap.geometry.lens import undistort, undistort_nearest
from dymap.progress import Progress
from dymap.signals import check_ended, in_order, threads

Bars = Callable[[str], AbstractContextManager[Progress]]
"""title -> a context that yields a function of (done, total)."""
JPEG_QUALITY = 95


def write_pictures(
    wanted: Wanted,
    videos: Sequence[VideoFile],
    cameras: Sequence[Camera],
    masks: Sequence[GivenMasks | None],
    rows: Rows,
    progress: Bars,
) -> int:
    """Write what is not there yet, a thread a camera; returns how many pictures were there."""
    total, lock = int((rows.indices >= 0).sum()), Lock()
    done = kept = 0
    with progress("write pictures") as update, threads(min(processors(), len(videos))) as pool:

        def work(view: int) -> None:
            nonlocal done, kept
            for frame, index in enumerate(rows.indices[:, view]):
                if index < 0:
                    continue
                check_ended()
                was_there = write_moment(wanted, videos[view], cameras[view], masks[view], frame, int(index))
                with lock:
                    done, kept = done + 1, kept + was_there
                    update(done, total)
            videos[view].close()

        for _ in in_order(pool, range(len(videos)), work, len(videos)):
            pass
    return kept


def write_moment(
    wanted: Wanted, video: VideoFile, camera: Camera, masks: GivenMasks | None, frame: int, index: int
) -> bool:
    """Write a picture and its mask; returns whether both were there."""
    picture = wanted.out / "images" / camera.name / f"{frame:06d}.{wanted.ending}"
    mask_file = wanted.out / "masks" / camera.name / f"{frame:06d}.png"
    there = picture.exists()
    if not there:
        write_image(picture, prepared(video.picture(index), camera, wanted))
    if masks is not None and not mask_file.exists() and (mask := masks.at(index)) is not None:
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


def heard_view(wanted: Wanted, videos: Sequence[VideoFile], names: Sequence[tuple[str, ...]]) -> int | None:
    """The camera whose sound is kept; None: there is no sound. names: by which each camera may be called.

    Raises InputError if the one that is wanted has none.
    """
    if wanted.audio is None:
        return next((view for view, video in enumerate(videos) if video.has_audio), None)
    view = next((view for view, each in enumerate(names) if wanted.audio in each), None)
    if view is None:
        known = ", ".join(each[0] for each in names)
        raise InputError(f"--audio {wanted.audio!r}: no such camera; there are {known}")
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


def processors() -> int:
    return os.cpu_count() or 1
