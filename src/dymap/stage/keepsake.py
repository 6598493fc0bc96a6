"""A picture to keep: the whole canvas as a PNG, drawn and written band by band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dymap.kernels import Cancel
from dymap.stage.message import View
from dymap.stage.painting import Painting
from dymap.stage.png import PngWriter
from dymap.stage.subject import Subject, check_frame
from dymap.stage.view import camera_of, full_size

KEEPSAKE = 4096
"""Pixels of the longer side of a picture to keep."""


class Keepsake:
    """subject: what is shown when it is begun."""

    def __init__(self, view: View, subject: Callable[[], Subject]):
        self._view, self._subject = view, subject
        self._painting: Painting | None = None

    def go_on(self, cancel: Cancel | None = None) -> bool:
        """Draw the next band; whether there are more. Raises Cancelled, and InputError for what cannot be drawn."""
        view = self._view
        if self._painting is None:
            subject = self._subject()
            check_frame(subject, view.frame)
            size = full_size(view.canvas, KEEPSAKE)
            self._painting = Painting(subject, view, camera_of(view, *size))
            self._writer = PngWriter(size, 4 if view.background is None and view.layer == "colour" else 3)
        picture, opacity = self._painting.band(cancel)
        self._writer.add(picture if opacity is None else np.dstack([picture, opacity]))
        return not self._painting.done

    def header(self) -> dict[str, Any]:
        """What the page is told of the finished picture."""
        assert self._painting is not None
        camera = self._painting.camera
        return {"type": "picture", "id": self._view.number, "kind": "capture", "width": camera.width,
                "height": camera.height, "frame": self._view.frame, "mime": "image/png",
                "alpha": self._view.background is None}  # fmt: skip

    def file(self) -> bytes:
        """After the last band."""
        return self._writer.end()
