"""What a training shows of itself: a capture as its field, or the fields of its segments, have learned it so far.

states -> a frame of the fields that show it -> drawn inside the visual hull, as nothing is baked yet -> the page
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dymap.capture import Capture
from dymap.config import Config
from dymap.field.codes import CodeTable
from dymap.field.field import Field
from dymap.field.sparse import SparseField
from dymap.recent import Recent
from dymap.render.mixed import MixedRenderer
from dymap.render.renderer import Renderer, make_renderer
from dymap.runs.bars import Say
from dymap.runs.commands import command
from dymap.runs.folder import RunFolder
from dymap.runs.viewing import check_stage, elsewhere
from dymap.train.codes import mean_code

if TYPE_CHECKING:
    from dymap.stage.server import Stage

NICENESS, SHARE = 10, 0.25
"""How far the drawing thread comes after the training (Linux), and what it takes of a processor's time at most."""
MAX_BYTES = 2**30
"""Of the frames of one state that are kept."""
FAREWELL = 3.0
"""Seconds that the last state is shown before the stage closes, if somebody looks."""
MOST_BYTES = 30
"""Of the run's name, in what browsers are told at the end: all of it has 123 bytes at most."""
FAILED = "The training has failed; it says why where it was started"


class Seen(NamedTuple):
    """A field that shows a frame of the clip. frame: its position among the field's own. weight: its share of the
    picture; those of all that show the frame sum to 1."""

    field: Field
    frame: int
    weight: float


class States(Protocol):
    """What has been learned. Called from the drawing thread."""

    def take(self) -> bool:
        """Show the newest state from now on; whether it is another one."""

    def seen(self, frame: int) -> Sequence[Seen]:
        """The fields that show a frame. Raises InputError if they cannot be read."""


class LearningSubject:
    """A capture in training (see `Subject` of the stage). steps: of the whole training, `step` of them done. ended: how
    it has ended, in a sentence; nothing: it goes on."""

    def __init__(self, capture: Capture, config: Config, states: States, step: int, steps: int):
        self.name, self.cameras = capture.name, tuple(capture.cameras)
        self.boxes: NDArray[np.float32] = capture.boxes
        self.step, self.steps, self.psnr, self.loss = step, steps, float("nan"), float("nan")
        self.ended = ""
        self._capture, self._config, self._states = capture, config, states
        self._frames = Recent[int, Renderer](self._make, MAX_BYTES)

    def take(self) -> bool:
        """Show the newest state from now on; whether it is another one. In the drawing thread."""
        if not self._states.take():
            return False
        self._frames.close()
        self._frames = Recent[int, Renderer](self._make, MAX_BYTES)
        return True

    def told(self) -> dict[str, Any]:
        """What pages are told with every state."""
        known = {"loss": self.loss, "psnr": self.psnr}
        return {"training": not self.ended, "ended": self.ended, "step": self.step, "steps": self.steps} | {
            key: value for key, value in known.items() if np.isfinite(value)
        }

    def describe(self) -> dict[str, Any]:
        from dymap.stage.subject import clip_facts

        capture = self._capture
        return clip_facts(
            self.name, capture.config.fps, self.boxes, self.cameras, capture.test_views, capture=True, **self.told()
        )

    def renderer(self, frame: int) -> Renderer:
        return self._frames.take(frame)

    def grid(self, frame: int) -> tuple[Tensor, Tensor]:
        grid = self._hull(frame, torch.device("cpu"))
        return torch.ones(1, 1, 1, dtype=torch.bool) if grid is None else grid, torch.from_numpy(self.boxes[frame])

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
        parts = [(self._renderer_of(one, frame), one.weight) for one in self._states.seen(frame)]
        return parts[0][0] if len(parts) == 1 else MixedRenderer(tuple(parts))

    def _renderer_of(self, one: Seen, frame: int) -> Renderer:
        grid = self._hull(frame, one.field.boxes.device)
        if isinstance(one.field.codes, CodeTable):
            seen = SparseField(one.field).at(one.frame, grid)
        else:
            seen = one.field.at(one.frame, mean_code(one.field, self._capture, frame))
        return make_renderer("volume" if grid is None else "fast", seen, grid, self._config.render)

    def _hull(self, frame: int, device: torch.device) -> Tensor | None:
        if not self._capture.has_hull(frame):
            return None
        return torch.from_numpy(self._capture.hull(frame, self._config.train.hull_grid)).to(device)


@contextmanager
def shown(address: tuple[str, int], subject: LearningSubject, say: Say) -> Iterator[Stage]:
    """A stage that shows a training at an address (host and port). Raises InputError if it cannot be had.

    Who trains sets `subject.ended` before the block ends; otherwise pages are told that the training has failed.
    """
    check_stage()
    from dymap.stage.address import is_local
    from dymap.stage.server import Settings, Stage

    def look(stage: Stage) -> None:
        if subject.take():
            stage.tell({"type": "training"} | subject.told())

    host, port = address
    with Stage(subject, host, port, Settings(niceness=NICENESS, share=SHARE), look=look) as stage:
        say(f"to see it while it trains, open {stage.url}; {elsewhere(stage, is_local(host))}")
        try:
            yield stage
        finally:
            subject.ended = subject.ended or FAILED
            say_farewell(stage, subject)


def say_farewell(stage: Stage, subject: LearningSubject) -> None:
    """Tell how the training has ended, show the last state for a moment, and close the stage."""
    stage.tell({"type": "training"} | subject.told(), keep=True)
    end = time.monotonic() + FAREWELL
    while stage.clients and time.monotonic() < end:
        time.sleep(0.05)
    stage.close(subject.ended)
    subject.close()


def ending(run: RunFolder, done: int, steps: int, interrupted: bool) -> str:
    """How a training has ended, in one sentence, and what comes next."""
    name = run.root.name if len(run.root.name.encode(errors="replace")) <= MOST_BYTES else "RUN"
    if done >= steps:
        return f"The training has ended; {command('bake', name)}, then dymap view, shows what it has learned"
    how = "was interrupted" if interrupted else "has used up its minutes"
    return f"The training {how} at step {done} of {steps}; {command('train', '--out', name)} goes on"
