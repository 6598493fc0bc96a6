"""NHR sequences in their EasyMocap form (method.md 10).

    annots.npy, images/...   as ZJU-MoCap
    mask/...png              foreground where channel 0 > 100
    schp/...png              basketball: labels that the mask lacks (trousers 9, left leg 16, left shoe 18)
    vertices/000000.npy      [n, 3] metres

The preset's rigid transform is applied to cameras and vertices by `read_source`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import has_alpha, read_image, read_pixels, significant_white
from dymap.capture.labels import label_colours
from dymap.capture.masks import foreground, levels
from dymap.capture.pickles import load_annotations
from dymap.capture.readers.annotations import Unit, absolute, find_masks, find_vertices, list_images, read_cameras
from dymap.capture.readers.image_files import ImageFiles
from dymap.capture.source import Source
from dymap.config.bounds import Checked, Few, Within
from dymap.errors import InputError

LOOKS_FOR = "annots.npy, and grey masks in mask"
THRESHOLD = 100


@dataclass(frozen=True)
class Options(Checked, part="capture.options"):
    """What the files of this layout do not say."""

    unit: Unit = "mm"
    """Unit of the cameras' T in annots.npy."""
    mask_labels: Annotated[tuple[int, ...], Within(0, 255), Few(256)] = ()
    """Labels of the schp map that belong to the foreground too."""


def score(root: Path) -> float:
    """How sure it is, 0 to 1: annotations are needed, and grey masks in `mask`.

    ZJU-MoCap folders may have a `mask` too, of label ids far below the threshold, or beside other mask folders.
    """
    if not (root / "mask").is_dir():
        return 0.0
    if not (root / "annots.npy").is_file():
        return 0.2
    others = any((root / name).is_dir() for name in ("schp", "mask_cihp"))
    return 0.9 if not others and _holds_grey_masks(root / "mask") else 0.3


def _holds_grey_masks(folder: Path) -> bool:
    """Whether the first mask has pixels above the threshold."""
    try:
        first = next(folder.rglob("*.png"), None)
        return first is not None and bool((read_image(first) > THRESHOLD).any())
    except (InputError, OSError):  # a damaged mask is the reader's to report
        return False


def missing(root: Path) -> list[str]:
    """What a folder lacks to have this layout, as names of files."""
    lacks = [] if (root / "annots.npy").is_file() else ["annots.npy"]
    return lacks if (root / "mask").is_dir() else [*lacks, "mask/CAMERA/000000.png"]


def read(root: Path, options: Options) -> Source:
    """The capture at `root`. Raises InputError that names what is missing or wrong."""
    annotations = load_annotations(root / "annots.npy")
    paths, frames, firsts = list_images(root, annotations)
    cameras = read_cameras(root, annotations, firsts, options.unit)
    if not (root / "mask").is_dir():
        raise InputError(f"{root}: no mask folder, which the NHR layout has")
    folders = [root / "mask"]
    if options.mask_labels:
        folders.append(root / "schp")
        if not folders[-1].is_dir():
            raise InputError(f"{root}: mask labels {options.mask_labels} are wanted, but there is no schp folder")
    read = partial(read_grey, labels=options.mask_labels)
    points, white = find_vertices(root, frames), significant_white(list(firsts))
    footage = ImageFiles(absolute(root, paths), find_masks(folders, paths), read, points, white)
    return Source("nhr", options, root, cameras, frames, footage)


def read_grey(path: Path, parts: Path | None = None, labels: tuple[int, ...] = ()) -> NDArray[np.uint8]:
    """A mask -> [H, W]: 1 where channel 0 exceeds the threshold or the label map `parts` holds one of `labels`.

    Channel 0 is that of the published reader, which reads blue first; masks are grey, so it is every channel. In a
    cut-out, transparency counts. Raises InputError for files that cannot be read, or differ in size.
    """
    pixels = read_pixels(path)
    if has_alpha(pixels):
        mask = foreground(pixels)
    else:
        grey = pixels if pixels.ndim == 2 else pixels[..., min(pixels.shape[2], 3) - 1 if pixels.shape[2] > 2 else 0]
        mask = np.asarray(levels(grey) > THRESHOLD, dtype=np.uint8)
    if parts is not None:
        rgb = read_image(parts)
        if rgb.shape[:2] != mask.shape:
            raise InputError(f"{parts}: label map is {rgb.shape[1::-1]}, its mask is {mask.shape[::-1]}")
        for colour in label_colours()[list(labels)]:
            mask[(rgb == colour).all(axis=-1)] = 1
    return mask
