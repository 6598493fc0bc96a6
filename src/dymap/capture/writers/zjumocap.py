"""The refined ZJU-MoCap layout, written (readers/zjumocap.py), which needs no calibration files but annots.npy.

    OUT/
      annots.npy                   K, D, R, and T in millimetres; paths of pictures, None for one that is missing
      images/CAMERA/000012.jpg     as they were if every program reads them, else .png
      schp/CAMERA/000012.png       palette: black background, faces in the colour of one, all else in that of clothes
      vertices/000012.npy          [n, 3] points of the surface, metres, if the capture has any

The layout knows no fisheye lenses: their pictures are undistorted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dymap.capture.images import FACE, undistort_labels
from dymap.capture.labels import label_colours
from dymap.capture.source import Source
from dymap.capture.writers.pictures import folder_names, write_picture
from dymap.files import replacing_folder
from dymap.geometry.camera import Camera
from dymap.pictures import png_bytes
from dymap.progress import Progress

CLOTHES, HEAD = 5, 13
"""Labels of the palette; faces have the second."""
MILLIMETRES = 1000.0


def write_zjumocap(source: Source, out: Path, progress: Progress) -> None:
    """Write a capture to a new folder, which appears when it is whole. Raises InputError, also for what cannot be read.

    progress: takes how many pictures are done, of how many. The layout has no place for boxes of the capture.
    """
    views, total = len(source.cameras), len(source.frames) * len(source.cameras)
    folders = folder_names([camera.name for camera in source.cameras])
    rows: list[dict[str, list[str | None]]] = []
    with replacing_folder(out, "the capture", overwrite=False) as folder:
        for frame, number in enumerate(source.frames):
            paths: list[str | None] = []
            for view in range(views):
                paths.append(_write_shot(source, frame, view, folder, f"{folders[view]}/{number:06d}"))
                progress(frame * views + view + 1, total)
            rows.append({"ims": paths})
            if source.has_points:
                (folder / "vertices").mkdir(exist_ok=True)
                np.save(folder / "vertices" / f"{number:06d}.npy", source.points(frame), allow_pickle=False)
        cameras = [_ideal(camera) or camera for camera in source.cameras]
        annotations = {"cams": {key: [_part(camera, key) for camera in cameras] for key in "KDRT"}, "ims": rows}
        np.save(folder / "annots.npy", np.array(annotations, dtype=object), allow_pickle=True)


def is_undistorted(camera: Camera) -> bool:
    """Whether pictures of a camera are written as those of an ideal lens."""
    return camera.lens != "opencv"


def _ideal(camera: Camera) -> Camera | None:
    """The camera of the pictures that are written, if it is another one."""
    return camera.undistorted() if is_undistorted(camera) else None


def _write_shot(source: Source, frame: int, view: int, folder: Path, name: str) -> str | None:
    """Write a picture and its mask. The picture's path in the folder; None: the camera lacks the frame."""
    if not source.present(frame, view):
        return None
    camera = source.cameras[view]
    picture = write_picture(source, frame, view, folder / "images" / name, _ideal(camera))
    if source.masked(frame, view) and (mask := source.mask(frame, view)) is not None:
        if is_undistorted(camera):
            mask = undistort_labels(mask, camera)
        labels = np.where(mask == FACE, HEAD, np.where(mask != 0, CLOTHES, 0))
        path = folder / f"schp/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png_bytes(label_colours()[labels]))
    return picture.relative_to(folder).as_posix()


def _part(camera: Camera, key: str) -> np.ndarray:
    """K [3, 3], D [n, 1], R [3, 3] or T [3, 1], as annotations have them."""
    if key == "K":
        K = camera.K.copy()
        K[:2, 2] -= camera.pixel_offset
        return K
    value: np.ndarray = getattr(camera, key) * (MILLIMETRES if key == "T" else 1)
    return value if key == "R" else value.reshape(-1, 1)
