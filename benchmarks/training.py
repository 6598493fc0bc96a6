"""A training step: rays drawn, rendered, compared, and all parameters moved.

The field is the painted one, so that rays see something from the first step on; the images are those of the built-in
sample, whose figure has the same place in its box. Two recipes: the published one at full size with one item of 1024
rays and 64 samples (all items of a step cost the same, the optimiser comes on top once), and the preset `small`.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.cases import Case, Timed, Work
from benchmarks.workloads import Workload, painted_field
from dymap.capture import Capture, open_capture
from dymap.config import CaptureConfig, Config
from dymap.sample import write_sample
from dymap.train.batches import BatchSampler
from dymap.train.optimiser import make_optimiser
from dymap.train.step import train_step

PUBLISHED = 5.5
"""Seconds of an iteration of the published implementation, 1024 rays of 64 samples, on two cores."""


@functools.cache
def sample_capture(size: int, views: int = 8, frames: int = 2) -> Capture:
    """The built-in sample, written once to a folder that goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="dymap-benchmarks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    before = os.environ.get("DYMAP_CACHE")
    os.environ["DYMAP_CACHE"] = str(folder / "cache")  # not the user's
    try:
        return open_capture(write_sample(folder / "sample", frames=frames, views=views, size=size), CaptureConfig())
    finally:
        del os.environ["DYMAP_CACHE"]
        if before is not None:
            os.environ["DYMAP_CACHE"] = before


def step_config(config: Config) -> Config:
    """One item a step, whatever the recipe."""
    return replace(config, train=replace(config.train, items=1))


def training(workload: Workload) -> Iterator[Case]:
    """The case `size/training/step`."""
    config = step_config(workload.config)

    def prepare() -> Timed:
        capture = sample_capture(64 if workload.size == "quick" else 512)
        field = painted_field(config, torch.from_numpy(capture.boxes), workload.about["recipe"])
        optimiser, sampler = make_optimiser(field, config), BatchSampler(capture, config.train)
        steps = itertools.count()
        return lambda: train_step(field, optimiser, sampler, config, next(steps))

    def work() -> Work:
        a_ray = config.train.hull_samples or config.render.samples
        return Work(config.train.rays * a_ray)

    yield Case(
        f"{workload.size}/training/step", prepare, work, published=PUBLISHED if workload.size == "full" else None
    )
