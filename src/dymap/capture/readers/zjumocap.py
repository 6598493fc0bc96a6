"""ZJU-MoCap, refined cameras (method.md 10).

annots.npy               cams: K, D, R, T (millimetres); ims: relative paths for each frame and camera
images/00/000000.jpg     older: Camera_B1/000000.jpg
schp/00/000000.png       20-label palette; older: mask_cihp/Camera_B1/000000.png, label ids
vertices/000000.npy      [n, 3] metres; or vertices/0.npy; older: new_vertices/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import Pixels, has_alpha, read_pixels, significant_white
from dymap.capture.images import FACE
from dymap.capture.labels import label_colours
from dymap.capture.masks import foreground, read_mask
from dymap.capture.pickles import load_annotations
from dymap.capture.readers.annotations import Unit, absolute, find_masks, find_vertices, list_images, read_cameras
from dymap.capture.readers.image_files import ImageFiles, read_cut_out, transparency
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


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    return [] if (root / "annots.npy").is_file() else ["annots.npy"]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames, firsts = list_images(root, annotations)
    images = absolute(root, paths)
    cameras = read_cameras(root, annotations, firsts, options.unit)
    folder = next((name for name in MASK_FOLDERS if (root / name).is_dir()), None)
    masks = find_masks([root / folder], paths) if folder else transparency(images)
    read = {"schp": read_palette, None: read_cut_out}.get(folder, read_mask)
    footage = ImageFiles(images, masks, read, find_vertices(root, frames), significant_white(list(firsts)))
    return Source("zjumocap", options, root, cameras, frames, footage)


def read_palette(path: Path) -> NDArray[np.uint8]:
    """[H, W] of a mask's file, as `palette_mask` makes it. Raises InputError that names the file."""
    return palette_mask(read_pixels(path))


def palette_mask(pixels: Pixels) -> NDArray[np.uint8]:
    """A mask in palette colours, as `read_pixels` gives it -> [H, W]: 0 black, FACE for face labels, 1 anything else.

    Cut-outs and grey mattes, which have other values than the palette, are read as such (masks.py).
    """
    if has_alpha(pixels) or pixels.dtype != np.uint8 or pixels.ndim == 2 or pixels.shape[2] == 2 or _is_grey(pixels):
        return foreground(pixels)
    red, green, blue = np.moveaxis(pixels[..., :3], -1, 0)  # channel by channel: five times as fast as along the last
    mask = ((red | green | blue) != 0).astype(np.uint8)
    for r, g, b in label_colours()[list(FACE_LABELS)]:
        mask[(red == r) & (green == g) & (blue == b)] = FACE
    return mask


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Whether it is a grey matte in three channels: of the palette's colours, the brightest grey is 128."""
    return bool(rgb.max() > 200) and bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 0] == rgb[..., 2]).all())
