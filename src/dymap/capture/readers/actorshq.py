"""ActorsHQ: one scale of a sequence, or the sequence's folder with several (calibrations/actorshq.py).

    Sequence1/
      aabbs.csv                             a box a frame: frame_number,aabb_min_x,... ,aabb_max_z
      1x/, 2x/, 4x/                         the same pictures, smaller by this factor; each may be named too
        calibration.csv
        rgbs/Cam001/Cam001_rgb000000.jpg
        masks/Cam001/Cam001_mask000000.png  values above half are foreground

Everything is in metres, y up. aabbs.csv may lie beside calibration.csv too. Cameras of the calibration that have no
folder of pictures are left out: the sequences come in parts. Occupancy grids and meshes are not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dymap.capture.calibrations.actorshq import number, read_actorshq, read_table
from dymap.capture.calibrations.sizes import at_size
from dymap.capture.decode import ENDINGS, read_size, significant_white
from dymap.capture.masks import read_mask
from dymap.capture.readers.image_files import ImageFiles, first_pictures, read_cut_out, transparency
from dymap.capture.source import Source
from dymap.errors import InputError

LOOKS_FOR = "calibration.csv and rgbs, or folders 1x, 2x, 4x of them"
CALIBRATION, PICTURES, MASKS, BOXES = "calibration.csv", "rgbs", "masks", "aabbs.csv"
CORNERS = tuple(f"aabb_{end}_{axis}" for end in ("min", "max") for axis in "xyz")
Scale = Literal["auto", "1x", "2x", "4x"]
SCALES = ("1x", "2x", "4x")


@dataclass(frozen=True)
class Options:
    """What the files of this layout do not say."""

    scale: Scale = "auto"
    """Which of the folders 1x, 2x and 4x is read; auto: the sharpest that there is."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout."""
    folder = _folder(root, "auto")
    found = [(folder / CALIBRATION).is_file(), (folder / PICTURES).is_dir()]
    return 0.95 if all(found) else 0.3 if any(found) else 0.0


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    folder = _folder(root, "auto")
    lacks = [CALIBRATION] if not (folder / CALIBRATION).is_file() else []
    return lacks + ([f"{PICTURES}/CAMERA/CAMERA_rgb000000.jpg"] if not (folder / PICTURES).is_dir() else [])


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    folder = _folder(root, options.scale)
    cameras = read_actorshq(folder / CALIBRATION)
    listed = {camera.name: _numbered(folder / PICTURES / camera.name, camera.name, "rgb") for camera in cameras}
    cameras = [camera for camera in cameras if listed[camera.name]]
    if not cameras:
        raise InputError(
            f"{folder / PICTURES}: holds no picture of any camera of {CALIBRATION}; expected "
            "CAMERA/CAMERA_rgb000000.jpg"
        )
    frames = tuple(sorted(set().union(*(listed[camera.name] for camera in cameras))))
    images = tuple(tuple(listed[camera.name].get(frame) for camera in cameras) for frame in frames)
    firsts = first_pictures(images)
    # A calibration of another scale holds as well.
    sized = [at_size(folder / CALIBRATION, c, read_size(path)) for c, path in zip(cameras, firsts, strict=True)]
    masks, read_one = transparency(images), read_cut_out
    if (folder / MASKS).is_dir():
        found = [_numbered(folder / MASKS / camera.name, camera.name, "mask") for camera in cameras]
        masks = tuple(tuple((mask[frame],) if frame in mask else None for mask in found) for frame in frames)
        read_one = read_mask
    footage = ImageFiles(images, masks, read_one, None, significant_white(list(firsts)), _boxes(folder, frames))
    return Source("actorshq", options, root, tuple(sized), frames, footage)


def _folder(root: Path, scale: Scale) -> Path:
    """The folder of one scale: that of the option, the sharpest in `root`, or `root` itself."""
    if scale != "auto":
        return root / scale
    return next((root / name for name in SCALES if (root / name / CALIBRATION).is_file()), root)


def _numbered(folder: Path, camera: str, kind: str) -> dict[int, Path]:
    """The files CAMERA_kind000012.ending of a folder by their numbers. Raises InputError for two of one number."""
    pattern = re.compile(rf"{re.escape(camera)}_{kind}(\d{{1,9}})", re.ASCII)
    files: dict[int, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() in ENDINGS and (match := pattern.fullmatch(path.stem)):
            if (other := files.get(int(match[1]))) is not None:
                raise InputError(f"{path}: {other.name} has the same frame number; expected one file a frame")
            files[int(match[1])] = path
    return files


def _boxes(folder: Path, frames: tuple[int, ...]) -> NDArray[np.float32] | None:
    """[F, 2, 3] metres, of the frames. Raises InputError for a file that lacks some of them."""
    path = next((place / BOXES for place in (folder, folder.parent) if (place / BOXES).is_file()), None)
    if path is None:
        return None
    boxes: dict[int, list[float]] = {}
    for row in read_table(path, ("frame_number", *CORNERS)):
        frame = int(number(path, row, "frame_number", "a row"))
        boxes[frame] = [number(path, row, corner, f"frame {frame}") for corner in CORNERS]
    for frame in frames:
        if frame not in boxes or not all(boxes[frame][axis] < boxes[frame][axis + 3] for axis in range(3)):
            raise InputError(
                f"{path}: frame {frame} has {'an empty' if frame in boxes else 'no'} box; expected a lower and an "
                "upper corner of every frame. Without the file, boxes come from the masks"
            )
    return np.array([boxes[frame] for frame in frames], np.float32).reshape(-1, 2, 3)
