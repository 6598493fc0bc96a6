"""Renderer: images of one Frame from any camera. `make_renderer` chooses the way that they are made."""

from __future__ import annotations

from typing import Protocol, get_args

from torch import Tensor

from dymap.config import RenderConfig, RendererName
from dymap.field.frame import Frame
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel
from dymap.render.fused import FusedRenderer
from dymap.render.image import Background, Image
from dymap.render.march import MarchRenderer, march_step
from dymap.render.volume import VolumeRenderer


class Renderer(Protocol):
    """Makes images of one Frame."""

    @property
    def nbytes(self) -> int:
        """Memory that it keeps."""

    def render(self, camera: Camera, background: Background = "black", cancel: Cancel | None = None) -> Image:
        """The Frame seen by an undistorted camera.

        Raises Cancelled if `cancel` ends it, from another thread.
        """


def make_renderer(name: RendererName, frame: Frame, grid: Tensor | None, settings: RenderConfig) -> Renderer:
    """The renderer called `name`.

    grid: [gx, gy, gz] bool over frame.box, where there may be something; only `volume` needs none. `fast` is `march` if
    no back end takes the frame. Raises ValueError for an unknown name, and without a grid that is needed.
    """
    check_name(name)
    if name == "volume":
        return VolumeRenderer(frame, settings.samples)
    if grid is None:
        raise ValueError(f"the renderer {name!r} needs the grid of what is occupied; 'volume' does not")
    step = march_step(frame.box, settings.max_samples)
    tracer = frame.tracer(grid, step, fast=name == "fast")
    return MarchRenderer(frame, grid, step) if tracer is None else FusedRenderer(tracer)


def check_name(name: str) -> None:
    """Raises ValueError if there is no such renderer."""
    if name not in get_args(RendererName):
        raise ValueError(f"unknown renderer {name!r}; known are {', '.join(map(repr, get_args(RendererName)))}")
