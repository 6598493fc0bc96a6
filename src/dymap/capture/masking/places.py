"""Where the masks of a capture are: in the files that its layout's reader finds, or would look for.

A mask that there is is replaced in its own file. Readers look for others in four ways:

    masks/<path of the picture>        without the image folder's name: `annots.npy`, transforms.json, COLMAP, Panoptic
    masks/CAMERA/<path in its folder>  folders of pictures, one a camera, wherever these are
    masks/CAMERA/NUMBER                videos, by the picture's number in the video; and such folders if their masks are
                                       named after frames already
    masks/CAMERA/CAMERA_mask000012     ActorsHQ
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from dymap.capture.decode import ENDINGS as PICTURES
from dymap.capture.masks import IMAGE_FOLDERS, MaskFolder
from dymap.capture.numbers import LONGEST
from dymap.capture.readers import actorshq, panoptic, transforms, zjumocap
from dymap.capture.readers.listing import MASK_FOLDERS, images_in
from dymap.capture.readers.recordings import VIDEO_FOLDER, find_recording
from dymap.capture.source import Source
from dymap.capture.video_packets import ENDINGS as VIDEOS
from dymap.errors import InputError

FOLDERS = {
    "actorshq": (actorshq.MASKS,),
    "neural3d": ("masks",),
    "nhr": ("mask",),
    "panoptic": (panoptic.MASKS,),
    "zjumocap": zjumocap.MASK_FOLDERS,
}
"""Of layouts that do not look for all of MASK_FOLDERS; the first is made if there is none."""
FOLDERS_OF_CAMERAS = ("calibrated", "easymocap", "selfcap")
"""Layouts that have pictures in a folder a camera, or videos; COLMAP's may."""
REWRITTEN = (".png", ".tif", ".tiff", ".webp", ".bmp", ".jpg", ".jpeg")
"""Endings of masks that are replaced in their own files."""


def own_mask(source: Source, frame: int, view: int) -> Path | None:
    """The file of a picture's mask; None: it has none, or it is in the picture's own file."""
    others = source.files(frame, view)[1:2] if source.masked(frame, view) else ()
    return next((path for path in others if path.suffix.lower() in (*PICTURES, *VIDEOS)), None)


class MaskPlaces:
    """The files of a capture's masks. folder: in which new ones are.

    Raises InputError for layouts that cannot take masks.
    """

    def __init__(self, source: Source):
        self.source, self.root = source, source.root
        named = getattr(source.options, "masks", "")
        if source.layout == "dna":
            raise InputError(f"{self.root}: the layout dna has masks in its own files only; {remedy(source)}")
        names = (named,) if named else FOLDERS.get(source.layout, MASK_FOLDERS)
        self.folder = self._folder(self.root, names)
        self._names_masks = source.layout == "transforms" and transforms.names_masks(self.root)
        self._recorded = (
            find_recording(self.root, source.options.images).folder if source.layout in FOLDERS_OF_CAMERAS else None
        )
        self._shifts: dict[int, int | None] = {}
        self._listed: dict[str, list[Path]] = {}

    def of(self, frame: int, view: int) -> Path:
        """The file of a mask. Raises InputError for one that is no picture, and if the reader looks for none."""
        picture = self.source.files(frame, view)[0]
        if (mask := own_mask(self.source, frame, view)) is not None:
            if mask.suffix.lower() not in REWRITTEN:
                kind = "a video" if mask.suffix.lower() in VIDEOS else f"files {mask.suffix}"
                raise InputError(f"{mask}: masks in {kind} are not replaced; move it away first")
            return mask
        if self._names_masks:
            raise InputError(
                f"{self.root}: its entries name their masks, and that of {picture} names none: it would not be read; "
                f"{remedy(self.source)}"
            )
        if self.source.layout == "actorshq":
            return _beside_rgbs(picture)
        if picture.suffix.lower() not in PICTURES:
            return self._numbered(frame, view, self._video(picture), None)
        if (inner := self._in_camera_folder(picture, view)) is not None:
            if (shift := self._shift(view)) is not None:
                return self._numbered(frame, view, inner.parts[0], shift)
            return self.folder / inner.with_suffix(".png")
        base, folder = self.root, self.folder
        if self.source.layout == "transforms":
            base = transforms.folder_of(self.root, picture)
            folder = self._folder(base, MASK_FOLDERS)
        parts = picture.relative_to(base).parts
        shorter = parts[1:] if parts[0] in IMAGE_FOLDERS and len(parts) > 1 else parts
        return folder.joinpath(*shorter).with_suffix(".png")

    def _folder(self, base: Path, names: tuple[str, ...]) -> Path:
        return base / next((name for name in names if (base / name).is_dir()), names[0])

    def _in_camera_folder(self, picture: Path, view: int) -> Path | None:
        """The path of a picture from its camera's folder on; None: the layout has none."""
        if self._recorded is not None:
            return picture.relative_to(self._recorded)
        parts, name = picture.relative_to(self.root).parts, self.source.cameras[view].name
        if self.source.layout != "colmap" or name not in parts[:-1]:
            return None
        return Path(*parts[parts.index(name) :])

    def _video(self, picture: Path) -> str:
        """The camera of a video: VIDEOS/cam04.mp4, or VIDEOS/cam04/GX010042.MP4."""
        folders = (self.root, self.root / VIDEO_FOLDER, self._recorded)
        return picture.stem if picture.parent in folders else picture.parent.name

    def _shift(self, view: int) -> int | None:
        """By what the numbers of frames exceed those in the names of a camera's masks; None: masks have, or are to
        have, the names of its pictures."""
        if view not in self._shifts:
            self._shifts[view] = self._look_at_names(view)
        return self._shifts[view]

    def _look_at_names(self, view: int) -> int | None:
        masks = MaskFolder(self.folder)
        shift = None
        for frame, number in enumerate(self.source.frames):
            if (mask := own_mask(self.source, frame, view)) is None:
                continue
            picture = self._in_camera_folder(self.source.files(frame, view)[0], view)
            if picture is None or masks.find(picture.as_posix()) == mask:
                return None
            if shift is None:
                shift = number - int(mask.stem) if _is_number(mask.stem) else 0
        return shift

    def _numbered(self, frame: int, view: int, name: str, shift: int | None) -> Path:
        """A mask whose name is a number, in the folder `name` of its camera. shift: see `_shift`; None: of a video.

        Raises InputError if masks that there are have other names beside it.
        """
        if name not in self._listed:
            self._listed[name] = images_in(self.folder / name)
        number = self.source.number(frame, view) if shift is None else self.source.frames[frame] - shift
        new = f"{number:06d}.png"
        if other := next((path for path in self._listed[name] if not _is_number(path.stem)), None):
            raise InputError(
                f"{other}: beside it a mask {new} cannot be read, as names of two kinds do not tell numbers of frames; "
                f"rename the masks of camera {self.source.cameras[view].name!r} to numbers such as {new}"
            )
        inner = shift is not None and self._listed[name]
        return (self._listed[name][0].parent if inner else self.folder / name) / new


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= LONGEST


def remedy(source: Source) -> str:
    """What makes a capture one that takes masks."""
    return f"convert the capture first: dymap capture convert {quote(str(source.root))} OUT --to easymocap"


def _beside_rgbs(picture: Path) -> Path:
    """ActorsHQ: rgbs/CAMERA/CAMERA_rgb000012.jpg -> masks/CAMERA/CAMERA_mask000012.png"""
    camera = picture.parent.name
    number = picture.stem.removeprefix(f"{camera}_rgb")
    return picture.parents[2] / actorshq.MASKS / camera / f"{camera}_mask{number}.png"
