"""The sample on disk, in the refined ZJU-MoCap layout."""

from __future__ import annotations

import os
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.labels import label_colours
from dymap.errors import InputError
from dymap.files import read_json, replacing_folder, write_json
from dymap.geometry.camera import Camera
from dymap.progress import Progress
from dymap.sample.cameras import sample_cameras
from dymap.sample.figure import surface_points
from dymap.sample.render import draw, make_scene
from dymap.sample.studio import Backdrop, backdrop
from dymap.signals import held, threads

VERSION = 2  # raised whenever the pixels change, so that an older sample is not taken for the present one
JPEG_QUALITY = 97
MILLIMETRES = 1000.0


def write_sample(
    root: str | os.PathLike[str],
    *,
    frames: int = 24,
    views: int = 16,
    size: int = 512,
    fps: float = 24.0,
    progress: Progress | None = None,
) -> Path:
    """Write the built-in sample capture, a dancer ray-traced from analytic shapes, to the folder `root`.

    frames: images per camera, evenly over one loop of the dance.  views: cameras in the ring.  size: image width and
    height, pixels.  fps: frames per second that players should show.  progress: called with (images done, images).
    The folder appears only once it is complete. If it already holds this sample, nothing is done; if it holds
    anything else, FileExistsError. Files are the same for the same parameters.
    """
    if frames < 1 or views < 1 or size < 8 or fps <= 0:
        raise ValueError(f"a sample needs frames, views >= 1, size >= 8, fps > 0; got {frames}, {views}, {size}, {fps}")
    root = Path(root)
    parameters = {
        "name": "dymap sample",
        "version": VERSION,
        "frames": frames,
        "views": views,
        "size": size,
        "fps": float(fps),
        "up": [0.0, 0.0, 1.0],
    }
    if _is_written(root, parameters):
        return root
    cameras = sample_cameras(views, size)
    with replacing_folder(root, "the sample", overwrite=False) as partial:
        (partial / "vertices").mkdir()
        np.save(partial / "annots.npy", np.array(calibration(cameras, frames), dtype=object), allow_pickle=True)
        for frame in range(frames):
            np.save(partial / "vertices" / f"{frame:06d}.npy", surface_points(frame / frames))
        _write_images(partial, cameras, frames, progress)
        write_json(partial / "sample.json", parameters)
    return root


def _is_written(root: Path, parameters: dict[str, Any]) -> bool:
    """Whether `root` already holds this very sample. Raises FileExistsError if it holds anything else."""
    if not root.exists():
        return False
    if root.is_dir() and not any(root.iterdir()):
        return False
    try:
        found = read_json(root / "sample.json")
    except InputError:
        raise FileExistsError(f"{root} exists and is not a dymap sample: choose another folder or remove it") from None
    if found != parameters:
        raise FileExistsError(
            f"{root} holds a sample made with other parameters ({found}, asked for {parameters}): "
            "choose another folder or remove it"
        )
    return True


def _write_images(root: Path, cameras: list[Camera], frames: int, progress: Progress | None) -> None:
    colours = label_colours()
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    jpeg += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]  # colour at full resolution

    def write(view: int, studio: Backdrop, frame: int) -> None:
        rgb, labels = draw(scenes[frame], cameras[view], studio)
        _save(root / image_path(view, frame), rgb, jpeg)
        _save(root / mask_path(view, frame), colours[labels], [])

    # Threads, not processes: a library must not start its caller's main module again, and numpy frees the lock.
    with threads(min(os.cpu_count() or 1, 8)) as pool:
        with held():
            scenes = list(pool.map(make_scene, [frame / frames for frame in range(frames)]))
        done, total = 0, frames * len(cameras)
        for view, camera in enumerate(cameras):  # one camera at a time, so that one backdrop is in memory
            studio = backdrop(camera)
            with held():
                jobs = [pool.submit(write, view, studio, frame) for frame in range(frames)]
            finished = as_completed(jobs)
            for _ in jobs:
                with held():
                    next(finished).result()
                done += 1
                if progress is not None:
                    progress(done, total)


def _save(path: Path, rgb: NDArray[np.uint8], options: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Encoded first: cv2.imwrite says that all is well when the disk is too full for the file.
    path.write_bytes(cv2.imencode(path.suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)[1].tobytes())


def image_path(view: int, frame: int) -> str:
    """Of an image, relative to the capture's folder."""
    return f"images/{view:02d}/{frame:06d}.jpg"


def mask_path(view: int, frame: int) -> str:
    """Of a mask, relative to the capture's folder."""
    return f"schp/{view:02d}/{frame:06d}.png"


def calibration(cameras: list[Camera], frames: int) -> dict[str, Any]:
    """The content of annots.npy: calibration with T in millimetres, and the images of every frame."""
    return {
        "cams": {
            "K": [camera.K for camera in cameras],
            "D": [camera.D[:, None] for camera in cameras],
            "R": [camera.R for camera in cameras],
            "T": [camera.T[:, None] * MILLIMETRES for camera in cameras],
        },
        "ims": [{"ims": [image_path(view, frame) for view in range(len(cameras))]} for frame in range(frames)],
    }
