"""Footage of a layout that lists pictures one by one: of most cameras at most times there may be none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.decode import read_alpha, read_image
from dymap.capture.masks import read_mask
from dymap.capture.source import Bytes, Footage

Place = tuple[int, int]
"""Frame and view of a picture."""
ReadMask = Callable[[Path], Bytes | None]
"""[H, W] (0, 1, FACE) of a file; None: it says nothing of what is foreground."""

LOOKED_AT, ALL_LOOKED_AT = 8, 64
"""Pictures that are looked at, and of how many cameras each is, to see which are transparent."""


@dataclass(frozen=True, eq=False)
class ScatteredImages(Footage):
    """images: the pictures that there are. masks: those that have one; None: nothing says what is foreground.
    read_mask: makes a mask of its file. white: of pictures of 16 bits (decode.py). box: [2, 3] of
    all frames, metres; None: the layout has none."""

    images: Mapping[Place, Path]
    masks: Mapping[Place, Path] | None
    frames: int
    read_mask: ReadMask = read_mask
    white: int | None = None
    box: NDArray[np.float32] | None = None

    @property
    def has_masks(self) -> bool:
        return self.masks is not None

    def present(self, frame: int, view: int) -> bool:
        return (frame, view) in self.images

    def views(self, frame: int, count: int) -> Sequence[int]:  # noqa: ARG002
        return self._views[frame]

    @cached_property
    def _views(self) -> list[list[int]]:
        """[F] the cameras that have a picture, in their order."""
        views: list[list[int]] = [[] for _ in range(self.frames)]
        for frame, view in sorted(self.images):
            views[frame].append(view)
        return views

    def masked(self, frame: int, view: int) -> bool:
        return self.masks is not None and (frame, view) in self.masks

    def picture(self, frame: int, view: int) -> Bytes:
        return read_image(self.images[frame, view], self.white)

    def mask(self, frame: int, view: int) -> Bytes | None:
        assert self.masks is not None
        path = self.masks.get((frame, view))
        return None if path is None else self.read_mask(path)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        image, mask = self.images.get((frame, view)), None if self.masks is None else self.masks.get((frame, view))
        return tuple(dict.fromkeys(path for path in (image, mask) if path is not None))

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        return None if self.box is None else np.repeat(self.box[None], self.frames, axis=0)


def first_of_each(images: Mapping[Place, Path], views: int) -> list[Path]:
    """The earliest picture of each camera; every camera has one."""
    first: dict[int, Place] = {}
    for frame, view in images:
        if view not in first or frame < first[view][0]:
            first[view] = (frame, view)
    return [images[first[view]] for view in range(views)]


def cut_outs(images: Mapping[Place, Path], firsts: list[Path]) -> dict[Place, Path]:
    """The `masks` of pictures whose own transparency says what is foreground (with `read_cut_out`), if any.
    firsts: a picture of each camera.

    Cameras whose picture is opaque have none. Of very many cameras a few are looked at: with `read_cut_out` the
    pictures of the others say it when they are read.
    """
    step = 1 if len(firsts) <= ALL_LOOKED_AT else len(firsts) // LOOKED_AT
    opaque = {view for view in range(0, len(firsts), step) if read_alpha(firsts[view]) is None}
    if len(opaque) == len(range(0, len(firsts), step)):
        return {}
    return {(frame, view): path for (frame, view), path in images.items() if view not in opaque}
