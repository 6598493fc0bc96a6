"""dymap demo: the whole path on the built-in sample."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import tyro

from dymap.capture import open_capture
from dymap.cli.bake import bake
from dymap.cli.console import Device, Threads, console, pick_device, progress_bar
from dymap.cli.evaluate import evaluate_video
from dymap.cli.sample import sample
from dymap.cli.train import configure, train_capture
from dymap.play.film import orbit_film, write_film
from dymap.play.video import load
from dymap.presets import preset
from dymap.train.run import RunFolder

TEST_VIEWS = (3, 7, 11, 15)


def demo(
    out: Annotated[Path, tyro.conf.arg(help="Folder for everything that the demo makes.")] = Path("demo"),
    steps: Annotated[int | None, tyro.conf.arg(help="Training steps; default: the preset's.")] = None,
    size: Annotated[int, tyro.conf.arg(help="Width and height of the sample's images.")] = 256,
    frames: Annotated[int, tyro.conf.arg(help="Frames of the sample.")] = 24,
    film: Annotated[int, tyro.conf.arg(help="Images of the film.")] = 72,
    device: Device = "auto",
    threads: Threads = 0,
) -> int:
    """Run everything once on the built-in sample: capture, train, bake, evaluate, film."""
    started = time.monotonic()
    data = out / "sample"
    where = pick_device(device, threads)
    if code := sample(data, size=size, frames=frames):
        return code
    options = {"capture.test_views": TEST_VIEWS, "capture.test_frame_step": max(1, frames // 4), "train.steps": steps,
               "capture.fps": 24.0}  # fmt: skip
    config = configure(preset("tiny"), options)
    run = RunFolder(out / "run")
    with progress_bar("prepare images") as progress:
        capture = open_capture(data, config.capture, progress)
    if code := train_capture(capture, config, run, "tiny", where):
        return code
    bake(run.root, device=device, threads=threads)
    video = load(run.root, where)
    evaluate_video(video, capture, run.evaluation, "march", [], [])
    path = out / "orbit.mp4"
    with progress_bar("film") as progress:
        write_film(video, orbit_film(video, film), path, progress=progress)
    console.print(f"{time.monotonic() - started:.0f} s in all; film: {path}; pictures: {run.evaluation}")
    console.print(f"next, with your own capture: dymap info DIR (it says how to train on it), or dymap info {run.root}")
    return 0
