"""The segments of a run: a clip that is too long for one field is a row of runs in the run's folder.

RUN/config.json        as of any run
RUN/common             a short training of the whole clip, which gives all segments their first values
RUN/segments/000 ...   a run each, over a window of the capture
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dymap.config import Config
from dymap.errors import InputError
from dymap.runs.captures import remembered
from dymap.runs.folder import RunFolder
from dymap.train.checkpoint import newest_step
from dymap.video.spans import Span, cut


@dataclass(frozen=True)
class SegmentRun:
    """Segment `number` of a run, in positions of the clip, and its own folder."""

    number: int
    span: Span
    run: RunFolder

    @property
    def name(self) -> str:
        """For messages."""
        return f"segment {self.number} (frames {self.span.first} to {self.span.stop - 1})"


def segments_of(run: RunFolder, config: Config, frames: int) -> list[SegmentRun]:
    """The segments of a clip of so many frames; none if one field holds it all."""
    spans = cut(frames, config.train.segment)
    return [SegmentRun(k, span, run.segment(k)) for k, span in enumerate(spans)] if len(spans) > 1 else []


def begun_segments(run: RunFolder) -> list[SegmentRun]:
    """The segments of a run that is there already; none if one field holds the clip."""
    config = run.read().config
    if not config.train.segment or not run.capture_file.exists():
        return []
    known = remembered(run)
    return segments_of(run, config, len(known["frames"])) if known else []


def steps_done(run: RunFolder) -> int:
    """Steps that are trained of a run; of several segments that of the one which has done least."""
    segments = begun_segments(run)
    return min((newest_step(one.run.checkpoints) for one in segments), default=newest_step(run.checkpoints))


def config_of_segment(config: Config) -> Config:
    """The configuration of a segment, which is a run of its own that is not cut again."""
    return replace(config, train=replace(config.train, segment=0))


def config_of_common(config: Config) -> Config:
    """The configuration of the short training of the whole clip."""
    train = config.train
    steps = max(1, round(train.common * train.steps))
    return replace(config, train=replace(train, segment=0, steps=steps))


def chosen(segments: Sequence[SegmentRun], numbers: Sequence[int]) -> list[SegmentRun]:
    """The segments of these numbers (empty: all). Raises InputError for numbers that there are not."""
    for number in numbers:
        if not 0 <= number < len(segments):
            there = f"0 to {len(segments) - 1}" if segments else "none: one field holds the whole clip"
            raise InputError(f"--only-segments {number}: the segments of this clip are {there}")
    return [segments[number] for number in sorted(set(numbers))] if numbers else list(segments)
