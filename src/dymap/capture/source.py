"""Source: what a reader found in a folder. Nothing is decoded before it is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dymap.errors import InputError
from dymap.geometry.box import box_corners, box_of_points
from dymap.geometry.camera import Camera

Bytes = NDArray[np.uint8]


class Footage(ABC):
    """The pictures themselves, which only the reader of a layout can get at.

    frame: position among all frames that the layout holds, from 0. view: position among its cameras. Everything is as
    filmed: full size, distorted, world of the layout in metres. Methods are called from several threads at once.
    """

    @property
    @abstractmethod
    def has_masks(self) -> bool:
        """Whether the layout says what is foreground, if only for some pictures."""

    @abstractmethod
    def picture(self, frame: int, view: int) -> Bytes:
        """[H, W, 3] RGB. Raises InputError that names the file if it cannot be read."""

    @abstractmethod
    def mask(self, frame: int, view: int) -> Bytes | None:
        """[H, W]: 0 background, 1 foreground, FACE face; None: this picture has no mask. Asked for only with
        `has_masks`. Raises InputError."""

    def present(self, frame: int, view: int) -> bool:  # noqa: ARG002
        """Whether the camera has a picture of the frame. Cheap: nothing is decoded."""
        return True

    def views(self, frame: int, count: int) -> Sequence[int]:
        """The cameras, of `count`, that have a picture of the frame. A layout of thousands with few pictures each
        says so without asking for each."""
        return [view for view in range(count) if self.present(frame, view)]

    def masked(self, frame: int, view: int) -> bool:
        """Whether `mask` has one for a picture. Cheap: nothing is decoded."""
        return self.has_masks and self.present(frame, view)

    @abstractmethod
    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        """The files that a picture and its mask rest on: the picture's, the mask's if it has its own, all others."""

    def number(self, frame: int, view: int) -> int | None:  # noqa: ARG002
        """The number of a picture in its video, from 0; None: pictures are in files of their own."""
        return None

    @property
    def has_points(self) -> bool:
        """Whether the layout holds points of the filmed surface."""
        return False

    def points(self, frame: int) -> NDArray[Any]:
        """[n, 3] points of the surface, metres. Asked for only with `has_points`. Raises InputError."""
        raise NotImplementedError(f"{type(self).__name__} says that it has points, and has none")

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        """[all frames, 2, 3] boxes that the layout itself holds, metres; None: it holds none."""
        return None


@dataclass(frozen=True, eq=False)
class Source:
    """What a reader found.

    layout: name of the reader. options: the reader's own, complete. root: the capture's folder. cameras: full-size,
    distorted, world in metres. frames: frame numbers. footage: the pictures. chosen: positions of `frames` among those
    of the footage (None: all). transform: rigid M [4, 4] by which the cameras were moved already; points and boxes are
    moved when they are asked for. test_views: those that the layout keeps for evaluation, if nothing else is asked for.
    fps: frames a second, if the layout says so.
    """

    layout: str
    options: Any
    root: Path
    cameras: tuple[Camera, ...]
    frames: tuple[int, ...]
    footage: Footage
    chosen: Sequence[int] | None = None
    transform: NDArray[np.float64] | None = None
    test_views: tuple[int, ...] = ()
    fps: float | None = None

    @property
    def name(self) -> str:
        """Of its folder, which may be given as `.`."""
        return self.root.resolve().name

    def read(self, frame: int, view: int) -> tuple[Bytes, Bytes | None]:
        """The picture [H, W, 3] RGB at frame position `frame` and its mask [H, W] (see `mask`), as filmed.

        Asked for only if it is `present`. Raises InputError that names the file if one cannot be read or has another
        size than the camera.
        """
        return self.picture(frame, view), self.mask(frame, view)

    def picture(self, frame: int, view: int) -> Bytes:
        """[H, W, 3] RGB, the picture of `read` without its mask. Raises InputError as `read` does."""
        picture, camera = self.footage.picture(self._position(frame), view), self.cameras[view]
        if picture.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"{self.files(frame, view)[0]}: image is {picture.shape[1]} x {picture.shape[0]}, but the first image "
                f"of camera {camera.name!r} is {camera.width} x {camera.height}"
            )
        return picture

    def mask(self, frame: int, view: int) -> Bytes | None:
        """[H, W]: 0 background, 1 foreground, FACE face; None: nothing is known. Raises InputError as `read` does.

        A mask of another size is brought to the picture's if both have one shape.
        """
        if not self.has_masks or (mask := self.footage.mask(self._position(frame), view)) is None:
            return None
        camera, (height, width) = self.cameras[view], mask.shape
        if (height, width) == (camera.height, camera.width):
            return mask
        if abs(width * camera.height / camera.width - height) > 1:
            raise InputError(
                f"{self.files(frame, view)[:2][-1]}: mask is {width} x {height}, its image is "
                f"{camera.width} x {camera.height}, which is another shape; was one of them cropped or turned?"
            )
        size = (camera.width, camera.height)
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), dtype=np.uint8)

    def present(self, frame: int, view: int) -> bool:
        """Whether the camera `view` has a picture at frame position `frame`."""
        return self.footage.present(self._position(frame), view)

    def views(self, frame: int) -> Sequence[int]:
        """The cameras that have a picture at frame position `frame`."""
        return self.footage.views(self._position(frame), len(self.cameras))

    def masked(self, frame: int, view: int) -> bool:
        """Whether a mask says what is foreground in the picture of camera `view` at frame position `frame`."""
        return self.footage.masked(self._position(frame), view)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        """The files that `read` rests on: the picture's, the mask's if it has its own, all others."""
        return self.footage.files(self._position(frame), view)

    def number(self, frame: int, view: int) -> int:
        """The number under which the picture of camera `view` at frame position `frame` was filmed: in its video, or if
        pictures are in files of their own the frame's."""
        number = self.footage.number(self._position(frame), view)
        return self.frames[frame] if number is None else number

    def points(self, frame: int) -> NDArray[Any]:
        """[n, 3] points of the surface at frame position `frame`; world, metres. Only with `has_points`."""
        points = self.footage.points(self._position(frame))
        return points if self.transform is None else _moved(points, self.transform)

    @property
    def boxes(self) -> NDArray[np.float32] | None:
        """[F, 2, 3] the layout's own boxes; world, metres. A box that was moved is the box of its moved corners."""
        if (boxes := self.footage.boxes) is None:
            return None
        chosen = boxes[[self._position(frame) for frame in range(len(self.frames))]]
        if (M := self.transform) is None:
            return chosen
        return np.stack([box_of_points(_moved(box_corners(box), M), padding=0.0) for box in chosen])

    @property
    def has_masks(self) -> bool:
        """Whether masks say what is foreground, if only in some pictures."""
        return self.footage.has_masks

    @property
    def has_points(self) -> bool:
        """Whether there are points of the filmed surface."""
        return self.footage.has_points

    def select(self, frames: tuple[int, int, int]) -> Source:
        """The frames start, start + step, ... below end (-1: all). Raises InputError if there are no such frames."""
        start, end, step = frames
        total = len(self.frames)
        if step < 1 or not 0 <= start < total or (end != -1 and end <= start):
            raise InputError(f"frames {start} to {end} step {step} do not fit the capture's {total} frames")
        kept = range(start, total if end == -1 else min(end, total), step)
        numbers = tuple(self.frames[frame] for frame in kept)
        return replace(self, frames=numbers, chosen=[self._position(frame) for frame in kept])

    def transformed(self, transform: NDArray[np.float64]) -> Source:
        """The capture in a world moved by the rigid M [4, 4]: cameras now, points and boxes when they are asked for."""
        cameras = tuple(camera.transformed(transform) for camera in self.cameras)
        before = np.eye(4) if self.transform is None else self.transform
        return replace(self, cameras=cameras, transform=transform @ before)

    def _position(self, frame: int) -> int:
        return frame if self.chosen is None else self.chosen[frame]


def _moved(points: NDArray[Any], transform: NDArray[np.float64]) -> NDArray[Any]:
    return points @ transform[:3, :3].T + transform[:3, 3]
