"""`dymap train --view`: the field shown while it trains.

step -> now and then, if somebody looks, its parameters are copied -> the drawing thread shows the copy -> the page

What it may take of the training: a copy takes at most 1 / SHARE of the time, and the drawing thread comes after the
training wherever the system knows priorities of threads (Linux).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.capture import Capture
from dymap.config import Config
from dymap.field.codes import CodeTable
from dymap.field.field import Field
from dymap.field.sparse import SparseField
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel
from dymap.recent import Recent
from dymap.render.image import Image
from dymap.render.renderer import Renderer, make_renderer
from dymap.runs.bars import Say
from dymap.runs.folder import RunFolder
from dymap.runs.viewing import check_stage, elsewhere
from dymap.train.codes import mean_code
from dymap.train.step import StepReport

if TYPE_CHECKING:
    from dymap.stage.server import Stage

INTERVAL = 4.0
"""Seconds between two states that are shown, at least."""
SHARE = 100
"""Of the training's time, the part that copying takes at most."""
NICENESS = 10
"""How far the drawing thread comes after the training."""
MAX_BYTES = 2**30
"""Of the frames of one state that are kept."""
FAREWELL = 3.0
"""Seconds that the last state is shown before the stage closes, if somebody looks."""


class TrainingSubject:
    """A field in training, as it was when it was copied last (see `Subject` of the stage). Two copies: one is shown,
    one is written."""

    def __init__(self, field: Field, capture: Capture, config: Config, done: int):
        self.name, self.cameras = capture.name, tuple(capture.cameras)
        self.boxes: NDArray[np.float32] = capture.boxes
        self.training, self.step, self.psnr, self.loss = True, done, float("nan"), float("nan")
        self._field, self._capture, self._config = field, capture, config
        self._shown: Field = frozen_copy(field)
        self._written: Field | None = None
        self.fresh = False  # whether the written copy is newer than what is shown, and not taken yet
        self._frames = Recent[int, Renderer](self._make, MAX_BYTES)

    def copy(self, report: StepReport) -> None:
        """Copy the parameters as they are now. In the training's thread, if no copy waits."""
        if self._written is None:
            self._written = frozen_copy(self._field)
        else:
            with torch.no_grad():
                for own, theirs in zip(
                    self._written.state_dict().values(), self._field.state_dict().values(), strict=True
                ):
                    own.copy_(theirs)
        self.step, self.psnr, self.loss = report.step + 1, report.psnr, sum(report.losses.values())
        self.fresh = True

    def take(self) -> bool:
        """Show the newest copy from now on; whether there is one. In the drawing thread."""
        if not self.fresh:
            return False
        self._frames.close()
        self._frames = Recent[int, Renderer](self._make, MAX_BYTES)
        assert self._written is not None
        self._shown, self._written = self._written, self._shown
        self.fresh = False
        return True

    def told(self) -> dict[str, Any]:
        """What pages are told with every state."""
        known = {"loss": self.loss, "psnr": self.psnr}
        return {"training": self.training, "step": self.step, "steps": self._config.train.steps} | {
            key: value for key, value in known.items() if np.isfinite(value)
        }

    def describe(self) -> dict[str, Any]:
        from dymap.stage.subject import clip_facts

        capture = self._capture
        return clip_facts(
            self.name, capture.config.fps, self.boxes, self.cameras, capture.test_views, capture=True, **self.told()
        )

    def render(self, camera: Camera, frame: int, cancel: Cancel | None = None) -> Image:
        return self._frames.take(frame).render(camera, "transparent", cancel)

    def grid(self, frame: int) -> tuple[Tensor, Tensor]:
        grid = self._hull(frame)
        return torch.ones(1, 1, 1, dtype=torch.bool) if grid is None else grid, torch.from_numpy(self.boxes[frame])

    def prepare(self, frame: int) -> None:
        self._frames.take(frame)

    def ready(self, frame: int) -> bool:
        return self._frames.has(frame)

    def ahead(self, frame: int) -> None:
        """Nothing: that would be in a thread that does not give way."""

    def truth(self, frame: int, view: int) -> NDArray[np.uint8] | None:
        return self._capture.image(frame, view)[0] if self._capture.present(frame, view) else None

    def poster(self) -> bytes:
        return b""

    def close(self) -> None:
        self._frames.close()

    @torch.no_grad()
    def _make(self, frame: int) -> Renderer:
        """Rendered inside the visual hull, as nothing is baked yet."""
        field = self._shown
        grid = self._hull(frame)
        if isinstance(field.codes, CodeTable):
            seen = SparseField(field).at(frame, grid)
        else:
            seen = field.at(frame, mean_code(field, self._capture, frame))
        return make_renderer("volume" if grid is None else "fast", seen, grid, self._config.render)

    def _hull(self, frame: int) -> Tensor | None:
        if not self._capture.has_hull(frame):
            return None
        hull = self._capture.hull(frame, self._config.train.hull_grid)
        return torch.from_numpy(hull).to(self._field.boxes.device)


class Showing:
    """A listener: copies the state for the stage now and then, if somebody looks."""

    def __init__(self, subject: TrainingSubject, stage: Stage):
        self._subject, self._stage = subject, stage
        self._next = 0.0
        self.last: StepReport | None = None

    def __call__(self, report: StepReport) -> None:
        self.last = report
        if self._stage.clients and not self._subject.fresh and time.monotonic() >= self._next:
            started = time.monotonic()
            self._subject.copy(report)
            ended = time.monotonic()
            self._next = ended + max(INTERVAL, SHARE * (ended - started))


@contextmanager
def showing(
    address: tuple[str, int], field: Field, capture: Capture, config: Config, run: RunFolder, done: int, say: Say
) -> Iterator[Showing]:
    """A listener that shows the training at an address (host and port). Raises InputError if it cannot be had."""
    check_stage()
    from dymap.stage.address import is_local
    from dymap.stage.server import Settings, Stage

    host, port = address
    subject = TrainingSubject(field, capture, config, done)

    def look(stage: Stage) -> None:
        if subject.take():
            stage.tell({"type": "training"} | subject.told())

    with Stage(subject, host, port, Settings(niceness=NICENESS), look=look) as stage:
        say(f"to see it while it trains, open {stage.url}; {elsewhere(stage, is_local(host))}")
        listener = Showing(subject, stage)
        try:
            yield listener
        finally:
            say_farewell(stage, subject, listener, run)


def say_farewell(stage: Stage, subject: TrainingSubject, listener: Showing, run: RunFolder) -> None:
    """Show the last state, say that the training has ended, and close the stage."""
    end = time.monotonic() + FAREWELL
    if stage.clients and listener.last is not None:
        while subject.fresh and time.monotonic() < end:
            time.sleep(0.05)
        subject.training = False
        if not subject.fresh:
            subject.copy(listener.last)
        while stage.clients and time.monotonic() < end:
            time.sleep(0.05)
    stage.close(f"The training has ended; dymap bake {run.root.name}, then dymap view, shows what it has learned")
    subject.close()


def frozen_copy(field: Field) -> Field:
    """The field as it is now, for good."""
    return copy.deepcopy(field).requires_grad_(False)
