"""Renderer: images of one Frame from any camera. `make_renderer` chooses the way that they are made, and
`renderer_maker` makes the Frames for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, get_args

import torch
from torch import Tensor

from dymap.config import RenderConfig, RendererName
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.field.frame import Frame
from dymap.field.segment import FrameModel, Segment
from dymap.geometry.camera import Camera
from dymap.gpu.tracer import GpuTracer
from dymap.kernels import Cancel, Rows
from dymap.render.fused import FusedRenderer
from dymap.render.image import Background, Image
from dymap.render.march import MarchRenderer, march_step
from dymap.render.mixed import MixedRenderer
from dymap.render.volume import VolumeRenderer


class Renderer(Protocol):
    """Makes images of one Frame."""

    @property
    def nbytes(self) -> int:
        """Memory that it keeps."""

    def render(
        self,
        camera: Camera,
        background: Background = "black",
        cancel: Cancel | None = None,
        rows: Rows | None = None,
    ) -> Image:
        """The Frame seen by an undistorted camera.

        rows: only these of the image, from a multiple of BLOCK to another or the image's end; they are what they are in
        all of it. Raises Cancelled if `cancel` ends it, from another thread.
        """


class RendererKey(NamedTuple):
    """frame: position in the clip."""

    frame: int
    name: RendererName = "march"


def renderer_maker(
    field: Field, occupancy: Tensor, settings: RenderConfig | None = None
) -> Callable[[RendererKey], Renderer]:
    """Makes renderers of a field that is not trained any more; only `volume` needs all of a frame.

    occupancy: [frames, gx, gy, gz] bool. Renderers raise IndexError for frames outside the clip.
    Raises InputError for a field of other numbers than float32.
    """
    whole = Segment(field, occupancy)
    check_numbers(field)
    return clip_renderer_maker(lambda frame: (FrameModel(whole, frame, 1.0),), settings)


def clip_renderer_maker(
    models: Callable[[int], Sequence[FrameModel]], settings: RenderConfig | None = None
) -> Callable[[RendererKey], Renderer]:
    """Makes renderers of a clip. models: position -> the segments that show it; what several show is mixed."""
    given = settings or RenderConfig()

    @torch.no_grad()
    def make(key: RendererKey) -> Renderer:
        check_name(key.name)
        parts = [(renderer_of(model, key.name, given), model.weight) for model in models(key.frame)]
        return parts[0][0] if len(parts) == 1 else MixedRenderer(tuple(parts))

    return make


def renderer_of(model: FrameModel, name: RendererName, settings: RenderConfig) -> Renderer:
    """The renderer of one segment's frame. Raises IndexError outside the segment; InputError as `check_numbers`, and
    for `gpu` as `GpuTracer`."""
    segment, index, _ = model
    check_numbers(segment.field)
    segment.field.time(index)  # raises outside the clip; -1 is no frame
    if name == "gpu":
        step = march_step(segment.field.boxes[index], settings.max_samples)
        return FusedRenderer(GpuTracer(model, step))
    grid = None if name == "volume" else segment.occupancy[index]
    return make_renderer(name, segment.sparse.at(index, grid), grid, settings)


def check_numbers(field: Field) -> None:
    """Raises InputError for a field of other numbers than float32."""
    if other := {str(p.dtype) for p in field.parameters() if p.dtype != torch.float32}:
        raise InputError(f"the field holds {other.pop()}, but renderers compute in torch.float32; call field.float()")


def make_renderer(name: RendererName, frame: Frame, grid: Tensor | None, settings: RenderConfig) -> Renderer:
    """The renderer called `name`.

    grid: [gx, gy, gz] bool over frame.box, where there may be something; only `volume` needs none. `fast` is `march` if
    no back end takes the frame. Raises ValueError for an unknown name, for `gpu`, which makes its frames itself (see
    `renderer_of`), and without a grid that is needed.
    """
    check_name(name)
    if name == "gpu":
        raise ValueError("the renderer 'gpu' makes frames from segments only; see renderer_of")
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
