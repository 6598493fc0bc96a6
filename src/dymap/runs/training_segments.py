"""A training of a clip of several segments: a short common one, then the segments side by side.

    capture -> prepared once -> RUN/common, by one process -> RUN/segments/000, 001, ... by one process each, as many
    at once as there are cores or GPUs

Each segment is a run of its own: it has checkpoints, and goes on from them with the numbers that it would have had.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from dymap.capture import Capture, read_source
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.field import Field
from dymap.geometry.box import size_in_metres
from dymap.kernels import why_slow
from dymap.runs.bars import Update, no_bars, say_nothing
from dymap.runs.captures import open_prepared, remember
from dymap.runs.commands import command
from dymap.runs.extent import images_text
from dymap.runs.folder import RunFolder
from dymap.runs.hulls import carve_hulls
from dymap.runs.learning import ending
from dymap.runs.lock import LockedError, only_training
from dymap.runs.outlook import Forecast, look_ahead
from dymap.runs.process import Clock, pick_device, signalled, stop_on_signal
from dymap.runs.segments import SegmentRun, chosen, config_of_common, config_of_segment, segments_of, steps_done
from dymap.runs.showing_segments import Watch, Watching, showing_segments
from dymap.runs.tasks import Channel, Engine, Place, Task
from dymap.runs.training_process import ORIGINS, Job, Trained, train_capture
from dymap.train.checkpoint import newest_step, read_newest
from dymap.train.start import start_from
from dymap.train.step import StepReport
from dymap.video.spans import Span

PATIENCE = 2.0
"""Seconds between two looks at whether another process has done the common training."""


def train_in_segments(job: Job, engine: Engine, only: Sequence[int] = ()) -> Trained:
    """Train the segments of a clip, or only some of them (others may train the rest elsewhere).

    Raises InputError, NotFiniteError and LostError of a segment, when the others have ended.
    """
    if job.config.train.processes > 1:
        raise InputError(
            f"--processes {job.config.train.processes} train one field together, but the segments of this clip train "
            "side by side by themselves: leave it away, or take one field for the whole clip: --segment 0"
        )
    assert job.source
    segments = segments_of(job.run, job.config, len(job.source.frames))
    ours = chosen(segments, only)
    where = engine.places(len(ours))
    device, beside = engine.here(where)
    if device.type == "cpu" and (slow := why_slow()):
        warnings.warn(slow, stacklevel=2)
    look_ahead(job.source, job.config, job.run, device, beside, job.say, segments)
    capture = open_prepared(job.source, job.config.capture, job.progress)
    carve_hulls(capture, job.config.train, job.progress)
    job.run.create(
        replace(job.config, capture=capture.config), capture.source.root, job.preset, steps_done(job.run)
        if job.run.exists() else 0
    )  # fmt: skip
    remember(job.run, capture.source, capture.config)
    job.say(sentence(capture, job, segments, where))
    with ExitStack() as opened:
        stopped = opened.enter_context(stop_on_signal(job.say))
        asked, clock = signalled(stopped), Clock(job.minutes)

        def over() -> bool:
            return asked() or clock.over()

        watch = watch_nothing
        if job.view:
            shown = showing_segments(job.view, job.run, job.config, segments, capture, device, job.say)
            watch = opened.enter_context(shown)
        if train_common(job, engine, over, watch):
            train_parts(job, engine, ours, where, over, watch)
        trained = left(job, segments, ours, asked())
        if isinstance(watch, Watching):
            watch.end(ending(job.run, trained.done, trained.steps, asked()))
    return trained


def watch_nothing(done: int, steps: int, report: StepReport) -> None:
    """Nobody looks."""


def left(job: Job, segments: Sequence[SegmentRun], ours: Sequence[SegmentRun], interrupted: bool) -> Trained:
    """What there is now."""
    steps = job.config.train.steps
    done = {one.number: min(steps, newest_step(one.run.checkpoints)) for one in segments}
    return Trained(
        run=job.run.root,
        done=sum(done[one.number] for one in ours),
        steps=steps * len(ours),
        interrupted=interrupted,
        segments=len(segments),
        unfinished=sum(count < steps for count in done.values()),
    )


def sentence(capture: Capture, job: Job, segments: Sequence[SegmentRun], where: Sequence[Place]) -> str:
    """What begins, in one line."""
    shortest, longest = (f(one.span.frames for one in segments) for f in (min, max))
    length = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
    kind = where[0].device.partition(":")[0]
    return (
        f"{capture.name}: {len(capture.frames)} frames in {len(segments)} segments of {length}, {len(where)} at a time "
        f"on {kind}; {len(capture.train_views)} training and {len(capture.test_views)} test views of "
        f"{images_text(capture)}; box {size_in_metres(capture.boxes)} {ORIGINS[capture.config.boxes]}; curves: "
        f"tensorboard --logdir {job.run.root}"
    )


def train_common(job: Job, engine: Engine, over: Callable[[], bool], watch: Watch = watch_nothing) -> bool:
    """Do the common training, unless it is done or not asked for; whether it is finished. What another process does of
    it is waited for.

    It keeps the length that it was begun with if the segments get longer.
    """
    if not job.config.train.common:
        return True
    run = job.run.common
    config = run.read().config if run.exists() else config_of_common(job.config)
    while newest_step(run.checkpoints) < config.train.steps:
        if over():
            return False
        with suppress(LockedError), only_training(run.root):
            return train_one(job, engine, config, run, over, watch)
        time.sleep(PATIENCE)
    return True


def train_one(job: Job, engine: Engine, config: Config, run: RunFolder, over: Callable[[], bool], watch: Watch) -> bool:
    """The common training, by one process that has all threads."""
    work = partial(train_part, handed_on(job), run, config, None, None)
    remedy = f"what it saved is in {run.root}, and {command('train', '--out', job.run.root)} goes on"
    where = engine.places(1)
    with job.progress("train: common start") as update:

        def told(_: int, report: StepReport) -> None:
            update(report.step + 1, config.train.steps, f"PSNR {report.psnr:.1f} dB")
            watch(report.step + 1, config.train.steps, report)

        done = engine.run([Task("the common training", work, remedy)], where, told, over)[0]
    return bool(done is not None and done >= config.train.steps)


def train_parts(
    job: Job,
    engine: Engine,
    ours: Sequence[SegmentRun],
    where: Sequence[Place],
    over: Callable[[], bool],
    watch: Watch = watch_nothing,
) -> None:
    """Train the segments, as many at a time as there are places."""
    config, common = config_of_segment(job.config), job.run.common.checkpoints if job.config.train.common else None
    open_ones = [one for one in ours if newest_step(one.run.checkpoints) < config.train.steps]
    remedy = command("train", "--out", job.run.root)
    tasks = [
        Task(
            one.name,
            partial(train_part, handed_on(job), one.run, config, one.span, common),
            f"what it saved is in {one.run.root}, and {remedy} goes on with what is not finished "
            f"({remedy} --only-segments {one.number}: only with this one)",
        )
        for one in open_ones
    ]
    with job.progress("train") as update:
        show = Progress(job, ours, open_ones, min(len(where), max(len(open_ones), 1)), update, watch)
        engine.run(tasks, where, show, over)


class Progress:
    """One bar of all segments, and a forecast of them all."""

    def __init__(
        self,
        job: Job,
        ours: Sequence[SegmentRun],
        open_ones: Sequence[SegmentRun],
        side_by_side: int,
        update: Update,
        watch: Watch = watch_nothing,
    ):
        self.numbers = [one.number for one in open_ones]
        self.steps = job.config.train.steps
        self.done = {one.number: min(self.steps, newest_step(one.run.checkpoints)) for one in ours}
        self.side_by_side, self.update, self.watch = side_by_side, update, watch
        self.forecast = Forecast(job.config, job.say, job.minutes, self.left)

    def left(self, _: StepReport) -> float:
        """Steps that are left, those that are done at the same time counted once."""
        return (self.steps * len(self.done) - sum(self.done.values())) / self.side_by_side

    def __call__(self, task: int, report: StepReport) -> None:
        number = self.numbers[task]
        self.done[number] = report.step + 1
        finished = sum(count >= self.steps for count in self.done.values())
        done, steps = sum(self.done.values()), self.steps * len(self.done)
        self.watch(done, steps, report)
        self.update(
            done,
            steps,
            f"{finished} of {len(self.done)} segments; segment {number}: PSNR {report.psnr:.1f} dB",
        )
        self.forecast(report)


def handed_on(job: Job) -> Job:
    """The job as another process can have it: it reads the capture itself, as files may be open in it."""
    return replace(job, source=None, progress=no_bars, say=say_nothing, minutes=None, view=None)


def train_part(
    job: Job, run: RunFolder, config: Config, span: Span | None, common: Path | None, place: Place, channel: Channel
) -> int:
    """What a task does: train on a window of the capture (None: all of it); returns the steps done.

    common: checkpoints of the training that gives the first values; None: there is none.
    """
    with ExitStack() as opened:
        if span is not None:
            opened.enter_context(only_training(run.root))
        device = pick_device(place.device, place.threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # who started this process has said them
            capture = open_prepared(read_source(job.data, job.config.capture), job.config.capture, no_bars)
            part = capture if span is None else capture.window(*span)

        def start(field: Field) -> None:
            assert common
            assert span
            if (found := read_newest(common)) is None:
                raise InputError(f"{common}: nothing there, although segments start from it; train it again")
            start_from(field, found, span.first)

        own = replace(
            job, config=config, run=run, device=place.device, start=start if common and span else None,
            report=channel.tell,
        )  # fmt: skip
        return train_capture(own, part, device, stopped=channel.stopped).done
