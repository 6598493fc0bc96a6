"""Where the segments of a clip lie, and how two of them share the frames in which they overlap."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

OVERLAP = 2
"""Frames that neighbouring segments share: their images are mixed there, so that no boundary shows."""


class Span(NamedTuple):
    """Positions in the clip of what a segment covers, overlaps included: `first` up to, and without, `stop`."""

    first: int
    stop: int

    @property
    def frames(self) -> int:
        return self.stop - self.first


def cut(frames: int, length: int) -> tuple[Span, ...]:
    """Segments of a clip, equally long but for one frame. length: frames that each should add to the clip (0: one
    segment for all). Clips of up to one and a half lengths are one segment, too.
    """
    count = max(1, ceil(frames / length - 0.5)) if length else 1
    total = frames + OVERLAP * (count - 1)
    spans: list[Span] = []
    for k in range(count):
        first = spans[-1].stop - OVERLAP if spans else 0
        spans.append(Span(first, first + total // count + (k < total % count)))
    return tuple(spans)


def shares(spans: Sequence[Span], position: int) -> tuple[tuple[int, float], ...]:
    """(segment, weight) of those that show a position of the clip: one, or in an overlap two, whose weights cross over
    in equal steps. Raises IndexError outside the clip."""
    frames = spans[-1].stop
    if not 0 <= position < frames:
        raise IndexError(f"frame {position} is outside the clip of {frames} frames")
    later = next(k for k in reversed(range(len(spans))) if spans[k].first <= position)
    earlier = later - 1
    if earlier < 0 or position >= spans[earlier].stop:
        return ((later, 1.0),)
    weight = (position - spans[later].first + 1) / (spans[earlier].stop - spans[later].first + 1)
    return (earlier, 1 - weight), (later, weight)
