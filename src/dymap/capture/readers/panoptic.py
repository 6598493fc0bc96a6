"""The Panoptic scenes as Dynamic 3D Gaussians packs them.

    my_capture/
      train_meta.json     w h, and for each time t and camera c: k[t][c] w2c[t][c] fn[t][c] cam_id[t][c]
      test_meta.json      the same of the cameras that are kept for evaluation; may be missing
      ims/0/000000.jpg    the pictures: fn is relative to ims
      seg/0/000000.png    masks of the same names: white or 1 on black; may be missing, for some cameras or for all

k: [3, 3] pixels, w2c: [4, 4] world to camera, OpenCV's axes. Where pixel centres lie the files do not say: at integers,
as OpenCV has them, unless `pixel_centres` is "half". The unit is the files' own; `scale` says how many metres it is.
Other files (init_pt_cld.npz) are not used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from dymap.capture.calibrations.camera import make_camera
from dymap.capture.decode import read_size, significant_white
from dymap.capture.grouping import cameras_of, frames_of, numbers_of_frames, pose_key
from dymap.capture.masks import MaskFolder
from dymap.capture.paths import inner_path
from dymap.capture.readers.scattered import Place, ScatteredImages, first_of_each
from dymap.capture.source import Source
from dymap.config.bounds import METRES_OF_A_UNIT, Checked
from dymap.errors import InputError
from dymap.files import read_json
from dymap.geometry.camera import Array, Camera

LOOKS_FOR = "train_meta.json, and pictures in ims"
TRAIN, TEST = "train_meta.json", "test_meta.json"
IMAGES, MASKS = "ims", "seg"
MAX_PICTURES = 5_000_000


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files do not say."""

    scale: Annotated[float, METRES_OF_A_UNIT] = 1.0
    """Metres of one unit of the poses."""
    pixel_centres: Literal["integer", "half"] = "integer"
    """Where k has the centre of the first pixel: at (0, 0), as OpenCV, or at (0.5, 0.5), from the picture's corner."""


class Shot(NamedTuple):
    """One picture of a file. where: file, time and camera, for errors. path: relative to `ims`. camera: its cam_id.
    size: width and height that the file says."""

    where: str
    path: str
    time: int
    camera: str
    held_out: bool
    size: tuple[int, int]
    k: Array
    w2c: Array


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout."""
    if not (root / TRAIN).is_file():
        return 0.0
    return 0.9 if (root / IMAGES).is_dir() else 0.6


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    lacks = [] if (root / TRAIN).is_file() else [TRAIN]
    return lacks if (root / IMAGES).is_dir() else [*lacks, f"{IMAGES}/"]


def read(root: Path, options: Options) -> Source:
    """List the pictures of both files. Raises InputError that names the file, the time and the camera."""
    shots = [*read_meta(root / TRAIN, False), *(read_meta(root / TEST, True) if (root / TEST).is_file() else [])]
    cameras, first_shots, names = group(shots)
    frames, moments = frames_of([shot.time for shot in shots], [shot.held_out for shot in shots], cameras)
    numbers = numbers_of_frames(moments, [shot.path for shot in shots], cameras, frames)
    images: dict[Place, Path] = {}
    masks: dict[Place, Path] = {}
    folder = MaskFolder(root / MASKS)
    for shot, view, frame in zip(shots, cameras, frames, strict=True):
        if frame < 0 or moments[frame] != shot.time:
            raise InputError(f"{shot.where}: {TRAIN} has no picture of this time; are the files of one capture?")
        if (frame, view) in images:
            raise InputError(f"{shot.where}: cam_id {shot.camera} is there twice; each camera has one")
        images[frame, view] = root / IMAGES / shot.path
        if (mask := folder.find(shot.path)) is not None:
            masks[frame, view] = mask
    firsts = first_of_each(images, len(names))
    cams = zip(first_shots, names, firsts, strict=True)
    rig = tuple(camera_of(shot, name, path, options) for shot, name, path in cams)
    footage = ScatteredImages(images, masks or None, len(numbers), white=significant_white(firsts))
    held_out = tuple(view for view, shot in enumerate(first_shots) if shot.held_out)
    return Source("panoptic", options, root, rig, numbers, footage, test_views=held_out)


def read_meta(path: Path, held_out: bool) -> list[Shot]:
    """The pictures that a file lists. Raises InputError that names the file, the time and the camera."""
    data = read_json(path)
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a mapping with w, h, k, w2c and fn")
    width, height = data.get("w"), data.get("h")
    if not (isinstance(width, int) and isinstance(height, int) and min(width, height) > 0):
        raise InputError(f"{path}: w and h are not the pixels of a picture")
    tables = {key: _table(path, data, key) for key in ("k", "w2c", "fn", *(["cam_id"] if "cam_id" in data else []))}
    shape = [len(row) for row in tables["fn"]]
    for key, table in tables.items():
        if (found := [len(row) for row in table]) != shape:
            time = next((t for t, pair in enumerate(zip(found, shape, strict=False)) if pair[0] != pair[1]), "")
            raise InputError(
                f"{path}: {key} lists {len(found)} times and fn {len(shape)}, or other numbers of cameras "
                f"(time {time}); expected {key}[t][c] for every fn[t][c]"
            )
    if not 1 <= sum(shape) <= MAX_PICTURES:
        raise InputError(f"{path}: fn lists {sum(shape)} pictures, expected 1 to {MAX_PICTURES}")
    return list(_shots(path, tables, (width, height), held_out))


def _table(path: Path, data: dict[str, Any], key: str) -> list[list[Any]]:
    table = data.get(key)
    if not isinstance(table, list) or not all(isinstance(row, list) for row in table):
        raise InputError(f"{path}: {key} is missing or no list of lists; expected {key}[time][camera]")
    return table


def _shots(path: Path, tables: dict[str, Any], size: tuple[int, int], held_out: bool) -> Iterator[Shot]:
    for time, names in enumerate(tables["fn"]):
        for c, name in enumerate(names):
            where = f"{path}: time {time}, camera {c}"
            k, w2c = (
                _matrix(tables["k"][time][c], (3, 3), "k", where),
                _matrix(tables["w2c"][time][c], (4, 4), "w2c", where),
            )
            inner = inner_path(name, where)
            label = tables["cam_id"][time][c] if "cam_id" in tables else PurePosixPath(inner).parent.name
            if not isinstance(label, int | str):
                raise InputError(f"{where}: cam_id is a {type(label).__name__}, expected a number or a name")
            yield Shot(where, inner, time, str(label)[:200], held_out, size, k, w2c)


def _matrix(value: Any, shape: tuple[int, int], key: str, where: str) -> Array:
    try:
        matrix = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        matrix = np.zeros(0)
    if matrix.shape != shape or not np.isfinite(matrix).all():
        raise InputError(f"{where}: {key} is not {shape[0]} x {shape[1]} finite numbers")
    return matrix


def group(shots: Sequence[Shot]) -> tuple[list[int], list[Shot], list[str]]:
    """[n] the camera of each picture; of each camera a picture and its name (`cameras_of`). A cam_id that moves is as
    many cameras as it has poses."""
    keys = [(shot.held_out, shot.camera, pose_key(shot.k), pose_key(shot.w2c)) for shot in shots]
    cameras, firsts, names = cameras_of(keys, [shot.path for shot in shots], [shot.camera for shot in shots])
    return cameras, [shots[index] for index in firsts], names


def camera_of(shot: Shot, name: str, picture: Path, options: Options) -> Camera:
    """The camera of a picture. Raises InputError for a picture of another size than the file says."""
    if (size := read_size(picture)) != shot.size:
        raise InputError(f"{picture}: image is {size[0]} x {size[1]}, but w and h are {shot.size[0]} x {shot.size[1]}")
    K = shot.k.copy()
    K[:2, 2] -= 0.5 if options.pixel_centres == "half" else 0.0
    R, T = shot.w2c[:3, :3], shot.w2c[:3, 3] * options.scale
    return make_camera(Path(shot.where), name, K=K, R=R, T=T, size=size)
