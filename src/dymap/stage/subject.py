"""What the stage shows: a baked clip here; whatever has these members (a field in training) can be shown too."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dymap.config import ViewerRenderer
from dymap.errors import InputError, printable
from dymap.geometry.camera import Camera, up_direction
from dymap.play.first_view import framed_box
from dymap.play.video import Video
from dymap.render.renderer import Renderer

Truth = Callable[[int, int], NDArray[np.uint8] | None]
"""(frame position, view) -> what the camera filmed [H, W, 3] RGB, as training saw it; None: it did not film then.
Raises InputError."""


class Subject(Protocol):
    """boxes: [frames, 2, 3] world, metres, on the CPU. name: of what is shown, in errors."""

    name: str
    boxes: NDArray[np.float32]
    cameras: tuple[Camera, ...]

    def describe(self) -> dict[str, Any]:
        """What the page knows of the clip: see `clip_facts`."""

    def renderer(self, frame: int) -> Renderer:
        """What renders a frame: ready, or made now. It stays as it is, whatever is shown or forgotten later. Raises
        InputError if the clip cannot be read."""

    def grid(self, frame: int) -> tuple[Tensor, Tensor]:
        """[gx, gy, gz] bool, what is occupied, and the box [2, 3] that it divides."""

    def ready(self, frame: int) -> bool:
        """Whether a frame is ready."""

    def ahead(self, frame: int) -> None:
        """Make a frame ready in the background, which will be asked for next."""

    def truth(self, frame: int, view: int) -> NDArray[np.uint8] | None:
        """[H, W, 3] what a camera filmed; None: it is not at hand. Raises InputError, IndexError."""

    def poster(self) -> bytes:
        """A JPEG, or nothing."""

    def close(self) -> None:
        """Forget all frames."""


class ClipSubject:
    """A baked clip.

    file: what it was read from. open_truth: opens the capture, if it is at hand, when it is first asked for: that may
    take long.
    """

    def __init__(
        self,
        video: Video,
        renderer: ViewerRenderer = "fast",
        file: Path | None = None,
        open_truth: Callable[[], Truth] | None = None,
    ):
        self._video, self._renderer, self._file = video, renderer, file
        self._open_truth = open_truth
        self._truth: Truth | None = None
        self._lock = threading.Lock()
        self.name = video.name
        self.boxes = video.boxes.cpu().numpy()
        self.cameras = tuple(camera.undistorted() for camera in video.cameras)

    def describe(self) -> dict[str, Any]:
        baked = self._video.baked
        size = None
        if self._file is not None:
            with suppress(OSError):
                size = self._file.stat().st_size
        about = {"title": baked.about.title, "author": baked.about.author, "licence": baked.about.licence}
        return clip_facts(
            self.name, self._video.fps, self.boxes, self.cameras, baked.test_views, bytes=size,
            poster="poster.jpg" if baked.poster else None, capture=self._open_truth is not None, film=True,
            box=framed_box(self._video).reshape(-1).tolist(), **about,
        )  # fmt: skip

    def renderer(self, frame: int) -> Renderer:
        return self._video.renderer(frame, self._renderer)

    def grid(self, frame: int) -> tuple[Tensor, Tensor]:
        return self._video.baked.grid(frame), self._video.boxes[frame]

    def ready(self, frame: int) -> bool:
        return self._video.ready(frame, self._renderer)

    def ahead(self, frame: int) -> None:
        self._video.prefetch(frame, self._renderer)

    def truth(self, frame: int, view: int) -> NDArray[np.uint8] | None:
        if self._open_truth is None:
            return None
        with self._lock:
            if self._truth is None:
                self._truth = self._open_truth()
        return self._truth(frame, view)

    def poster(self) -> bytes:
        return self._video.baked.poster

    def close(self) -> None:
        self._video.close()


def clip_facts(
    name: str,
    fps: float,
    boxes: NDArray[np.float32],
    cameras: tuple[Camera, ...],
    test_views: tuple[int, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """What the page knows of a clip, as JSON: numbers of the world, metres; see docs/stage.md. more: overrides."""
    boxes = np.asarray(boxes, dtype=np.float64)
    facts = {
        "name": printable(name),
        "title": "",
        "author": "",
        "licence": "",
        "fps": float(fps),
        "frames": len(boxes),
        "boxes": np.round(boxes, 6).reshape(-1).tolist(),
        "box": np.median(boxes, axis=0).reshape(-1).tolist(),
        "cameras": [_camera(camera, index in test_views) for index, camera in enumerate(cameras)],
        "up": np.round(up_direction(cameras), 6).tolist(),
        "poster": None,
        "capture": False,
        "training": False,
        "film": False,
        "bytes": None,
    }
    return facts | {key: printable(value) if isinstance(value, str) else value for key, value in more.items()}


def _camera(camera: Camera, test: bool) -> dict[str, Any]:
    """A camera with pixel centres at whole numbers."""
    K = camera.K.copy()
    K[:2, 2] -= camera.pixel_offset
    return {
        "name": printable(camera.name), "K": K.reshape(-1).tolist(), "R": camera.R.reshape(-1).tolist(),
        "T": camera.T.tolist(), "width": camera.width, "height": camera.height, "test": test,
    }  # fmt: skip


def check_frame(subject: Subject, frame: int) -> None:
    """Raises InputError for a frame that the clip does not have (any more)."""
    if not 0 <= frame < len(subject.boxes):
        raise InputError(f"frame {frame} is outside the clip of {len(subject.boxes)} frames")


def is_number(text: str) -> bool:
    """Whether a word of an address is a number that we would write."""
    return re.fullmatch(r"0|[1-9]\d{0,8}", text) is not None
