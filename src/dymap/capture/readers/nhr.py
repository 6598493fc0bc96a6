"""NHR sequences in their EasyMocap form (method.md 10).

    annots.npy, images/...   as ZJU-MoCap
    mask/...png              foreground where channel 0 > 100
    schp/...png              basketball: labels that the mask lacks (trousers 9, left leg 16, left shoe 18)
    vertices/000000.npy      [n, 3] metres

The preset's rigid transform is applied to cameras and vertices by `read_source`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.capture import Source
from dymap.capture.images import read_image
from dymap.capture.pickles import load_annotations
from dymap.capture.readers.annotations import find_vertices, list_frames, mask_path, read_cameras
from dymap.capture.readers.zjumocap import palette
from dymap.config import CaptureConfig
from dymap.errors import InputError

THRESHOLD = 100


def matches(root: Path) -> bool:
    """Whether a folder looks like this layout: annotations, and grey masks in `mask/` alone.

    ZJU-MoCap folders may have a `mask/` too, of label ids far below the threshold, or beside other mask folders.
    """
    others = any((root / name).is_dir() for name in ("schp", "mask_cihp"))
    if others or not (root / "annots.npy").is_file():
        return False
    first = next((root / "mask").rglob("*.png"), None)
    return first is not None and bool((read_image(first) > THRESHOLD).any())


def read(root: Path, config: CaptureConfig) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames = list_frames(root, annotations)
    images = tuple(tuple(root / path for path in row) for row in paths)
    cameras = read_cameras(root, annotations, images[0], config)
    if not (root / "mask").is_dir():
        raise InputError(f"{root}: no mask folder, which the NHR layout has")
    masks = tuple(tuple(mask_path(root / "mask", path) for path in row) for row in paths)
    parts = {}
    if config.mask_labels:
        if not (root / "schp").is_dir():
            raise InputError(f"{root}: mask labels {config.mask_labels} are wanted, but there is no schp folder")
        parts = {
            mask: mask_path(root / "schp", path)
            for row, files in zip(paths, masks, strict=True)
            for path, mask in zip(row, files, strict=True)
        }
    read_mask = partial(read_grey, labels=config.mask_labels, parts=parts)
    return Source("nhr", root, cameras, frames, images, masks, read_mask, find_vertices(root, frames))


def read_grey(path: Path, labels: tuple[int, ...] = (), parts: dict[Path, Path] | None = None) -> NDArray[np.uint8]:
    """A mask -> [H, W]: 1 where channel 0 exceeds the threshold or the label map at parts[path] holds one of `labels`.

    Channel 0 is that of the published reader, which reads blue first; masks are grey, so it is every channel.
    """
    mask = np.asarray(read_image(path)[..., 2] > THRESHOLD, dtype=np.uint8)
    if labels and parts:
        rgb = read_image(parts[path])
        if rgb.shape[:2] != mask.shape:
            raise InputError(f"{parts[path]}: label map is {rgb.shape[1::-1]}, its mask is {mask.shape[::-1]}")
        for colour in palette()[list(labels)]:
            mask[(rgb == colour).all(axis=-1)] = 1
    return mask
