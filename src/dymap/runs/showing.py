"""`dymap train --view`: the field shown while it trains.

step -> now and then, if somebody looks, its parameters are copied -> the drawing thread shows the copy -> the page

What it may take of the training: a copy takes at most 1 / COPYING of the time, and drawing see `learning.py`.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING

import torch

from dymap.capture import Capture
from dymap.config import Config
from dymap.errors import printable
from dymap.field.field import Field
from dymap.runs.bars import Say
from dymap.runs.learning import FAREWELL, LearningSubject, Seen, shown
from dymap.train.step import StepReport

if TYPE_CHECKING:
    from dymap.stage.server import Stage

INTERVAL = 4.0
"""Seconds between two states that are shown, at least."""
COPYING = 100
"""Of the training's time, the part that copying takes at most."""


class FieldCopies:
    """A field in training, as it was when it was copied last. Two copies: one is shown, one is written."""

    def __init__(self, field: Field):
        self._field = field
        self._shown: Field = frozen_copy(field)
        self._written: Field | None = None
        self.fresh = False  # whether the written copy is newer than what is shown, and not taken yet

    def copy(self) -> None:
        """Copy the parameters as they are now. In the training's thread, if no copy waits."""
        if self._written is None:
            self._written = frozen_copy(self._field)
        else:
            with torch.no_grad():
                for own, theirs in zip(
                    self._written.state_dict().values(), self._field.state_dict().values(), strict=True
                ):
                    own.copy_(theirs)
        self.fresh = True

    def take(self) -> bool:
        if not self.fresh:
            return False
        assert self._written is not None
        self._shown, self._written = self._written, self._shown
        self.fresh = False
        return True

    def seen(self, frame: int) -> list[Seen]:
        return [Seen(self._shown, frame, 1.0)]


class Showing:
    """A listener: copies the state for the stage now and then, if somebody looks."""

    def __init__(self, subject: LearningSubject, copies: FieldCopies, stage: Stage):
        self._subject, self._copies, self._stage = subject, copies, stage
        self._next = 0.0
        self._last: StepReport | None = None

    def __call__(self, report: StepReport) -> None:
        self._last = report
        if self._stage.clients and not self._copies.fresh and time.monotonic() >= self._next:
            started = time.monotonic()
            self._copy(report)
            ended = time.monotonic()
            self._next = max(self._next, ended + max(INTERVAL, COPYING * (ended - started)))

    def end(self, how: str) -> None:
        """The training has ended, and its last state is to be seen. how: in a sentence."""
        end = time.monotonic() + FAREWELL
        while self._copies.fresh and self._stage.clients and time.monotonic() < end:
            time.sleep(0.05)
        self._subject.ended = how
        if self._last is not None and self._stage.clients and not self._copies.fresh:
            self._copy(self._last)

    def _copy(self, report: StepReport) -> None:
        subject = self._subject
        subject.step, subject.psnr, subject.loss = report.step + 1, report.psnr, sum(report.losses.values())
        try:
            self._copies.copy()
        except (MemoryError, RuntimeError) as error:  # torch's, of a GPU without room: the training goes on
            self._next = inf
            text = f"there is no memory for the newest state, and an older one is shown: {printable(str(error))[:200]}"
            self._stage.tell({"type": "error", "message": text, "fatal": False, "lasting": True}, keep=True)


@contextmanager
def showing(
    address: tuple[str, int], field: Field, capture: Capture, config: Config, done: int, say: Say
) -> Iterator[Showing]:
    """A listener that shows the training at an address (host and port). Raises InputError if it cannot be had."""
    copies = FieldCopies(field)
    subject = LearningSubject(capture, config, copies, done, config.train.steps)
    with shown(address, subject, say) as stage:
        yield Showing(subject, copies, stage)


def frozen_copy(field: Field) -> Field:
    """The field as it is now, for good."""
    return copy.deepcopy(field).requires_grad_(False)
