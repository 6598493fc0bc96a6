"""What a training will take: memory, disk and, roughly, time before it starts; better as soon as the first steps tell.

configuration and capture -> Need -> a sentence, and a warning if the machine has less; a trial step -> a guess of the
time, and a warning if it is days; first steps -> a forecast
"""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch

from dymap.capture import Source
from dymap.capture.cache import cache_root
from dymap.capture.capture import prepared_rig
from dymap.config import Config
from dymap.field.field import Field, count_parameters
from dymap.presets import PRESETS
from dymap.runs.bars import Say
from dymap.runs.folder import RunFolder
from dymap.runs.segments import SegmentRun
from dymap.runs.sizes import bytes_text
from dymap.runs.trial import trial_seconds
from dymap.train.step import StepReport

HOUR, DAY = 3600.0, 86400.0
STATE = 16
"""Bytes of a parameter that is trained: itself, its gradient and two moments of Adam, in float32."""
BASE = 350 * 2**20
"""Bytes of a process with torch that does nothing yet."""
SAMPLE = 2000
"""Bytes that a step keeps for the gradients of one sample of a ray, roughly."""
STEPS, SECONDS = 10, 10.0
"""A forecast is made after so many steps, or after so many seconds of steps if that is earlier."""
MANY = 5000
"""Trainings of fewer steps begin without a trial."""
LIGHT = "small"
"""The preset that is offered in place of one that takes days."""


@dataclass(frozen=True)
class Need:
    """What a training takes. parameters: their number. memory, in bytes, of a process; images, of their cache, at most;
    checkpoints, on the disk."""

    parameters: int
    memory: int
    images: int
    checkpoints: int


def parameters_of(config: Config, frames: int) -> int | None:
    """How many parameters the field of a clip has; None for sizes that do not fit each other."""
    try:
        with torch.device("meta"):  # shapes only
            return count_parameters(Field(config.field, torch.zeros(frames, 2, 3)))
    except ValueError:
        return None


def need_of(config: Config, source: Source) -> Need | None:
    """What a configuration needs on a capture; None for sizes that do not fit each other.

    Raises InputError for views that the capture does not have, and for images without pixels.
    """
    if (parameters := parameters_of(config, len(source.frames))) is None:
        return None
    train = config.train
    samples = train.rays * (train.hull_samples or config.render.samples)  # items go one after the other
    pixels = sum(camera.width * camera.height for camera in prepared_rig(source, config.capture)[0])
    return Need(
        parameters=parameters,
        memory=BASE + parameters * STATE + samples * SAMPLE,
        images=len(source.frames) * pixels * 4,
        checkpoints=(max(train.keep_checkpoints, 1) + 1) * parameters * STATE * 3 // 4,  # one is being written
    )


def look_ahead(
    source: Source,
    config: Config,
    run: RunFolder,
    device: torch.device,
    processes: int,
    say: Say,
    segments: Sequence[SegmentRun] = (),
) -> None:
    """Say what a training on a capture will take, and warn if the machine has less, or if it is days.

    processes: side by side. segments: those that each train a field, if there are several.

    Says nothing for a field that cannot be: making it will say what does not fit. Raises InputError as `need_of` does.
    """
    if (need := need_of(config, source)) is None:
        return
    each = f" for each of {processes} processes" if processes > 1 else ""
    fields = len(segments) or 1
    checkpoints = need.checkpoints * fields
    cache = cache_root()
    of_each = " in each segment" if segments else ""
    say(
        f"{need.parameters / 1e6:.1f} M parameters{of_each}: about {bytes_text(need.memory)} of memory{each}; on disk "
        f"at most {bytes_text(need.images)} of prepared images ({cache}) and {bytes_text(checkpoints)} of checkpoints "
        f"({run.root})"
    )
    wanted, there = need.memory * processes, free_memory(device)
    if there is not None and wanted > there:
        warnings.warn(
            f"the training needs about {bytes_text(wanted)} of memory, and {bytes_text(there)} are free: take fewer "
            f"--train.rays, a smaller --field.hash.log2-size{offer(config)}",
            stacklevel=2,
        )
    warn_of_disks(((run.root, checkpoints), (cache, need.images)))
    if config.train.steps >= MANY and (there is None or wanted <= there):
        step = trial_seconds(config, len(source.frames), device)
        rounds = ceil(fields / processes) if segments else 1
        if (left := step * config.train.steps * rounds) > DAY:
            warnings.warn(
                f"a trial step took {step:.1g} s here: the {config.train.steps} steps may take {duration(left)}"
                f"{offer(config)}; the first steps will tell better",
                stacklevel=2,
            )


def warn_of_disks(wanted: Sequence[tuple[Path, int]]) -> None:
    """Warn of disks with less free space than the bytes that are wanted in folders on them."""
    sums: dict[int, int] = {}
    for place, count in wanted:
        disk = existing(place).stat().st_dev
        sums[disk] = sums.get(disk, 0) + count
    for disk, count in sums.items():
        place = next(place for place, _ in wanted if existing(place).stat().st_dev == disk)
        if (free := shutil.disk_usage(existing(place)).free) < count:
            warnings.warn(
                f"the disk of {place} has {bytes_text(free)} free, and the training may need {bytes_text(count)} "
                "there, unless its images are prepared already: take another --out or DYMAP_CACHE, or a "
                "smaller --ratio",
                stacklevel=2,
            )


class Forecast:
    """Listens to the first steps, and says once how long all of them will take, if that is more than an hour."""

    def __init__(
        self,
        config: Config,
        say: Say,
        minutes: float | None = None,
        left: Callable[[StepReport], float] | None = None,
    ):
        """minutes: after which the training ends anyway. left: how many steps are left, one after the other; default
        those after the reported one."""
        self.left = left or (lambda report: config.train.steps - report.step - 1)
        self.config, self.say, self.minutes = config, say, minutes
        self._seconds: list[float] = []
        self._told = False

    def __call__(self, report: StepReport) -> None:
        if self._told:
            return
        self._seconds.append(report.seconds)
        if len(self._seconds) < STEPS and sum(self._seconds) < SECONDS:
            return
        self._told = True
        step = sorted(self._seconds)[len(self._seconds) // 2]  # the first may be much slower than the others
        left = step * self.left(report)
        if left < HOUR:
            return
        text = f"a step takes {step:.2g} s here: the {self.config.train.steps} steps will take {duration(left)}"
        if left > DAY and self.minutes is None:
            warnings.warn(f"{text}; Ctrl-C saves and ends{offer(self.config)}", stacklevel=2)
        else:
            self.say(text)


def offer(config: Config) -> str:
    """The lighter preset, for a run that is not of that size anyway."""
    light = PRESETS[LIGHT].field
    heavy = config.field.plane_size > light.plane_size or config.field.width > light.width
    return f", or --preset {LIGHT}, which takes about 17 minutes on one CPU core" if heavy else ""


def free_memory(device: torch.device) -> int | None:
    """Bytes of memory that a training on the device can have; None: the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return None


def existing(place: Path) -> Path:
    """The folder itself, or the nearest above it that is there already."""
    place = place.absolute()
    return next((folder for folder in (place, *place.parents) if folder.is_dir()), place)


def duration(seconds: float) -> str:
    """A long time in words."""
    return f"about {seconds / DAY:.0f} days" if seconds >= 2 * DAY else f"about {seconds / HOUR:.0f} hours"
