"""`dymap train --view` of a clip of several segments: one clip, of what its segments have learned so far.

They train in processes of their own, perhaps on other machines, and leave checkpoints in the run's folder. The newest
are read when a frame of theirs is looked at, and only then: training knows nothing of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from dymap.capture import Capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.recent import Recent
from dymap.runs.bars import Say
from dymap.runs.folder import RunFolder
from dymap.runs.learning import LearningSubject, Seen, shown
from dymap.runs.segments import SegmentRun, config_of_segment, steps_done
from dymap.train.checkpoint import checkpoints, read_newest
from dymap.train.loop import new_field
from dymap.train.step import StepReport
from dymap.video.spans import Span, shares

INTERVAL = 4.0
"""Seconds between two looks for newer checkpoints."""
MAX_BYTES = 2**30
"""Of the fields that are kept."""
COMMON = -1
"""In place of a segment's number: the common start."""

Watch = Callable[[int, int, StepReport], None]
"""Takes the steps that are done, all that are to be done, and the newest report."""


@dataclass(frozen=True, eq=False)
class Learned:
    """A field as a checkpoint holds it."""

    field: Field

    @property
    def nbytes(self) -> int:
        return sum(value.nbytes for value in self.field.state_dict().values())


class SegmentStates:
    """The newest checkpoints of the segments, and of the common training for those that have none; before there is one,
    a field that has learned nothing."""

    def __init__(
        self,
        run: RunFolder,
        config: Config,
        segments: Sequence[SegmentRun],
        capture: Capture,
        device: torch.device,
    ):
        self._folders = {one.number: one.run.checkpoints for one in segments} | {COMMON: run.common.checkpoints}
        self._spans = [one.span for one in segments]
        self._config, self._boxes, self._device = config_of_segment(config), torch.from_numpy(capture.boxes), device
        self._steps: dict[int, int] = {}
        self._next = 0.0
        self._fields = Recent[tuple[int, int], Learned](self._read, MAX_BYTES)

    def take(self) -> bool:
        if time.monotonic() < self._next:
            return False
        steps = {number: self._newest(number) for number in self._folders}
        changed, self._steps = steps != self._steps, steps
        self._next = time.monotonic() + INTERVAL
        return changed

    def at_once(self) -> None:
        """Look for newer checkpoints at the next opportunity."""
        self._next = 0.0

    def seen(self, frame: int) -> list[Seen]:
        own = [(number, share) for number, share in shares(self._spans, frame) if self._steps.get(number)]
        whole = sum(share for _, share in own)
        if not own:
            return [Seen(self._field(COMMON), frame, 1.0)]
        return [Seen(self._field(number), frame - self._spans[number].first, share / whole) for number, share in own]

    def close(self) -> None:
        self._fields.close()

    def _newest(self, number: int) -> int:
        return max((step for step, _ in checkpoints(self._folders[number])), default=0)

    def _field(self, number: int) -> Field:
        return self._fields.take((number, self._steps.get(number, 0))).field

    def _read(self, key: tuple[int, int]) -> Learned:
        number, step = key
        span = Span(0, len(self._boxes)) if number == COMMON else self._spans[number]
        field = new_field(self._config, self._boxes[span.first : span.stop])
        if step:
            if (found := read_newest(self._folders[number])) is None:
                raise InputError(f"{self._folders[number]}: its checkpoints were removed while they were shown")
            found.restore(field)
        return Learned(field.to(self._device).requires_grad_(False))


class Watching:
    """What is known of the training from where it was started. Call it with each report."""

    def __init__(self, subject: LearningSubject, states: SegmentStates):
        self._subject, self._states = subject, states

    def __call__(self, done: int, steps: int, report: StepReport) -> None:
        subject = self._subject
        subject.step, subject.steps = done, steps
        subject.psnr, subject.loss = report.psnr, sum(report.losses.values())

    def end(self, how: str) -> None:
        """The training has ended, and its last state is to be seen. how: in a sentence."""
        self._subject.ended = how
        self._states.at_once()


@contextmanager
def showing_segments(
    address: tuple[str, int],
    run: RunFolder,
    config: Config,
    segments: Sequence[SegmentRun],
    capture: Capture,
    device: torch.device,
    say: Say,
) -> Iterator[Watching]:
    """Shows a training of segments at an address (host and port). Raises InputError if it cannot be had."""
    states = SegmentStates(run, config, segments, capture, device)
    steps = config.train.steps
    subject = LearningSubject(capture, config, states, steps_done(run) * len(segments), steps * len(segments))
    try:
        with shown(address, subject, say):
            yield Watching(subject, states)
    finally:
        states.close()
