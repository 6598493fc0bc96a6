"""The layout of Neural 3D Video: one video a camera, and the poses of LLFF.

    my_capture/
      poses_bounds.npy    [N, 17], a row a camera in the order of the videos' names
      cam00.mp4           cam01.mp4    ...
      masks/cam00.mp4     or masks/cam00/000000.png: white on black; may be missing, for some cameras or for all

A row is a 3 x 5 matrix, row by row, and the nearest and farthest depth, which are not used. The matrix has the camera's
axes down, right and backwards in world coordinates, its position, and the column (H, W, f) in pixels of the pictures
that the poses were found in; f is scaled to the videos'. OpenCV's axes are right, down, forwards: columns 1, 0 and -2.
Lenses are ideal, the principal point is in the middle: ((W - 1) / 2, (H - 1) / 2) with centres at integers. LLFF's
world has no unit; `scale` says how many metres one of its units has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from dymap.capture.calibrations.camera import make_camera
from dymap.capture.numbers import natural
from dymap.capture.readers.video_files import VideoFiles, find_masks, rows_by_time
from dymap.capture.source import Source
from dymap.capture.video_packets import ENDINGS
from dymap.capture.videos import VideoFile
from dymap.config.bounds import METRES_OF_A_UNIT, Checked
from dymap.errors import InputError
from dymap.files import read_array
from dymap.geometry.camera import Camera

LOOKS_FOR = "poses_bounds.npy and a video a camera, cam00.mp4, ..."
POSES = "poses_bounds.npy"
MAX_BYTES = 2**24


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files do not say."""

    scale: Annotated[float, METRES_OF_A_UNIT] = 1.0
    """Metres of one unit of the poses: LLFF's have none."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout."""
    try:
        return 0.9 if (root / POSES).is_file() and list_videos(root) else 0.0
    except OSError:
        return 0.0


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    lacks = [] if (root / POSES).is_file() else [POSES]
    return lacks if list_videos(root) else [*lacks, "cam00.mp4"]


def read(root: Path, options: Options) -> Source:
    """List the videos, and read when each of their pictures is shown. Raises InputError."""
    paths = list_videos(root)
    if not paths:
        raise InputError(f"{root}: holds no videos such as cam00.mp4 beside {POSES}")
    poses = read_poses(root / POSES, len(paths))
    videos = tuple(VideoFile(path) for path in paths)
    cameras = tuple(
        camera_of(root / POSES, row, video, options.scale) for row, video in zip(poses, videos, strict=True)
    )
    rows = rows_by_time(videos)
    numbers = tuple(int(number) for number in rows.indices[:, 0])
    masks = find_masks(root / "masks", [path.stem for path in paths], rows.indices)
    return Source("neural3d", options, root, cameras, numbers, VideoFiles(videos, rows.indices, masks))


def list_videos(folder: Path) -> list[Path]:
    """The videos of a folder, in the order of their names: cam2 before cam10."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith("."))
    return sorted(found, key=lambda path: natural(path.name))


def read_poses(path: Path, count: int) -> NDArray[np.float64]:
    """[N, 17] of a file. Raises InputError if it is no such array, or not of `count` cameras."""
    try:
        rows = read_array(path, MAX_BYTES, "poses [N, 17]")
    except FileNotFoundError:
        raise InputError(f"{path}: missing") from None
    if rows.ndim != 2 or rows.shape[1] != 17 or len(rows) == 0:
        raise InputError(f"{path}: not an array of poses [N, 17] (its shape is {rows.shape})")
    if len(rows) != count:
        raise InputError(
            f"{path}: holds the poses of {len(rows)} cameras, but there are {count} videos beside it; rows and videos "
            "belong together in the order of the videos' names: put the missing ones back, and leave cameras out with "
            "capture.train_views"
        )
    return np.asarray(rows, dtype=np.float64)


def camera_of(path: Path, row: Sequence[float] | NDArray[np.float64], video: VideoFile, scale: float) -> Camera:
    """The camera of a row [17] of poses, whose units have `scale` metres.

    Raises InputError that names the video for numbers that are no pose.
    """
    matrix = np.asarray(row[:15], dtype=np.float64).reshape(3, 5)
    down, right, back, position, (height, width, focal) = matrix.T
    to_world = np.stack([right, down, -back], axis=1)
    name = video.path.stem
    if not np.isfinite(matrix).all() or not (
        np.allclose(to_world.T @ to_world, np.eye(3), atol=1e-3) and np.linalg.det(to_world) > 0
    ):
        raise InputError(
            f"{path}: the row of {name!r} is no pose: its first three columns must be the camera's axes down, right "
            "and backwards, each of length 1"
        )
    if min(height, width, focal) <= 0:
        raise InputError(
            f"{path}: the row of {name!r} has H, W, f = {height:g}, {width:g}, {focal:g}; expected pixels above 0"
        )
    if abs(video.width * height / width - video.height) > max(2.0, 0.01 * video.height):
        raise InputError(
            f"{video.path}: is {video.width} x {video.height}, but its pose was found in pictures of {width:g} x "
            f"{height:g}, which is another shape; was the video cropped or turned?"
        )
    f = float(focal) * video.width / float(width)
    K = np.array([[f, 0, (video.width - 1) / 2], [0, f, (video.height - 1) / 2], [0, 0, 1]])
    R = to_world.T
    return make_camera(path, name, K=K, R=R, T=-R @ position * scale, size=(video.width, video.height))
