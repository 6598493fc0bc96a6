"""`dymap.runs.train`: from a capture to a trained field, in a folder that the same call resumes.

    capture -> new field -> train.loop, with curves, previews and checkpoints -> Trained

One process trains in place. Several are started here, or were by torchrun; each does what one does, and the leading one
reports for all. A long clip is cut into segments, which train side by side.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from dymap.capture import read_source
from dymap.config import Config, EngineName
from dymap.errors import InputError
from dymap.presets import DEFAULT
from dymap.presets import preset as find_preset
from dymap.runs.bars import Bars, Say, no_bars, say_nothing
from dymap.runs.beginning import check_preset, find_run
from dymap.runs.capture_checking import warnings_of
from dymap.runs.captures import as_recorded, check_known_capture, find_capture
from dymap.runs.configuration import configure
from dymap.runs.engines import open_engine
from dymap.runs.extent import read_new
from dymap.runs.lock import only_training
from dymap.runs.segments import chosen, segments_of, steps_done
from dymap.runs.training_process import Job, Trained, train_in_place
from dymap.runs.training_processes import train_in_processes
from dymap.runs.training_segments import train_in_segments
from dymap.runs.viewing import check_view
from dymap.train.distributed import LostError, PeerError, Rank
from dymap.train.step import NotFiniteError

FAILURES = (NotFiniteError, LostError)
"""What training can raise besides InputError: its sentence is for the user too."""
PEER_FAILURE = PeerError
"""What it raises under torchrun if another process has failed, whose error says why."""


def train(
    data: str | Path | None = None,
    out: str | Path | None = None,
    *,
    preset: str | None = None,
    config: Config | None = None,
    options: Mapping[str, Any] | None = None,
    processes: int | None = None,
    only_segments: Sequence[int] = (),
    engine: EngineName = "pool",
    address: str | None = None,
    minutes: float | None = None,
    check: bool = True,
    view: tuple[str, int] | None = None,
    device: str = "auto",
    threads: int = 0,
    progress: Bars = no_bars,
    say: Say = say_nothing,
) -> Trained:
    """Train a field on a capture; a run that is there already goes on. Ctrl-C ends it after the step, saved.

    dymap.runs.train("my_capture", preset="small", options={"train.steps": 500, "capture.test_views": (3, 11)})
    dymap.runs.train(out="runs/my_capture/small")  # goes on with all that the run remembers

    data: the capture, default where the run's is; it may have moved. out: folder of the run, default
    runs/CAPTURE/PRESET. preset: default small. config: all options, default those of the run, or the preset's. options:
    dotted key -> value, on top. A finished run gets longer with more `train.steps`. processes: that train together,
    default as the configuration says. only_segments: of a long clip, which of its segments; others may be trained
    elsewhere at the same time, in the same folder. engine: who trains segments: processes of this machine, or a cluster
    of Ray at an `address` (None: that of RAY_ADDRESS, or one that is started here). minutes: stop after that time.
    check: look for what is wrong with the capture before a new run begins, and warn. view: host and port at which
    browsers see the field while it trains (`("127.0.0.1", 8080)`). device: auto, cpu, cuda, cuda:1,
    mps. threads: of the CPU, 0: as many as torch takes by itself, or for segments as there are cores. progress, say:
    importable functions if there are several processes, in which they are called.

    Raises InputError (also if another process trains in that folder), NotFiniteError, and LostError if a process is
    gone.
    """
    own = Rank.from_torchrun()
    if own and processes not in (None, own.world_size):
        raise InputError(f"torchrun has started {own.world_size} processes; leave --processes {processes} away")
    if minutes is not None and not minutes >= 0:
        raise InputError(f"--minutes {minutes:g}: expected 0 or more")
    if view and (own is None or own.rank == 0):
        check_view(view)
    folder = find_run(out, data, preset)
    begun = folder.read() if data is None or folder.exists() else None
    source = None
    if begun:
        check_preset(begun, preset)
    name = begun.preset if begun else preset or DEFAULT
    config = configure(config or (begun.config if begun else find_preset(name)), options or {})
    config = configure(config, {"train.processes": own.world_size if own else processes})
    if begun:
        place = find_capture(folder, data)
        config = replace(config, capture=as_recorded(config.capture, place, begun.config.capture))
        folder.check(config, steps_done(folder))
        if config.train.segment:
            source = read_source(place, config.capture)
    else:
        place = Path(data or "")
        check_known_capture(place, config.capture)
        source = read_new(place, config, name)
        if check and (own is None or own.rank == 0):
            for sentence in warnings_of(source, config.capture):
                warnings.warn(f"{place}: {sentence}", stacklevel=2)
    if out is None and (own is None or own.rank == 0):
        say(f"the run is in {folder.root} (--out chooses another folder)")
    job = Job(place, config, folder, name, device, threads, minutes, progress, say, source, view=view)
    if source and (segments := segments_of(folder, config, len(source.frames))):
        chosen(segments, only_segments)
        if own:
            raise InputError(
                "torchrun trains one field; the segments of a clip train side by side by themselves, or a part of them "
                "on each machine (--only-segments); for one field: --segment 0"
            )
        with (
            nullcontext() if only_segments else only_training(folder.root),
            open_engine(engine, address, device, threads) as runner,
        ):
            return train_in_segments(job, runner, only_segments)
    chosen([], only_segments)
    refuse_engine(engine, folder.root)
    if own and own.rank > 0:  # the leading process has the folder, and torchrun ends the others if it is refused
        return train_in_place(job, own)
    with only_training(folder.root):
        if own or config.train.processes == 1:
            return train_in_place(job, own or Rank())
        return train_in_processes(job)


def refuse_engine(engine: EngineName, run: Path) -> None:
    """Raise InputError for a cluster that would have nothing to share out."""
    if engine != "pool":
        raise InputError(
            f"--engine {engine} shares out the segments of a clip, but one field holds the whole clip of {run}: leave "
            "it away, or cut the clip: --segment N"
        )
