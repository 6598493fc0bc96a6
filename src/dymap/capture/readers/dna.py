"""DNA-Rendering: a sequence in files .smc, which are HDF5 (extra `hdf5`).

    my_capture/                       or   part1_main/0012_11.smc
      0012_11.smc                          part1_annotations/0012_11_annots.smc
      0012_11_annots.smc

    Camera_5mp/CAMERA/color/FRAME     the bytes of a JPEG; CAMERA is 0, 1, ..., FRAME 0, 1, ...
    Camera_12mp/CAMERA/color/FRAME
    Camera_Parameter/00/K             [3, 3] pixels, centres at integers
                        D             OpenCV's k1 k2 p1 p2 k3
                        RT            [4, 4] camera to world; x right, y down, z forward; metres
    Mask/CAMERA/mask/FRAME            the bytes of a PNG, white where the person is

Groups are looked for in all files whose names begin with the sequence's: Camera_Parameter and Mask lie in `_annots`, in
other editions in files of their own. `Color_Calibration` is not applied, and Kinects, keypoints and body models are not
read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dymap.capture.calibrations.camera import make_camera
from dymap.capture.decode import check_image, decode_image, decode_pixels
from dymap.capture.hdf5 import array, child, is_hdf5, names, opened
from dymap.capture.masks import foreground
from dymap.capture.source import Bytes, Footage, Source
from dymap.errors import InputError
from dymap.geometry.camera import Camera

LOOKS_FOR = "0012_11.smc and 0012_11_annots.smc"
RIGS = ("Camera_5mp", "Camera_12mp")
CALIBRATION, MASKS = "Camera_Parameter", "Mask"
MAX_PICTURE = 64 * 2**20
MAX_NUMBERS = 2**12
"""Bytes of a matrix of a camera."""


@dataclass(frozen=True)
class Options:
    """What the files of this layout do not say."""

    sequence: str = ""
    """Which of several sequences in a folder is read, as 0012_11; empty: the only one."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1, that a folder has this layout."""
    files = _files(root)
    if not any(is_hdf5(path) for path in files):
        return 0.0
    return 0.9 if any(len(_of_sequence(files, name)) > 1 for name in _sequences(files)) else 0.6


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    found = _sequences(_files(root))
    return [f"{name}_annots.smc" for name in found[:3]] or ["NAME.smc", "NAME_annots.smc"]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    files = _of_sequence(_files(root), _chosen(root, options))
    held = {name: path for path in files for name in _groups(path)}
    if not (rigs := [name for name in RIGS if name in held]):
        raise InputError(f"{files[0]}: holds neither {RIGS[0]} nor {RIGS[1]}; is it the main file of the sequence?")
    if CALIBRATION not in held:
        raise InputError(f"{files[0]}: nothing beside it holds {CALIBRATION}; put {files[0].stem}_annots.smc there")
    listed = {
        (rig, name): _frames(held[rig], f"{rig}/{name}/color") for rig in rigs for name in _cameras(held[rig], rig)
    }
    shown = sorted((key for key, frames in listed.items() if frames), key=lambda key: int(key[1]))
    if not shown:
        raise InputError(f"{held[rigs[0]]}: no camera has a picture")
    frames = tuple(sorted(set().union(*(listed[key] for key in shown))))
    present = np.array([[frame in listed[key] for key in shown] for frame in frames])
    masked = np.zeros_like(present)
    if MASKS in held:
        masks = [_frames(held[MASKS], f"{MASKS}/{name}/mask") for _, name in shown]
        masked = present & np.array([[frame in found for found in masks] for frame in frames])
    footage = Recording(
        tuple((held[rig], f"{rig}/{name}/color") for rig, name in shown),
        tuple(f"{MASKS}/{name}/mask" for _, name in shown),
        held.get(MASKS) if masked.any() else None,
        frames,
        present,
        masked,
    )
    firsts = [footage.picture(int(np.argmax(present[:, view])), view).shape for view in range(len(shown))]
    cameras = _calibrated(held[CALIBRATION], [name for _, name in shown], [(w, h) for h, w, _ in firsts])
    return Source("dna", options, root, cameras, frames, footage)


@dataclass(frozen=True, eq=False)
class Recording(Footage):
    """Pictures and masks in HDF5 files, which are opened anew for each: threads and processes share nothing.

    pictures: of each view the file and the group of its pictures. mask_groups: the groups of its masks in `mask_file`
    (None: there are none). frames: the names of the frames. present, masked: [F, V] what there is.
    """

    pictures: tuple[tuple[Path, str], ...]
    mask_groups: tuple[str, ...]
    mask_file: Path | None
    frames: tuple[int, ...]
    are_present: np.ndarray
    are_masked: np.ndarray

    @property
    def has_masks(self) -> bool:
        return self.mask_file is not None

    def present(self, frame: int, view: int) -> bool:
        return bool(self.are_present[frame, view])

    def masked(self, frame: int, view: int) -> bool:
        return bool(self.are_masked[frame, view])

    def picture(self, frame: int, view: int) -> Bytes:
        file, group = self.pictures[view]
        return decode_image(*_image(file, f"{group}/{self.frames[frame]}"))

    def mask(self, frame: int, view: int) -> Bytes | None:
        if self.mask_file is None or not self.are_masked[frame, view]:
            return None
        return foreground(decode_pixels(*_image(self.mask_file, f"{self.mask_groups[view]}/{self.frames[frame]}")))

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        masks = (self.mask_file,) if self.mask_file is not None and self.are_masked[frame, view] else ()
        return tuple(dict.fromkeys((self.pictures[view][0], *masks)))


def _image(file: Path, name: str) -> tuple[Path, bytes]:
    """Where an image is, for errors, and its bytes. Raises InputError."""
    with opened(file) as root:
        data = array(root, name, file, MAX_PICTURE)
    if data is None:
        raise InputError(f"{file / name}: image is missing")
    if data.dtype != np.uint8:
        raise InputError(f"{file / name}: holds {data.dtype} values; expected the bytes of an image file")
    return file / name, check_image(file / name, data.tobytes())


def _files(root: Path) -> list[Path]:
    """The files .smc of a folder, and of a folder beside it that holds the annotations of what is in it."""
    beside = root.parent / root.name.replace("main", "annotations")
    places = [root, root / "main", root / "annotations", *([beside] if "main" in root.name else [])]
    try:
        return [path for place in places if place.is_dir() for path in sorted(place.iterdir()) if path.suffix == ".smc"]
    except OSError:
        return []


def _sequences(files: list[Path]) -> list[str]:
    """Names of sequences: those that begin no other's are the main files'."""
    stems = sorted({path.stem for path in files if not path.name.startswith(".")})
    return [stem for stem in stems if not any(stem.startswith(f"{other}_") for other in stems)]


def _of_sequence(files: list[Path], name: str) -> list[Path]:
    """The main file first."""
    return [path for path in files if path.stem == name] + [path for path in files if path.stem.startswith(f"{name}_")]


def _chosen(root: Path, options: Options) -> str:
    found = _sequences(_files(root))
    if options.sequence in found:
        return options.sequence
    if len(found) == 1 and not options.sequence:
        return found[0]
    if not found:
        raise InputError(f"{root}: no file .smc, which the layout dna has")
    several = f"{', '.join(found[:8])}{', ...' if len(found) > 8 else ''}"
    raise InputError(f"{root}: holds {several}; name one sequence: --set capture.options.sequence={found[0]}")


def _groups(path: Path) -> list[str]:
    with opened(path) as file:
        return names(file, path)


def _cameras(path: Path, rig: str) -> list[str]:
    with opened(path) as file:
        return [name for name in names(child(file, rig, path), path / rig) if name.isdecimal() and len(name) < 6]


def _frames(path: Path, group: str) -> dict[int, None]:
    """The numbers of a group's pictures."""
    with opened(path) as file:
        found: Any = child(file, group, path)
        held = [] if found is None else names(found, path / group)
    return {int(name): None for name in held if name.isascii() and name.isdecimal() and str(int(name[:9])) == name}


def _calibrated(path: Path, wanted: list[str], sizes: list[tuple[int, int]]) -> tuple[Camera, ...]:
    """The cameras of these names, with pictures of these sizes. Raises InputError that names the camera."""
    cameras = []
    with opened(path) as file:
        for name, size in zip(wanted, sizes, strict=True):
            place = f"{CALIBRATION}/{int(name):02d}"
            found = {key: array(file, f"{place}/{key}", path, MAX_NUMBERS) for key in ("K", "D", "RT")}
            if lacking := [key for key, value in found.items() if value is None]:
                raise InputError(f"{path / place}: {lacking[0]} of camera {name} is missing")
            K, D, RT = (np.asarray(value, np.float64) for value in found.values())
            if K.size != 9 or RT.shape not in ((4, 4), (3, 4)) or not np.isfinite(RT).all():
                raise InputError(
                    f"{path / place}: K and RT have shapes {K.shape} and {RT.shape}; expected 3 x 3, 4 x 4"
                )
            R = RT[:3, :3].T
            cameras.append(
                make_camera(path, f"{int(name):02d}", K=K.reshape(3, 3), R=R, T=-R @ RT[:3, 3], size=size, D=D.ravel())
            )
    return tuple(cameras)
