"""Clips that are shown in tests: that stay open, that take their time, that draw when they are let."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from dymap.geometry.camera import Camera
from dymap.kernels import Cancel, Rows
from dymap.play.video import Video
from dymap.render.image import Background, Cancelled, Image
from dymap.render.renderer import Renderer
from dymap.stage.subject import ClipSubject
from tests.stage.visitor import PATIENCE, SIDE

Before = Callable[[Camera, Rows, Cancel | None], None]
"""What happens before rows of a picture are rendered."""


class Lasting(ClipSubject):
    """Stays open for the next test."""

    def close(self) -> None:
        pass


class Held:
    """A renderer before which something else happens."""

    nbytes = 0

    def __init__(self, renderer: Renderer, before: Before):
        self._renderer, self._before = renderer, before

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        self._before(camera, rows or (0, camera.height), cancel)
        return self._renderer.render(camera, background, cancel, rows)


class Slow(Lasting):
    """Takes its time, unless it is cancelled. seconds: of a picture of SIDE pixels a side."""

    def __init__(self, video: Video, seconds: float):
        super().__init__(video, "march")
        self.seconds, self.begun = seconds, 0

    def renderer(self, frame: int) -> Renderer:
        return Held(super().renderer(frame), self._wait)

    def _wait(self, camera: Camera, rows: Rows, cancel: Cancel | None) -> None:
        self.begun += 1
        end = time.monotonic() + self.seconds * camera.width / SIDE * (rows[1] - rows[0]) / camera.height
        while time.monotonic() < end:
            if cancel is not None and cancel.cancelled:
                raise Cancelled
            time.sleep(0.002)


class Gated(Lasting):
    """Draws one band, or a draft, each time it is let. begun: widths of the pictures, and rows, that were begun."""

    def __init__(self, video: Video):
        super().__init__(video, "march")
        self.begun: list[tuple[int, Rows]] = []
        self._gate = threading.Semaphore(0)
        self._changed = threading.Condition()

    def renderer(self, frame: int) -> Renderer:
        return Held(super().renderer(frame), self._wait)

    def let(self, count: int = 1) -> None:
        self._gate.release(count)

    def until(self, count: int) -> list[tuple[int, Rows]]:
        """What was begun, when there are so many."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= count, PATIENCE), self.begun
            return list(self.begun)

    def _wait(self, camera: Camera, rows: Rows, cancel: Cancel | None) -> None:
        with self._changed:
            self.begun.append((camera.width, rows))
            self._changed.notify_all()
        while not self._gate.acquire(timeout=0.02):
            if cancel is not None and cancel.cancelled:
                raise Cancelled
