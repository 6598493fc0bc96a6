"""A training as one process does it: prepare the images, make the field, train, with curves, previews and a bar."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch

from dymap.capture import Capture, Source, read_source
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field, count_parameters
from dymap.geometry.box import size_in_metres
from dymap.kernels import why_slow
from dymap.runs.bars import Bars, Say, no_bars, say_nothing
from dymap.runs.captures import open_prepared, remember, remembered
from dymap.runs.extent import images_text
from dymap.runs.folder import RunFolder
from dymap.runs.hulls import carve_hulls
from dymap.runs.learning import ending
from dymap.runs.outlook import Forecast, look_ahead
from dymap.runs.process import Clock, device_of, pick_device, signalled, stop_on_signal, threads_of
from dymap.runs.showing import Showing, showing
from dymap.train.checkpoint import newest_step, read_newest
from dymap.train.distributed import ALONE, Rank, World, join
from dymap.train.listeners import Curves, Preview
from dymap.train.loop import Listener, new_field
from dymap.train.loop import train as run_training
from dymap.train.step import StepReport

ORIGINS = {
    "vertices": "around the vertices",
    "hull": "around the masks' visual hull",
    "own": "of the layout itself",
}
"""Where the boxes come from, as it is told."""


@dataclass(frozen=True)
class Job:
    """A training as it was asked for. threads: shared by the processes of a machine. source: what was read of the
    capture, if it was. start: gives a new field its first values, if they are others than the usual ones. report: takes
    the reports of steps in place of a bar and a forecast. view: host and port at which it is shown while it trains."""

    data: Path
    config: Config
    run: RunFolder
    preset: str
    device: str
    threads: int
    minutes: float | None
    progress: Bars
    say: Say
    source: Source | None = None
    start: Callable[[Field], None] | None = None
    report: Listener | None = None
    view: tuple[str, int] | None = None


@dataclass(frozen=True)
class Trained:
    """What a training left.

    run: its folder. done: steps, of `steps`. interrupted: a signal asked it to stop. leads: of the processes that
    torchrun has started, the one that reports for all. segments: of the clip; done and steps are of all that were to be
    trained. unfinished: how many segments of the clip are not finished.
    """

    run: Path
    done: int
    steps: int
    interrupted: bool
    leads: bool = True
    segments: int = 1
    unfinished: int = 0

    @property
    def finished(self) -> bool:
        return self.done >= self.steps


def train_in_place(job: Job, own: Rank, stopped: Callable[[], bool] | None = None) -> Trained:
    """Train in this process, together with the others of its world, if there are any. stopped: see `train_capture`."""
    device = pick_device(device_of(job.device, own), threads_of(job.threads, own))
    with join(own, device) as world:
        if not world.leads:
            warnings.simplefilter("ignore")
            job = replace(job, progress=no_bars, say=say_nothing)

        @cache
        def source() -> Source:
            return job.source or read_source(job.data, job.config.capture)

        def prepare() -> Capture:
            capture = open_prepared(source(), job.config.capture, job.progress)
            carve_hulls(capture, job.config.train, job.progress)
            return capture

        with world.agree():
            if world.leads:
                if device.type == "cpu" and (slow := why_slow()):
                    warnings.warn(slow, stacklevel=2)
                look_ahead(source(), job.config, job.run, device, world.size, job.say)
        return train_capture(job, world.in_turn(prepare), device, world, stopped)


def train_capture(
    job: Job,
    capture: Capture,
    device: torch.device,
    world: World = ALONE,
    stopped: Callable[[], bool] | None = None,
) -> Trained:
    """Train on an open capture. stopped: whether somebody wants to stop; None: signals to this process say so."""
    config, run = job.config, job.run
    with world.agree():
        try:
            field = new_field(config, torch.from_numpy(capture.boxes)).to(device)
        except ValueError as error:
            raise InputError(f"no field can be made with these options: {error}") from None
        if job.start and not newest_step(run.checkpoints):
            job.start(field)
        if world.leads:
            check_older(run, capture)
            run.create(
                replace(config, capture=capture.config), capture.source.root, job.preset, newest_step(run.checkpoints)
            )
            remember(run, capture.source, capture.config)
    where = device if world.size == 1 else f"{world.size} processes with {device.type}"
    job.say(
        f"{capture.name}: {len(capture.frames)} frames, {len(capture.train_views)} training and "
        f"{len(capture.test_views)} test views of {images_text(capture)}; "
        f"box {size_in_metres(capture.boxes)} {ORIGINS[capture.config.boxes]}; "
        f"{count_parameters(field) / 1e6:.1f} M parameters on {where}; curves: tensorboard --logdir {run.curves}"
    )
    with ExitStack() as opened:
        asked = stopped or signalled(opened.enter_context(stop_on_signal(job.say)))
        showed: Showing | None = None
        with world.agree():
            listeners = opened.enter_context(listening(job, field, capture)) if world.leads else ()
            if world.leads and job.view:
                done = newest_step(run.checkpoints)
                showed = opened.enter_context(showing(job.view, field, capture, config, done, job.say))
                listeners = (*listeners, showed)
        clock = Clock(job.minutes)
        done = run_training(
            field,
            capture,
            config,
            run.checkpoints,
            listeners=listeners,
            should_stop=lambda: asked() or clock.over(),
            world=world,
            shared=job.start is not None,
        )
        interrupted = asked()
        if showed:
            showed.end(ending(run, done, config.train.steps, interrupted))
    return Trained(run.root, done, config.train.steps, interrupted, world.leads)


def check_older(run: RunFolder, capture: Capture) -> None:
    """Raise InputError if a moved capture has other boxes than the checkpoint, which is all that older runs know."""
    if run.exists() and run.read().source != capture.source.root.resolve() and remembered(run) is None:
        found = read_newest(run.checkpoints)
        if found:
            found.check_boxes(torch.from_numpy(capture.boxes))


@contextmanager
def listening(job: Job, field: Field, capture: Capture) -> Iterator[tuple[Listener, ...]]:
    """Curves, preview pictures and a progress bar."""
    run, config = job.run, job.config
    with ExitStack() as opened:
        drawing: list[Listener] = []

        def draw(report: StepReport) -> None:
            if not drawing:  # only now is it known from which checkpoint the training goes on
                curves = Curves(run.curves, run.log, config.train.log_every, report.step, config)
                drawing.extend(
                    [opened.enter_context(closing(curves)), Preview(run.preview, field, capture, config, curves)]
                )
            for listener in drawing:
                listener(report)

        if job.report:
            yield draw, job.report
            return
        update = opened.enter_context(job.progress("train"))

        def show(report: StepReport) -> None:
            losses = ", ".join(f"{name} {value:.2g}" for name, value in report.losses.items())
            rays = f"{report.rays / report.seconds / 1000:.0f} k rays/s"
            update(report.step + 1, config.train.steps, f"PSNR {report.psnr:.1f} dB, {rays}; losses: {losses}")

        yield draw, Forecast(config, job.say, job.minutes), show
