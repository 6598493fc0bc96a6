"""Videos or images beside a calibration of Qualisys, Caliscope or Pose2Sim.

    my_capture/
      calibration/Calib.qca.txt     or Calib.toml, camera_array.toml; or beside the folders
      videos/cam01.mp4              or images/cam01/000000.jpg; or videos beside the calibration
      masks/cam01/000000.png        or masks/cam01.mp4; may be missing, for some cameras or for all
      vertices/000000.npy           [n, 3] points of the surface, metres; may be missing; with images

Videos and folders are called after the cameras, or have their name as a word; if none has, and there are as many of
both, they are taken in the order of their names, as Pose2Sim does. Videos began together. Axes, units and centres of
pixels are those of the calibration (calibrations/qualisys.py, caliscope.py), in OpenCV's and metres here. Pictures that
were turned by Caliscope's rotation_count have their cameras turned too.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dymap.capture.calibrations import find_calibration, read_calibration
from dymap.capture.calibrations.caliscope import is_caliscope, read_caliscope
from dymap.capture.calibrations.qualisys import is_qualisys, read_qualisys
from dymap.capture.calibrations.turn import turned
from dymap.capture.importing.matching import Match, match_cameras
from dymap.capture.readers.easymocap import masks_of
from dymap.capture.readers.fitting import FitOption, fit_cameras
from dymap.capture.readers.recordings import find_recording, footage_of, has_recording, inside
from dymap.capture.readers.video_listing import VideoFolder
from dymap.capture.source import Source
from dymap.config.bounds import FRAMES_A_SECOND, Checked
from dymap.errors import InputError
from dymap.geometry.camera import Camera

LOOKS_FOR = "calibration/NAME.qca.txt or NAME.toml, and videos/CAMERA.mp4 or images/CAMERA/"
FOLDER = "calibration"


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files do not say."""

    unit: Literal["auto", "mm", "m"] = "auto"
    """Unit of the cameras' positions; auto: millimetres for Qualisys, and what fits the numbers of TOML."""
    calibration: str = ""
    """The file of the calibration; empty: the one in calibration or beside the folders of pictures."""
    images: str = ""
    """The folder of pictures; empty: images, or videos."""
    masks: str = ""
    """The folder of masks; empty: masks, mask or schp."""
    turned: Literal["auto", "yes", "no"] = "auto"
    """Whether pictures were turned by the calibration's rotation_count; auto: if their width and height say so."""
    fit: FitOption = "auto"
    """How pictures of another size than the calibration's were made: whole, scaled with black bars, or cut; auto: if it
    is seen."""
    fps: Annotated[float, FRAMES_A_SECOND] = 0.0
    """Frames a second that are taken from videos; 0: each picture of the first."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1: a calibration and pictures are needed."""
    if not any(_holds_calibration(folder) for folder in (root / FOLDER, root)):
        return 0.0
    return 0.85 if has_recording(root) else 0.3


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    held = any(_holds_calibration(folder) for folder in (root / FOLDER, root))
    lacks = [] if held else [f"{FOLDER}/NAME.qca.txt or NAME.toml"]
    return lacks if has_recording(root) else [*lacks, "videos/CAMERA.mp4 or images/CAMERA/000000.jpg"]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    path = root / inside(root, options.calibration) if options.calibration else _find(root)
    recording = find_recording(root, options.images)
    names = recording.names()
    places = [recording.path(name) if isinstance(recording, VideoFolder) else Path(name) for name in names]
    match = match_cameras(places, _cameras(path, options), path)
    _tell(path, names, match)
    standing = _turned(path, options, match.cameras, [recording.size(name) for name in names])
    cameras = fit_cameras(path, standing, recording, names, options.fit)
    footage, frames = footage_of(root, recording, names, masks_of(root, options.masks), fps=options.fps)
    return Source("calibrated", options, root, cameras, frames, footage)


def _find(root: Path) -> Path:
    """The calibration, in its folder or beside the pictures. Raises InputError."""
    try:
        return find_calibration(root / FOLDER if _holds_calibration(root / FOLDER) else root)
    except InputError as error:
        raise InputError(f"{error} (--set capture.options.calibration=FILE)") from None


def _holds_calibration(folder: Path) -> bool:
    try:
        return any(is_qualisys(path) or is_caliscope(path) for path in folder.iterdir() if path.is_file())
    except OSError:
        return False


def _cameras(path: Path, options: Options) -> tuple[Camera, ...]:
    if is_qualisys(path):
        return read_qualisys(path, "m" if options.unit == "m" else "mm")
    return read_caliscope(path, options.unit).cameras if is_caliscope(path) else read_calibration(path)


def _tell(path: Path, names: Sequence[str], match: Match) -> None:
    """Warn of what a person should know of how pictures were given to cameras."""
    if match.by == "order":
        pairs = ", ".join(f"{name} = {camera.name}" for name, camera in zip(names[:6], match.cameras, strict=False))
        more = ", ..." if len(names) > 6 else ""
        warnings.warn(f"{path}: no name of a camera is one of pictures; taken in order: {pairs}{more}", stacklevel=3)
    if match.left_out:
        without = ", ".join(map(repr, match.left_out[:6]))
        warnings.warn(f"{path}: cameras without pictures are left out: {without}", stacklevel=3)


def _turned(
    path: Path, options: Options, cameras: Sequence[Camera], sizes: Sequence[tuple[int, int]]
) -> Sequence[Camera]:
    """The cameras of the pictures as they lie in the files. Raises InputError for a lens that cannot be turned."""
    if options.turned == "no" or not is_caliscope(path):
        return cameras
    calibration = read_caliscope(path)
    turns = {camera.name: turn for camera, turn in zip(calibration.cameras, calibration.turns, strict=True)}
    found = []
    for camera, (width, height) in zip(cameras, sizes, strict=True):
        lying = camera.width != camera.height and width * camera.width == height * camera.height
        try:
            found.append(turned(camera, turns[camera.name]) if options.turned == "yes" or lying else camera)
        except ValueError as error:
            raise InputError(f"{path}: camera {camera.name!r}: {error}") from None
    return found
