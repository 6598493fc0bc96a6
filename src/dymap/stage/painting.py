"""A picture in the making: what a view shows, as bytes, all at once or in bands of rows.

Between two bands of a picture others have their turn: they are so high that one takes no longer than a draft. No byte
depends on how a picture was divided.
"""

from __future__ import annotations

import time

import numpy as np

from dymap.geometry.camera import Camera
from dymap.kernels import BLOCK, Cancel, Rows
from dymap.play.layers import acc_layer, depth_layer, depth_range
from dymap.stage.message import View
from dymap.stage.occupancy import occupancy_layer
from dymap.stage.picture import Bytes, exposed, over
from dymap.stage.subject import Subject

SLICE = 0.03
"""Seconds that a band should take."""
BAND_PIXELS = 2**17
"""Of a band at most."""
Drawn = tuple[Bytes, Bytes | None]
"""[h, W, 3] what a browser shows, and [h, W] its opacity if the view is transparent, in straight alpha."""


class Painting:
    """Draws a view. It holds all that it needs, so that it stays the same picture if the subject shows something else
    meanwhile. camera: the view's, of as many pixels as the picture.

    Depth has one scale for the whole clip, which depends on the camera's position; it, opacity and occupancy are over
    black. Raises InputError if the clip cannot be read.
    """

    def __init__(self, subject: Subject, view: View, camera: Camera):
        self.camera, self.rows = camera, 0
        self._view, self._band = view, BLOCK
        if view.layer == "occupancy":
            self._grid = subject.grid(view.frame)
            return
        self._renderer = subject.renderer(view.frame)
        if view.layer == "depth":
            self._range = depth_range([camera.position] * len(subject.boxes), subject.boxes)

    @property
    def done(self) -> bool:
        """Whether all bands are drawn."""
        return self.rows == self.camera.height

    def draw(self, cancel: Cancel | None = None, rows: Rows | None = None) -> Drawn:
        """The picture, or rows of it. Raises Cancelled."""
        view = self._view
        if view.layer == "occupancy":
            return occupancy_layer(*self._grid, self.camera, cancel, rows), None
        image = self._renderer.render(self.camera, "transparent", cancel, rows)
        if view.layer == "opacity":
            return acc_layer(image), None
        if view.layer == "depth":
            return depth_layer(image, *self._range), None
        if view.background is None:
            rgba = image.rgba()
            return exposed(rgba[..., :3], view.exposure), np.ascontiguousarray(rgba[..., 3])
        return exposed(over(image, view.background), view.exposure), None

    def band(self, cancel: Cancel | None = None) -> Drawn:
        """The next band. Raises Cancelled: then it is still the next."""
        started = time.perf_counter()
        end = min(self.rows + self._band, self.camera.height)
        drawn = self.draw(cancel, (self.rows, end))
        self.rows = end
        self._band = band_height(self._band, time.perf_counter() - started, self.camera.width)
        return drawn


class Canvas:
    """Gathers the bands of a picture."""

    def __init__(self, painting: Painting):
        self._painting = painting
        self._picture: Bytes | None = None
        self._opacity: Bytes | None = None

    def add(self, cancel: Cancel | None = None) -> bool:
        """Draw the next band; whether it was the last. Raises Cancelled."""
        first, camera = self._painting.rows, self._painting.camera
        picture, opacity = self._painting.band(cancel)
        if self._picture is None:
            self._picture = np.empty((camera.height, camera.width, 3), np.uint8)
            self._opacity = None if opacity is None else np.empty(self._picture.shape[:2], np.uint8)
        self._picture[first : self._painting.rows] = picture
        if self._opacity is not None and opacity is not None:
            self._opacity[first : self._painting.rows] = opacity
        return self._painting.done

    @property
    def drawn(self) -> Drawn:
        """After the last."""
        assert self._picture is not None
        return self._picture, self._opacity


def band_height(rows: int, seconds: float, width: int) -> int:
    """Rows of the next band after one of so many took so long."""
    fitting = min(rows * SLICE / max(seconds, 1e-6), 2 * rows, BAND_PIXELS / width)
    return max(1, int(fitting / BLOCK)) * BLOCK
