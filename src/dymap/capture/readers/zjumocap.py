"""ZJU-MoCap, refined cameras (method.md 10).

annots.npy               cams: K, D, R, T (millimetres); ims: relative paths for each frame and camera
images/00/000000.jpg     older: Camera_B1/000000.jpg
schp/00/000000.png       20-label palette; older: mask_cihp/Camera_B1/000000.png, label ids
vertices/000000.npy      [n, 3] metres; or vertices/0.npy; older: new_vertices/
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.capture.capture import Source
from dymap.capture.images import FACE, read_image
from dymap.capture.pickles import load_annotations
from dymap.capture.readers.annotations import find_vertices, list_frames, mask_path, read_cameras
from dymap.config import CaptureConfig

FACE_LABELS = (2, 10, 13)
MASK_FOLDERS = ("schp", "mask_cihp", "mask")


def matches(root: Path) -> bool:
    """Whether a folder looks like this layout."""
    return (root / "annots.npy").is_file()


def read(root: Path, config: CaptureConfig) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames = list_frames(root, annotations)
    images = tuple(tuple(root / path for path in row) for row in paths)
    cameras = read_cameras(root, annotations, images[0], config)
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = None
    read_mask = read_label_ids
    if folder is not None:
        masks = tuple(tuple(mask_path(root / folder, path) for path in row) for row in paths)
        read_mask = read_palette if folder == "schp" else read_label_ids
    return Source("zjumocap", root, cameras, frames, images, masks, read_mask, find_vertices(root, frames))


def palette(labels: int = 20) -> NDArray[np.uint8]:
    """[labels, 3] RGB of the Pascal-VOC colour map: bits 3k, 3k+1, 3k+2 of a label are bit 7-k of R, G, B."""
    label = np.arange(labels)
    colours = np.zeros((labels, 3), np.uint8)
    for k in range(8):
        for channel in range(3):
            colours[:, channel] |= (((label >> (3 * k + channel)) & 1) << (7 - k)).astype(np.uint8)
    return colours


def read_palette(path: Path) -> NDArray[np.uint8]:
    """A mask in palette colours -> [H, W]: 0 black, FACE for face labels, 1 anything else."""
    rgb = read_image(path)
    mask = np.asarray(rgb.any(axis=-1), dtype=np.uint8)
    for colour in palette()[list(FACE_LABELS)]:
        mask[(rgb == colour).all(axis=-1)] = FACE
    return mask


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """A mask of label ids -> [H, W]: 1 where any channel is not zero."""
    ids = read_image(path, cv2.IMREAD_UNCHANGED)
    return (ids if ids.ndim == 2 else ids[..., :3].any(axis=-1)).astype(bool).astype(np.uint8)
