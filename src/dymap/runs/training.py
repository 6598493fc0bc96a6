"""`dymap.runs.train`: from a capture to a trained field, in a folder that the same call resumes.

    capture -> new field -> train.loop, with curves, previews and checkpoints -> Trained

One process trains in place. Several are started here, or were by torchrun; each does what one does, and the leading one
reports for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dymap.capture.layouts import is_capture
from dymap.config import Config
from dymap.errors import InputError
from dymap.presets import preset as find_preset
from dymap.runs.bars import Bars, Say, no_bars, say_nothing
from dymap.runs.capture_checking import warnings_of
from dymap.runs.configuration import configure
from dymap.runs.extent import check_extent
from dymap.runs.folder import RunFolder
from dymap.runs.things import check_known
from dymap.runs.training_process import Job, Trained, train_in_place
from dymap.runs.training_processes import train_in_processes
from dymap.train.distributed import LostError, PeerError, Rank
from dymap.train.step import NotFiniteError

FAILURES = (NotFiniteError, LostError)
"""What training can raise besides InputError: its sentence is for the user too."""
PEER_FAILURE = PeerError
"""What it raises under torchrun if another process has failed, whose error says why."""


def train(
    data: str | Path,
    out: str | Path | None = None,
    *,
    preset: str = "small",
    config: Config | None = None,
    options: Mapping[str, Any] | None = None,
    processes: int | None = None,
    minutes: float | None = None,
    check: bool = True,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
    say: Say = say_nothing,
) -> Trained:
    """Train a field on a capture; a run that is there already goes on. Ctrl-C ends it after the step, saved.

    dymap.runs.train("my_capture", preset="small", options={"train.steps": 500, "capture.test_views": (3, 11)})

    out: folder of the run, default runs/NAME of the capture. config: all options, default the preset's. options: dotted
    key -> value, on top. processes: that train together, default as the configuration says. minutes: stop after that
    time. check: look for what is wrong with the capture before a new run begins, and warn. device: auto, cpu, cuda,
    cuda:1, mps. threads: of the CPU, 0: as many as torch takes by itself. progress, say:
    importable functions if there are several processes, in which they are called.

    Raises InputError, NotFiniteError, and LostError if a process is gone.
    """
    own = Rank.from_torchrun()
    if own and processes not in (None, own.world_size):
        raise InputError(f"torchrun has started {own.world_size} processes; leave --processes {processes} away")
    if minutes is not None and not minutes >= 0:
        raise InputError(f"--minutes {minutes:g}: expected 0 or more")
    config = configure(config or find_preset(preset), options or {})
    config = configure(config, {"train.processes": own.world_size if own else processes})
    folder = RunFolder(Path(out) if out is not None else Path("runs") / Path(data).resolve().name)
    if Path(data).exists() and config.capture.layout == "auto" and not is_capture(Path(data)):
        check_known(Path(data))
    if not folder.exists():
        check_extent(Path(data), config.capture, preset)
        if check and (own is None or own.rank == 0):
            for sentence in warnings_of(Path(data), config.capture):
                warnings.warn(f"{data}: {sentence}", stacklevel=2)
    job = Job(Path(data), config, folder, preset, device, threads, minutes, progress, say)
    if own or config.train.processes == 1:
        return train_in_place(job, own or Rank())
    return train_in_processes(job)
