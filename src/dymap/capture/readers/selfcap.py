"""The layout of SelfCap: EasyVolcap's, of cameras that did not begin together.

    my_capture/
      intri.yml extri.yml             as easymocap.py; those in optimized/ count before
      optimized/intri.yml extri.yml   may be missing
      videos/00.mp4                   or images/00/000000.jpg
      sync.json                       or offsets.json, .csv, .txt, .toml: {"00": 0.0, "01": 0.184}
      masks/00/000000.png             or masks/00.mp4; may be missing

An offset is the time on the common clock at which the camera's first picture was taken, in seconds (or milliseconds or
frames: capture.options.offset_unit): what it shows t seconds later was filmed at offset + t. t_NAME in extri.yml is the
same, if there is no such file. Pictures are chosen by their time, never by their place in the file: of videos the
nearest to each picture of the first one, or to each 1 / fps of the common clock; of images, whose numbers are frames,
the nearest whole frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dymap.capture.calibrations.file_storage import read_file_storage
from dymap.capture.calibrations.opencv_yaml import EXTRINSICS, INTRINSICS, is_opencv_yaml, read_opencv_yaml
from dymap.capture.readers import easymocap
from dymap.capture.readers.easymocap import complete, masks_of
from dymap.capture.readers.recordings import Recording, find_recording, footage_of, has_recording, inside
from dymap.capture.readers.video_listing import VideoFolder
from dymap.capture.source import Source
from dymap.capture.synchronise.offsets import read_offsets
from dymap.config.bounds import FRAMES_A_SECOND
from dymap.errors import InputError

LOOKS_FOR = "intri.yml and extri.yml (or optimized/), videos/CAMERA.mp4, and offsets in sync.json"
OPTIMISED = "optimized"
OFFSET_FILES = tuple(f"{stem}.{ending}" for stem in ("sync", "offsets") for ending in ("json", "csv", "txt", "toml"))


@dataclass(frozen=True)
class Options(easymocap.Options, part="capture.options"):
    """What the files of this layout do not say."""

    offsets: str = ""
    """The file of offsets; empty: sync.json, offsets.json, .csv, .txt or .toml."""
    offset_unit: Literal["s", "ms", "frames"] = "s"
    """Unit of the offsets."""
    negative: bool = False
    """Whether offsets count the other way: by how much a camera began before the others."""
    fps: Annotated[float, FRAMES_A_SECOND] = 0.0
    """Frames a second that are taken from videos (0: each picture of the first), or that images were filmed with."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1: a calibration and pictures as EasyMocap has them, and offsets or optimised cameras."""
    if not is_opencv_yaml(calibration_folder(root)) or not has_recording(root):
        return 0.0
    if (root / "annots.npy").is_file():
        return 0.3
    if any((root / name).is_file() for name in OFFSET_FILES) or _speaks_of_times(calibration_folder(root)):
        return 0.95
    return 0.9 if is_opencv_yaml(root / OPTIMISED) and not is_opencv_yaml(root) else 0.5


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    folder = calibration_folder(root)
    lacks = [name for name in (INTRINSICS, EXTRINSICS) if not (folder / name).is_file()]
    lacks += [] if has_recording(root) else ["videos/CAMERA.mp4 or images/CAMERA/000000.jpg"]
    return lacks if any((root / name).is_file() for name in OFFSET_FILES) else [*lacks, OFFSET_FILES[0]]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    recording = find_recording(root, options.images)
    folder = calibration_folder(root)
    calibration = read_opencv_yaml(folder, recording.size)
    names = [camera.name for camera in calibration.cameras]
    offsets = seconds(root, options, names, calibration.times, recording)
    footage, frames = footage_of(root, recording, names, masks_of(root, options.masks), offsets, options.fps)
    footage, cameras = complete(folder / INTRINSICS, calibration, recording, footage, options)
    return Source("selfcap", options, root, cameras, frames, footage)


def calibration_folder(root: Path) -> Path:
    """Where intri.yml and extri.yml are: optimised ones count before."""
    return root / OPTIMISED if is_opencv_yaml(root / OPTIMISED) else root


def seconds(
    root: Path, options: Options, names: Sequence[str], times: Sequence[float], recording: Recording
) -> list[float]:
    """When each camera began on the common clock, the first of them at 0. Raises InputError.

    times: in the calibration, for captures without a file of offsets.
    """
    file = next((root / name for name in OFFSET_FILES if (root / name).is_file()), None)
    if options.offsets:
        file = root / inside(root, options.offsets)
    offsets = read_offsets(file, names) if file is not None else list(times)
    unit = {"s": 1.0, "ms": 0.001}.get(options.offset_unit) or _frame(root, options, names, recording)
    offsets = [offset * (-unit if options.negative else unit) for offset in offsets]
    return [offset - min(offsets) for offset in offsets]


def _frame(root: Path, options: Options, names: Sequence[str], recording: Recording) -> float:
    """Seconds of one frame: of the first video, or of 1 / fps."""
    if isinstance(recording, VideoFolder):
        return recording.of(names[0]).interval
    if not options.fps:
        raise InputError(f"{root}: offsets in frames need the frames a second: --set capture.options.fps=30")
    return 1 / options.fps


def _speaks_of_times(folder: Path) -> bool:
    """Whether extri.yml has offsets other than 0; never raises."""
    try:
        file = read_file_storage(folder / EXTRINSICS)
        return any(file.number(key) for key in file.blocks if key.startswith("t_"))
    except InputError:
        return False
