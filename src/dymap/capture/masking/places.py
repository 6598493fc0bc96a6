"""Where the masks of a capture are: in the folder that its layout's reader looks in, by the names it looks for."""

from __future__ import annotations

from pathlib import Path

from dymap.capture.masks import IMAGE_FOLDERS
from dymap.capture.source import Source
from dymap.errors import InputError

FOLDERS = {"zjumocap": ("schp", "mask_cihp", "mask"), "nhr": ("mask",), "panoptic": ("seg",)}
"""Of layouts that do not look for `masks`; the first is made if there is none."""
USUAL = ("masks", "mask", "schp", "mask_cihp")
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".exr")


def mask_folder(source: Source) -> Path:
    """The folder of a capture's masks, whether it is there or not. Raises InputError for layouts that have none."""
    if source.layout in ("dna", "actorshq") and not source.has_masks:
        raise InputError(
            f"{source.root}: masks of the layout {source.layout} cannot be added; convert the capture first: "
            f"dymap capture convert {source.root} OUT --to easymocap"
        )
    names = FOLDERS.get(source.layout, USUAL)
    return source.root / next((name for name in names if (source.root / name).is_dir()), names[0])


def mask_path(source: Source, folder: Path, frame: int, view: int) -> Path:
    """The file of a mask: PNG, named after its picture, or after the camera and the picture's number in its video.

    Raises InputError for a mask that is not in a file of its own, and for names that leave the folder.
    """
    picture, *others = source.files(frame, view)
    if source.masked(frame, view) and others and others[0].is_relative_to(folder):
        if others[0].suffix.lower() not in PICTURES:
            raise InputError(f"{others[0]}: masks in a video are not replaced; move it away first")
        return others[0].with_suffix(".png")
    if picture.suffix.lower() not in PICTURES:
        name = source.cameras[view].name
        if not name or name in (".", "..") or any(sign in name for sign in "/\\\0:"):
            raise InputError(f"{source.root}: the name of camera {name!r} is no folder's")
        return folder / name / f"{source.number(frame, view):06d}.png"
    parts = picture.relative_to(source.root).parts
    shorter = parts[1:] if parts[0] in IMAGE_FOLDERS and len(parts) > 1 else parts
    return folder.joinpath(*shorter).with_suffix(".png")
