"""Masks from image files of any kind: what is foreground.

transparency   counts before colours, if any pixel is transparent: cut-outs, grey with alpha
mattes         values up to white are thresholded at half: soft edges, JPEG masks
labels         small numbers are labels, of which 0 is background; of 16 bits, all that no matte would be
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import ENDINGS, Pixels, has_alpha, read_pixels, to_bytes

Bytes = NDArray[np.uint8]

HALF = 128
"""A matte's values from here on are foreground."""
LARGEST_LABEL = 100
"""Masks of higher values are mattes; label maps have some twenty labels."""
WHITES = (255, 1023, 4095, 65535)
"""What a matte in 16 bits may call white: all of 8, 10, 12 or 16."""


def read_mask(path: Path) -> Bytes:
    """[H, W]: 1 foreground, 0 background, of a mask in whichever form. Raises InputError that names the file."""
    return foreground(read_pixels(path))


def foreground(pixels: Pixels) -> Bytes:
    """[H, W]: 1 foreground, 0 background. pixels: [H, W] or [H, W, 2 to 4] as `read_pixels` gives them."""
    if has_alpha(pixels):
        return _above(to_bytes(pixels[..., -1]))
    pixels = levels(pixels)
    colours = pixels if pixels.ndim == 2 else pixels[..., : 3 if pixels.shape[2] > 2 else 1].max(axis=-1)
    return _above(colours) if colours.max() > LARGEST_LABEL else (colours > 0).astype(np.uint8)


def is_soft(pixels: Pixels) -> bool:
    """Whether a mask, pixels as `foreground` takes them, says of more than every hundredth foreground
    pixel that it is so only in part."""
    if has_alpha(pixels):
        channel = to_bytes(pixels[..., -1])
    else:
        channel = levels(pixels if pixels.ndim == 2 else pixels[..., 0])
    if channel.max() <= LARGEST_LABEL:
        return False
    between = (channel > 16) & (channel < 240)
    return bool(between.sum() > 0.01 * max(int((channel >= HALF).sum()), 1))


def levels(values: Pixels) -> Bytes:
    """Values [...] of a mask of any depth as bytes: a matte's up to 255, labels up to LARGEST_LABEL.

    A matte of 16 bits reaches at least half of what its camera or program calls white.
    """
    if values.dtype != np.uint16:
        return to_bytes(values)
    highest = int(values.max(initial=0))
    white = next(white for white in WHITES if highest <= white)
    if highest <= LARGEST_LABEL or 2 * highest < white:
        return np.minimum(values, LARGEST_LABEL).astype(np.uint8)
    return np.asarray(np.rint(values.astype(np.float32) * (255 / white)), np.uint8)


def _above(channel: Bytes) -> Bytes:
    return (channel >= HALF).astype(np.uint8)


IMAGE_FOLDERS = ("images", "image", "imgs", "rgbs", "rgb", "ims", "frames")
"""Names of a folder of images, which paths in a mask folder need not repeat."""


class MaskFolder:
    """Finds the masks in a folder that repeats the names of images; folders are listed once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._names: dict[Path, dict[str, str]] = {}

    def find(self, image: str) -> Path | None:
        """The mask of an image, given by its path relative to the capture; None: there is none.

        The path may repeat the image folder's own name or not, the ending may be any image's, and be added to the
        image's (`000.jpg.png`).
        """
        parts = Path(image).parts
        shorter = Path(*parts[1:]) if parts[0] in IMAGE_FOLDERS and len(parts) > 1 else Path(image)
        for relative in dict.fromkeys((shorter, Path(image))):
            if name := self._list(self.folder / relative.parent).get(_stem(relative)):
                return self.folder / relative.parent / name
        return None

    def _list(self, folder: Path) -> dict[str, str]:
        """File names by their stems; PNG before other endings."""
        if folder not in self._names:
            order = {ending: place for place, ending in reversed(list(enumerate(ENDINGS)))}
            try:
                names = [name for name in folder.iterdir() if not name.name.startswith(".")]
            except OSError:
                names = []
            known = sorted((p for p in names if p.suffix.lower() in order), key=lambda p: -order[p.suffix.lower()])
            self._names[folder] = {_stem(path): path.name for path in known}
        return self._names[folder]


def _stem(path: Path) -> str:
    """The name without the endings of images: `000` of `000.jpg.png`."""
    while path.suffix.lower() in ENDINGS:
        path = path.with_suffix("")
    return path.name
