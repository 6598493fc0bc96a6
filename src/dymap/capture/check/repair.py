"""Repair: a capture in which what is known for certain to be wrong is mended; in memory, for a writer to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dymap.capture.source import Bytes, Footage, Source
from dymap.capture.wrapped import WrappedFootage
from dymap.geometry.camera import Camera

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Repair:
    """view: whose camera is mended. camera: of the one that was given. pictures: the view whose pictures are its own
    (None: its own are). picture: of pixels as they were given."""

    view: int
    camera: Callable[[Camera], Camera] | None = None
    pictures: int | None = None
    picture: Callable[[Pixels], Pixels] | None = None


def compatible(repairs: Sequence[Repair]) -> tuple[Repair, ...]:
    """The repairs without those that say again, or otherwise, whose pictures a view has: the first one counts. Those of
    all cameras (a unit) go with those of one (a mirror)."""
    kept: list[Repair] = []
    for repair in repairs:
        if repair.pictures is None or all(one.pictures is None or one.view != repair.view for one in kept):
            kept.append(repair)
    return tuple(kept)


def repaired(source: Source, repairs: Sequence[Repair]) -> Source:
    """The source with repairs made, in their order, several of a view too. Points and boxes stay."""
    cameras, views = list(source.cameras), list(range(len(source.cameras)))
    turns: dict[int, list[Callable[[Pixels], Pixels]]] = {}
    for repair in repairs:
        if repair.pictures is not None:
            views[repair.view] = repair.pictures
            size = source.cameras[repair.pictures]
            cameras[repair.view] = replace(cameras[repair.view], width=size.width, height=size.height)
        if repair.camera is not None:
            cameras[repair.view] = repair.camera(cameras[repair.view])
        if repair.picture is not None:
            turns.setdefault(repair.view, []).append(repair.picture)
    return replace(source, cameras=tuple(cameras), footage=Mended(source.footage, tuple(views), turns))


class Mended(WrappedFootage):
    """Footage whose views are in another order, or whose pictures are turned."""

    def __init__(self, footage: Footage, order: tuple[int, ...], turns: dict[int, list[Callable[[Pixels], Pixels]]]):
        self.footage, self.order, self.turns = footage, order, turns

    def views(self, frame: int, count: int) -> Sequence[int]:
        there = set(self.footage.views(frame, count))
        return [view for view in range(count) if self.order[view] in there]

    def present(self, frame: int, view: int) -> bool:
        return self.footage.present(frame, self.order[view])

    def masked(self, frame: int, view: int) -> bool:
        return self.footage.masked(frame, self.order[view])

    def picture(self, frame: int, view: int) -> Bytes:
        return self._turned(self.footage.picture(frame, self.order[view]), view)

    def mask(self, frame: int, view: int) -> Bytes | None:
        mask = self.footage.mask(frame, self.order[view])
        return None if mask is None else self._turned(mask, view)

    def files(self, frame: int, view: int) -> tuple[Path, ...]:
        return self.footage.files(frame, self.order[view])

    def number(self, frame: int, view: int) -> int | None:
        return self.footage.number(frame, self.order[view])

    def _turned(self, pixels: Pixels, view: int) -> Pixels:
        for turn in self.turns.get(view, ()):
            pixels = turn(pixels)
        return pixels
