"""The layout of EasyMocap and EasyVolcap.

    my_capture/
      intri.yml extri.yml         lenses and poses of the cameras by name, T in metres (calibrations/opencv_yaml.py)
      images/01/000000.jpg        a folder a camera, called after it
      videos/01.mp4               instead of images: a video a camera, that began together
      masks/01/000000.png         or mask/, schp/: white on black, cut-outs, labels; may be missing, for some or for all
      vertices/000000.npy         [n, 3] points of the surface, metres; may be missing

OpenCV's axes and centres at integers; the world's axes are the calibration's. Pictures of another size than the
calibration's have K scaled, with a warning, if they were made smaller or larger as a whole. ccm_NAME corrects colours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dymap.capture.calibrations.opencv_yaml import (
    EXTRINSICS,
    INTRINSICS,
    OpenCVCalibration,
    is_opencv_yaml,
    read_opencv_yaml,
)
from dymap.capture.readers.annotations import Unit
from dymap.capture.readers.colours import CorrectedFootage
from dymap.capture.readers.fitting import FitOption, fit_cameras
from dymap.capture.readers.listing import find_mask_folder
from dymap.capture.readers.recordings import Recording, find_recording, footage_of, has_recording, inside
from dymap.capture.source import Footage, Source
from dymap.config.bounds import Checked
from dymap.errors import InputError
from dymap.files import read_json
from dymap.geometry.camera import Camera

IMPORTED = "import.json"
"""What an import of videos leaves beside its pictures."""
LOOKS_FOR = "intri.yml and extri.yml, and images/CAMERA/ or videos/CAMERA.mp4"


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files of this layout do not say."""

    unit: Unit = "m"
    """Unit of the cameras' T in extri.yml."""
    images: str = ""
    """The folder of pictures; empty: images, or videos."""
    masks: str = ""
    """The folder of masks; empty: masks, mask or schp."""
    colours: bool = True
    """Whether the colour matrices of intri.yml are applied."""
    fit: FitOption = "auto"
    """How pictures of another size than the calibration's were made: whole, scaled with black bars, or cut; auto: if it
    is seen."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1: both files are needed; annots.npy beside them is ZJU-MoCap's, which has them too."""
    if not is_opencv_yaml(root):
        return 0.2 if any((root / name).is_file() for name in ("intri.yml", "extri.yml")) else 0.0
    if (root / "annots.npy").is_file():
        return 0.4
    return 0.9 if has_recording(root) else 0.6


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    lacks = [name for name in (INTRINSICS, EXTRINSICS) if not (root / name).is_file()]
    return lacks if has_recording(root) else [*lacks, "images/CAMERA/000000.jpg or videos/CAMERA.mp4"]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    recording = find_recording(root, options.images)
    calibration = read_opencv_yaml(root, recording.size)
    names = [camera.name for camera in calibration.cameras]
    footage, frames = footage_of(root, recording, names, masks_of(root, options.masks))
    footage, cameras = complete(root / INTRINSICS, calibration, recording, footage, options)
    return Source("easymocap", options, root, cameras, frames, footage, fps=imported_fps(root))


def imported_fps(root: Path) -> float | None:
    """Frames a second of a capture that was made of videos; None: it was not, or nothing is said that can be used."""
    try:
        said = read_json(root / IMPORTED)["fps"]
    except (InputError, KeyError, TypeError):
        return None
    return float(said) if type(said) in (int, float) and 0 < said < 1e4 else None


def masks_of(root: Path, named: str) -> Path | None:
    """The folder of masks, which may be named. Raises InputError if it leaves the capture's folder."""
    return find_mask_folder(root, inside(root, named))


def complete(
    said_in: Path,
    calibration: OpenCVCalibration,
    recording: Recording,
    footage: Footage,
    options: Options,
) -> tuple[Footage, tuple[Camera, ...]]:
    """The footage with colours corrected, and the cameras at their pictures' size.

    said_in: the file of the lenses. Raises InputError.
    """
    names = [camera.name for camera in calibration.cameras]
    cameras = fit_cameras(said_in, calibration.cameras, recording, names, options.fit)
    if options.unit == "mm":
        cameras = tuple(replace(camera, T=camera.T / 1000) for camera in cameras)
    if options.colours and any(matrix is not None for matrix in calibration.colours):
        footage = CorrectedFootage(footage, calibration.colours, said_in)
    return footage, cameras
