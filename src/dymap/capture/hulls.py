"""The visual hulls that training and bake work in: each is carved once, and kept in memory and beside the images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.hull import blank, carve, in_view
from dymap.capture.kept import keep, read_kept
from dymap.geometry.camera import Camera
from dymap.geometry.grid import grid_shape

VERSION = 2
"""Raised whenever hulls of the same masks come out otherwise."""


class Hulls:
    """The hulls of the training masks of all frames, at any resolution.

    folder: of the prepared images. mark: of all that those were made from, boxes and cameras among it. boxes:
    [F, 2, 3] world, metres. cameras: of the training views, prepared. masks: frame -> [H, W] for each of them, or None
    of a camera that has none then: it carves nothing, as one whose mask is `blank`.
    """

    def __init__(
        self,
        folder: Path,
        mark: str,
        boxes: NDArray[np.float32],
        cameras: Sequence[Camera],
        masks: Callable[[int], list[NDArray[np.uint8] | None]],
    ):
        self._folder, self._mark, self._boxes, self._cameras, self._masks = folder, mark, boxes, cameras, masks
        self._told: set[str] = set()
        self._bits: dict[tuple[int, int], NDArray[np.uint8]] = {}  # a bit a voxel: small for any number of frames

    def get(self, frame: int, longest: int) -> NDArray[np.bool_]:
        """[gx, gy, gz] over the frame's box, `longest` voxels along the longest side: inside every mask that sees it.

        Carved if it is not kept.
        """
        shape = grid_shape(self._boxes[frame], longest)
        if not self.has(frame, longest):
            pairs = zip(self._cameras, self._masks(frame), strict=True)
            known = [(camera, mask) for camera, mask in pairs if mask is not None]
            without = set(blank([mask for _, mask in known]))
            self._tell(frame, [known[i][0] for i in without])
            cameras, masks = zip(*(pair for i, pair in enumerate(known) if i not in without), strict=True)
            bits = np.packbits(carve(cameras, masks, self._boxes[frame], shape))
            keep(*self._place(frame, longest), bits.tobytes())
            self._bits[frame, longest] = bits
        return np.unpackbits(self._bits[frame, longest], count=int(np.prod(shape))).reshape(shape).view(bool)

    def has(self, frame: int, longest: int) -> bool:
        """Whether a hull need not be carved any more."""
        if (frame, longest) not in self._bits:
            if (kept := read_kept(*self._place(frame, longest))) is None:
                return False
            self._bits[frame, longest] = np.frombuffer(kept, np.uint8)
        return True

    def _tell(self, frame: int, cameras: Sequence[Camera]) -> None:
        """Warn once of each of the cameras whose mask is blank although the box's middle is in its picture."""
        for camera in cameras:
            if camera.name not in self._told and in_view(camera, self._boxes[frame].mean(axis=0)):
                self._told.add(camera.name)
                warnings.warn(
                    f"the mask of camera {camera.name!r} at frame position {frame} shows next to nothing, although "
                    "others see somebody in its picture; such masks carve nothing: look at them",
                    stacklevel=4,
                )

    def _place(self, frame: int, longest: int) -> tuple[Path, str]:
        """The file of a hull, and the mark of all that it is made from."""
        views = [camera.name for camera in self._cameras]
        mark = repr((VERSION, self._mark, views, frame, grid_shape(self._boxes[frame], longest)))
        return self._folder / f"hull-{longest}-{frame:06d}", mark
