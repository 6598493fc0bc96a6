"""dymap train: from a capture to a trained field."""

from __future__ import annotations

import json
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro

from dymap.capture import Capture, open_capture
from dymap.cli.console import (
    Device,
    Threads,
    check_threads,
    console,
    exit_code,
    pick_device,
    progress_bar,
    resolve_device,
    show_warning,
)
from dymap.config import Config, replace_key
from dymap.errors import InputError
from dymap.field.field import Field, count_parameters
from dymap.presets import preset as find_preset
from dymap.train.distributed import ALONE, Rank, World, join
from dymap.train.launch import INTERRUPTED, launch
from dymap.train.listeners import Curves, Preview
from dymap.train.loop import Listener, new_field
from dymap.train.loop import train as run_training
from dymap.train.run import RunFolder
from dymap.train.step import StepReport


def train(
    data: Annotated[Path, tyro.conf.arg(help="Folder of the capture.")],
    out: Annotated[Path, tyro.conf.arg(help="Folder of the run; a run that is there already is resumed.")],
    preset: Annotated[
        str, tyro.conf.arg(help="Experiment to start from: tiny, small, zjumocap/313, nhr/sport1, ...")
    ] = "small",
    test_views: Annotated[tuple[int, ...], tyro.conf.arg(help="Views to keep for evaluation.")] = (),
    test_frame_step: Annotated[int | None, tyro.conf.arg(help="Evaluate every n-th frame.")] = None,
    ratio: Annotated[float | None, tyro.conf.arg(help="Resize images by this.")] = None,
    frames: Annotated[tuple[int, int, int] | None, tyro.conf.arg(help="First, end (-1: all) and step.")] = None,
    fps: Annotated[float | None, tyro.conf.arg(help="Frames a second of the capture.")] = None,
    boxes: Annotated[
        Literal["vertices", "hull"] | None, tyro.conf.arg(help="Boxes from body vertices or from the masks' hull.")
    ] = None,
    unit: Annotated[Literal["mm", "m"] | None, tyro.conf.arg(help="Unit of the cameras' T on disk.")] = None,
    steps: Annotated[int | None, tyro.conf.arg(help="Training steps.")] = None,
    minutes: Annotated[float | None, tyro.conf.arg(help="Stop after this time; run again to go on.")] = None,
    seed: Annotated[int | None, tyro.conf.arg(help="Seed of all random draws.")] = None,
    processes: Annotated[
        int | None, tyro.conf.arg(help="Processes that train together, each on a GPU of its own or on the CPU.")
    ] = None,
    set: Annotated[tuple[str, ...], tyro.conf.arg(help="Any other option, as train.rays=2048.")] = (),
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Train a field on a capture. Ctrl-C saves; the same command resumes.

    On several GPUs: --processes, or torchrun --nproc_per_node N -m dymap train ...
    """
    own = Rank.from_torchrun()
    if own and processes not in (None, own.world_size):
        raise InputError(f"torchrun has started {own.world_size} processes; leave --processes {processes} away")
    options = {
        "capture.test_views": test_views or None,
        "capture.test_frame_step": test_frame_step,
        "capture.ratio": ratio,
        "capture.frames": frames,
        "capture.fps": fps,
        "capture.boxes": boxes,
        "capture.options.unit": unit,
        "train.steps": steps,
        "train.seed": seed,
        "train.processes": own.world_size if own else processes,
    }
    if minutes is not None and not minutes >= 0:
        raise InputError(f"--minutes {minutes:g}: expected 0 or more")
    config = configure(find_preset(preset), options, set)
    job = Job(data, config, RunFolder(out), preset, device, threads, minutes)
    count = config.train.processes
    if own or count == 1:
        return train_in_place(job, own or Rank())
    check_threads(threads)  # before anything is started
    device_of(device, Rank(count - 1, count, count - 1, count))
    with stop_on_signal() as stopped:
        return launch(count, partial(work, job), signalled(stopped))


@dataclass(frozen=True)
class Job:
    """A training as it was asked for. threads: shared by the processes of a machine."""

    data: Path
    config: Config
    run: RunFolder
    preset: str
    device: str
    threads: int
    minutes: float | None


def work(job: Job, own: Rank, stopped: Callable[[], bool]) -> int:
    """What a process does that `launch` has started."""
    warnings.showwarning = show_warning
    return exit_code(lambda: train_in_place(job, own, stopped))


def train_in_place(job: Job, own: Rank, stopped: Callable[[], bool] | None = None) -> int:
    """Train alone or together with others; only the leading process speaks. stopped: see `train_capture`."""
    device = pick_device(device_of(job.device, own), threads_of(job.threads, own))
    with join(own, device) as world:
        if not world.leads:
            console.quiet = True
            warnings.simplefilter("ignore")

        def prepare() -> Capture:
            with progress_bar("prepare images") as progress:
                return open_capture(job.data, job.config.capture, progress)

        capture = world.in_turn(prepare)
        return train_capture(capture, job.config, job.run, job.preset, device, job.minutes, world, stopped)


def device_of(name: str, own: Rank) -> str:
    """The device of a process, among those of its machine. Raises InputError if there are not enough."""
    name = resolve_device(name)
    if own.world_size == 1 or name == "cpu":
        return name
    if name != "cuda":
        raise InputError(f"--device {name}: several processes train on cuda, one GPU each, or on cpu")
    if torch.cuda.device_count() < own.local_size:
        raise InputError(f"{own.local_size} processes need as many GPUs, this machine has {torch.cuda.device_count()}")
    return f"cuda:{own.local_rank}"


def threads_of(threads: int, own: Rank) -> int:
    """How many of its machine's threads a process takes; 0: as many as torch, or torchrun, has given it."""
    if threads == 0 and own.meeting:
        threads = torch.get_num_threads()
    return max(1, threads // own.local_size) if threads > 0 else threads


def configure(config: Config, options: dict[str, Any], assignments: tuple[str, ...] = ()) -> Config:
    """The configuration with options (None: unset) and `key=value` assignments applied. Raises InputError."""
    try:
        for key, value in options.items():
            if value is not None:
                config = replace_key(config, key, value)
        for assignment in assignments:
            key, found, text = assignment.partition("=")
            if not found:
                raise ValueError(f"--set {assignment!r}: expected key=value")
            try:
                value = json.loads(text)
            except json.JSONDecodeError:
                value = text
            config = replace_key(config, key.strip(), value)
    except ValueError as error:
        raise InputError(str(error)) from None
    return config


def train_capture(
    capture: Capture,
    config: Config,
    run: RunFolder,
    preset: str,
    device: torch.device,
    minutes: float | None = None,
    world: World = ALONE,
    stopped: Callable[[], bool] | None = None,
) -> int:
    """Train with progress on the terminal; 0 when all steps are done, 130 when interrupted.

    stopped: whether somebody wants to stop; None: signals to this process say so.
    """
    with world.agree():
        try:
            field = new_field(config, torch.from_numpy(capture.boxes)).to(device)
        except ValueError as error:
            raise InputError(f"no field can be made with these options: {error}") from None
        if world.leads:
            run.create(replace(config, capture=capture.config), capture.source.root, preset)
    where = device if world.size == 1 else f"{world.size} processes with {device.type}"
    console.print(
        f"{capture.name}: {len(capture.frames)} frames, {len(capture.train_views)} training and "
        f"{len(capture.test_views)} test views of {capture.cameras[0].width} x {capture.cameras[0].height}; "
        f"{count_parameters(field) / 1e6:.1f} M parameters on {where}; curves: tensorboard --logdir {run.curves}"
    )
    with ExitStack() as opened:
        asked = stopped or signalled(opened.enter_context(stop_on_signal()))
        with world.agree():
            listeners = opened.enter_context(listening(run, field, capture, config)) if world.leads else ()
        clock = Clock(minutes)
        done = run_training(
            field,
            capture,
            config,
            run.checkpoints,
            listeners=listeners,
            should_stop=lambda: asked() or clock.over(),
            world=world,
        )
    finished = done >= config.train.steps
    console.print(
        f"trained {done} of {config.train.steps} steps; next: dymap bake {run.root}"
        if finished
        else f"stopped and saved after {done} of {config.train.steps} steps; the same command goes on"
    )
    return INTERRUPTED if asked() else 0


@contextmanager
def listening(run: RunFolder, field: Field, capture: Capture, config: Config) -> Iterator[tuple[Listener, ...]]:
    """Curves, preview pictures and a progress bar."""
    with closing(Curves(run, config.train.log_every)) as curves, progress_bar("train") as progress:

        def show(report: StepReport) -> None:
            note = f"PSNR {report.psnr:.1f} dB, {report.rays / report.seconds / 1000:.0f} k rays/s"
            progress(report.step + 1, config.train.steps, note)

        yield curves, Preview(run, field, capture, config, curves), show


class Clock:
    """A time budget in minutes; None is endless."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end


def signalled(received: list[int]) -> Callable[[], bool]:
    return lambda: bool(received)


@contextmanager
def stop_on_signal() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C or a termination asks to stop; a second Ctrl-C stops at once."""
    received: list[int] = []

    def receive(number: int, _: Any) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        console.print("stopping after this step ...")

    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, receive) for number in signals]
    try:
        yield received
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)
