"""What a clip is once it is trained: a row of segments, of which those that play are in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dymap.config import BakeConfig, RenderConfig
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.field.segment import FrameModel, Segment
from dymap.geometry.camera import Camera
from dymap.recent import Recent, share_of_memory
from dymap.video.spans import Span, shares

MAX_BYTES = 2 * 2**30
"""Segments of a clip take at most this, or an eighth of the physical memory if that is less."""


@dataclass(frozen=True)
class About:
    """What people are told of a clip. provenance: plain values: preset, steps, seed, version of dymap, ..."""

    title: str = ""
    author: str = ""
    licence: str = ""
    provenance: Mapping[str, Any] = dataclass_field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class BakedVideo:
    """A clip: what is needed to show it, and its segments.

    segments: where they lie. load: k -> segment k, from a file or as it is in memory. boxes: [frames, 2, 3] world,
    metres. frames: frame numbers. cameras: of the capture, prepared (undistorted, resized); train_views, test_views:
    indices. path_views: cameras that the orbit is fitted to (empty: all), in the world before the rigid 4x4 `transform`
    (row by row; empty: none) that moved the cameras. viewer_box: scale about the centre of a frame's box, then shift in
    metres along x, y and z, of the box that a viewer shows. poster: a picture of it, a JPEG, or nothing. quantiser: how
    the fields were rounded to be stored, or nothing. max_bytes: what loaded segments may take of the memory,
    default an eighth of it, at most 2 GiB.
    """

    segments: tuple[Span, ...]
    load: Callable[[int], Segment]
    boxes: Tensor
    render: RenderConfig
    bake: BakeConfig
    fps: float
    frames: tuple[int, ...]
    cameras: tuple[Camera, ...]
    train_views: tuple[int, ...]
    test_views: tuple[int, ...]
    name: str
    path_views: tuple[int, ...] = ()
    transform: tuple[float, ...] = ()
    viewer_box: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0)
    about: About = About()
    poster: bytes = b""
    quantiser: Mapping[str, Any] = dataclass_field(default_factory=dict)
    max_bytes: int | None = None

    def __repr__(self) -> str:
        """One line, without the numbers of the tensors."""
        return f"<BakedVideo of {describe(self)}>"

    @property
    def device(self) -> torch.device:
        return self.boxes.device

    def with_facts(self, **facts: Any) -> BakedVideo:
        """The same clip of which something else is said."""
        return replace(self, **facts)

    def part(self, k: int, field: Field | None = None) -> BakedVideo:
        """Segment k as a clip of its own, in memory; with another field, if one is given."""
        span, segment = self.segments[k], self.segment(k)
        return replace(
            self,
            segments=(Span(0, span.frames),),
            load=InMemory((Segment(field or segment.field, segment.occupancy),)),
            boxes=self.boxes[slice(*span)],
            frames=self.frames[slice(*span)],
        )

    def frame_model(self, position: int) -> tuple[FrameModel, ...]:
        """What shows the frame at a position: one segment, or in an overlap two. From the middle of a segment on the
        next is loaded ahead, after the last the first.

        Raises IndexError outside the clip, and InputError if a segment cannot be read.
        """
        shown = shares(self.segments, position)
        models = tuple(FrameModel(self.segment(k), position - self.segments[k].first, w) for k, w in shown)
        last, following = shown[-1][0], (shown[-1][0] + 1) % len(self.segments)
        span = self.segments[last]
        room = 2 * models[-1].segment.nbytes <= self._loaded.max_bytes  # else the next would drive this one out
        if following != last and 2 * position + 1 >= span.first + span.stop and room:
            self._loaded.ahead(following)
        return models

    def nearest(self, position: int) -> FrameModel:
        """The segment that has the larger share of a frame: for surfaces, which cannot be mixed. Raises as
        `frame_model`."""
        return max(self.frame_model(position), key=lambda model: model.weight)

    def grid(self, position: int) -> Tensor:
        """[gx, gy, gz] bool: what is occupied at a position, in any segment that shows it."""
        first, *others = (model.segment.occupancy[model.frame] for model in self.frame_model(position))
        for grid in others:
            first = first | grid
        return first

    def segment(self, k: int) -> Segment:
        """Segment k, loaded if it is not in memory."""
        return self._loaded.take(k)

    def close(self) -> None:
        """Wait for what is loaded ahead, and forget all segments."""
        self._loaded.close()

    @property
    def field(self) -> Field:
        """The field of a clip of one segment. Raises InputError for several."""
        return self._only.field

    @property
    def occupancy(self) -> Tensor:
        """[frames, gx, gy, gz] bool of a clip of one segment. Raises InputError for several."""
        return self._only.occupancy

    @property
    def _only(self) -> Segment:
        if len(self.segments) > 1:
            raise InputError(f"{self.name}: a clip of {len(self.segments)} segments has a field each; see frame_model")
        return self.segment(0)

    def __getstate__(self) -> dict[str, Any]:
        """Copies load their segments themselves."""
        return {name: value for name, value in vars(self).items() if name != "_loaded"}

    @cached_property
    def _loaded(self) -> Recent[int, Segment]:
        return Recent(self.load, share_of_memory(MAX_BYTES, 8) if self.max_bytes is None else self.max_bytes)


@dataclass(frozen=True, eq=False)
class InMemory:
    """Segments that need not be loaded."""

    segments: tuple[Segment, ...]

    def __call__(self, k: int) -> Segment:
        return self.segments[k]


def one_segment(
    field: Field,
    occupancy: Tensor,
    render: RenderConfig,
    bake: BakeConfig,
    fps: float,
    frames: Sequence[int],
    cameras: Sequence[Camera],
    train_views: Sequence[int],
    test_views: Sequence[int],
    name: str,
    path_views: Sequence[int] = (),
    transform: Sequence[float] = (),
    viewer_box: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 0.0),
    about: About | None = None,
) -> BakedVideo:
    """The clip of a field with its occupancy grids [frames, gx, gy, gz] bool, in memory."""
    whole = InMemory((Segment(field, occupancy),))
    return BakedVideo(
        (Span(0, field.num_frames),), whole, field.boxes, render, bake, fps, tuple(frames), tuple(cameras),
        tuple(train_views), tuple(test_views), name, tuple(path_views), tuple(transform), viewer_box,
        about or About(),
    )  # fmt: skip


def describe(video: BakedVideo) -> str:
    """What is in a video, in a few words and one line."""
    sizes = sorted({(camera.width, camera.height) for camera in video.cameras}, reverse=True)
    pixels = f" of {sizes[0][0]} x {sizes[0][1]}{' and less' if len(sizes) > 1 else ''}" if sizes else ""
    parts = f" in {len(video.segments)} segments" if len(video.segments) > 1 else ""
    return (
        f"{video.name[:40]!r}: {len(video.frames)} frames{parts} at {video.fps:g} fps, {len(video.cameras)} "
        f"cameras{pixels}, {video.device}"
    )
