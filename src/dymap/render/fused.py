"""Whole images in one call of a back end: `march`, exactly, and `fast`, which takes shortcuts.

`fast` interpolates densities that are worked out once a frame at half a step, gives up to six consecutive samples of a
ray one colour, and multiplies in bfloat16 if the processor can. What it costs is measured in docs/performance.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dymap.geometry.camera import Camera
from dymap.kernels import Cancel, Rows, Traced, Tracer
from dymap.render.image import Background, Cancelled, Image


@dataclass(frozen=True, eq=False)
class FusedRenderer:
    """The images of a tracer (see `Frame.tracer`), which was made for exact ones or for fast ones."""

    tracer: Tracer

    @property
    def nbytes(self) -> int:
        return self.tracer.nbytes

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        traced = self.trace(camera, cancel, rows)
        if traced.done < 1:
            raise Cancelled
        return Image(*traced[:5]).over(background)

    def trace(self, camera: Camera, cancel: Cancel | None = None, rows: Rows | None = None) -> Traced:
        """What the tracer says of an undistorted camera's image, finished or not."""
        ray, size = camera.R.T @ np.linalg.inv(camera.K), (camera.width, camera.height)
        return self.tracer.trace(ray, camera.position, camera.pixel_offset, size, cancel, rows)
