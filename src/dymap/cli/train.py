"""dymap train: from a capture to a trained field."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro

from dymap.capture import Capture, open_capture
from dymap.cli.console import Device, Threads, console, pick_device, progress_bar
from dymap.config import Config, replace_key
from dymap.errors import InputError
from dymap.field.field import count_parameters
from dymap.presets import preset as find_preset
from dymap.train.listeners import Curves, Preview
from dymap.train.loop import StepReport, new_field
from dymap.train.loop import train as run_training
from dymap.train.run import RunFolder


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
    set: Annotated[tuple[str, ...], tyro.conf.arg(help="Any other option, as train.rays=2048.")] = (),
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Train a field on a capture. Ctrl-C saves; the same command resumes."""
    options = {
        "capture.test_views": test_views or None,
        "capture.test_frame_step": test_frame_step,
        "capture.ratio": ratio,
        "capture.frames": frames,
        "capture.fps": fps,
        "capture.boxes": boxes,
        "capture.unit": unit,
        "train.steps": steps,
        "train.seed": seed,
    }
    if minutes is not None and not minutes >= 0:
        raise InputError(f"--minutes {minutes:g}: expected 0 or more")
    config = configure(find_preset(preset), options, set)
    where = pick_device(device, threads)
    with progress_bar("prepare images") as progress:
        capture = open_capture(data, config.capture, progress)
    return train_capture(capture, config, RunFolder(out), preset, where, minutes)


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
    capture: Capture, config: Config, run: RunFolder, preset: str, device: torch.device, minutes: float | None = None
) -> int:
    """Train with progress on the terminal; 0 when all steps are done, 130 when interrupted."""
    try:
        field = new_field(config, torch.from_numpy(capture.boxes)).to(device)
    except ValueError as error:
        raise InputError(f"no field can be made with these options: {error}") from None
    run.create(config, capture.source.root, preset)
    console.print(
        f"{capture.name}: {len(capture.frames)} frames, {len(capture.train_views)} training and "
        f"{len(capture.test_views)} test views of {capture.cameras[0].width} x {capture.cameras[0].height}; "
        f"{count_parameters(field) / 1e6:.1f} M parameters on {device}; curves: tensorboard --logdir {run.curves}"
    )
    with (
        closing(Curves(run, config.train.log_every)) as curves,
        stop_on_signal() as stopped,
        progress_bar("train") as progress,
    ):
        preview = Preview(run, field, capture, config, curves)
        clock = Clock(minutes)

        def show(report: StepReport) -> None:
            note = f"PSNR {report.psnr:.1f} dB, {report.rays / report.seconds / 1000:.0f} k rays/s"
            progress(report.step + 1, config.train.steps, note)

        done = run_training(
            field,
            capture,
            config,
            run.checkpoints,
            listeners=(curves, preview, show),
            should_stop=lambda: bool(stopped) or clock.over(),
        )
    finished = done >= config.train.steps
    console.print(
        f"trained {done} of {config.train.steps} steps; next: dymap bake {run.root}"
        if finished
        else f"stopped and saved after {done} of {config.train.steps} steps; the same command goes on"
    )
    return 130 if stopped else 0


class Clock:
    """A time budget in minutes; None is endless."""

    def __init__(self, minutes: float | None):
        self.end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self.end is not None and time.monotonic() >= self.end


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
