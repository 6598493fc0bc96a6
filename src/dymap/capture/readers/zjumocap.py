"""ZJU-MoCap, refined cameras (method.md 10).

annots.npy               cams: K, D, R, T (millimetres); ims: relative paths for each frame and camera
images/00/000000.jpg     older: Camera_B1/000000.jpg
schp/00/000000.png       20-label palette; older: mask_cihp/Camera_B1/000000.png, label ids
vertices/000000.npy      [n, 3] metres; or vertices/0.npy; older: new_vertices/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.images import FACE, read_image
from dymap.capture.labels import label_colours
from dymap.capture.pickles import load_annotations
from dymap.capture.readers.annotations import Unit, find_vertices, list_frames, mask_path, read_cameras
from dymap.capture.readers.image_files import ImageFiles
from dymap.capture.source import Source

LOOKS_FOR = "annots.npy, and masks in schp or mask_cihp"
FACE_LABELS = (2, 10, 13)
MASK_FOLDERS = ("schp", "mask_cihp", "mask")


@dataclass(frozen=True)
class Options:
    """What the files of this layout do not say."""

    unit: Unit = "mm"
    """Unit of the cameras' T in annots.npy."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1: annotations are needed; label maps make it surer, `mask` may as well be NHR's."""
    folders = [name for name in MASK_FOLDERS if (root / name).is_dir()]
    if not (root / "annots.npy").is_file():
        return 0.2 if folders else 0.0
    return 0.6 if folders in ([], ["mask"]) else 0.9


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames = list_frames(root, annotations)
    images = tuple(tuple(root / path for path in row) for row in paths)
    cameras = read_cameras(root, annotations, images[0], options.unit)
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = None
    if folder is not None:
        masks = tuple(tuple((mask_path(root / folder, path),) for path in row) for row in paths)
    read_mask = read_palette if folder == "schp" else read_label_ids
    footage = ImageFiles(images, masks, read_mask, find_vertices(root, frames))
    return Source("zjumocap", options, root, cameras, frames, footage)


def read_palette(path: Path) -> NDArray[np.uint8]:
    """A mask in palette colours -> [H, W]: 0 black, FACE for face labels, 1 anything else."""
    rgb = read_image(path)
    mask = np.asarray(rgb.any(axis=-1), dtype=np.uint8)
    for colour in label_colours()[list(FACE_LABELS)]:
        mask[(rgb == colour).all(axis=-1)] = FACE
    return mask


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """A mask of label ids -> [H, W]: 1 where any channel is not zero."""
    ids = read_image(path, cv2.IMREAD_UNCHANGED)
    return (ids if ids.ndim == 2 else ids[..., :3].any(axis=-1)).astype(bool).astype(np.uint8)
