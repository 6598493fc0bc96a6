"""dymap train: from a capture to a trained field."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import Address, Device, Threads, console, say
from dymap.cli.options import Assignments, Configuration
from dymap.cli.progress import progress_bar
from dymap.config import HOST, INTERRUPTED, PORT, EngineName
from dymap.runs.bars import no_bars, say_nothing
from dymap.runs.commands import command


def train(
    data: Annotated[Path | None, tyro.conf.arg(help="Folder of the capture; a run that goes on knows its own.")] = None,
    out: Annotated[
        Path | None,
        tyro.conf.arg(help="Folder of the run; one that is there already goes on. Default: runs/CAPTURE/PRESET."),
    ] = None,
    preset: Annotated[
        str | None,
        tyro.conf.arg(help="Experiment to start from: tiny, small (the default), zjumocap/313, nhr/sport1, ..."),
    ] = None,
    test_views: Annotated[tuple[int, ...], tyro.conf.arg(help="Views to keep for evaluation.")] = (),
    test_frame_step: Annotated[int | None, tyro.conf.arg(help="Evaluate every n-th frame.")] = None,
    ratio: Annotated[float | None, tyro.conf.arg(help="Resize images by this.")] = None,
    frames: Annotated[tuple[int, int, int] | None, tyro.conf.arg(help="First, end (-1: all) and step.")] = None,
    fps: Annotated[float | None, tyro.conf.arg(help="Frames a second of the capture.")] = None,
    boxes: Annotated[
        Literal["auto", "vertices", "hull", "own"] | None,
        tyro.conf.arg(help="Boxes from body vertices, the masks' hull or the layout; auto: what there is."),
    ] = None,
    unit: Annotated[Literal["mm", "m"] | None, tyro.conf.arg(help="Unit of the cameras' T on disk.")] = None,
    colour_match: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(help="Learn how the colours of the cameras differ, and leave that out of the video."),
    ] = False,
    steps: Annotated[int | None, tyro.conf.arg(help="Training steps; more of them lengthen a finished run.")] = None,
    minutes: Annotated[float | None, tyro.conf.arg(help="Stop after this time; run again to go on.")] = None,
    segment: Annotated[
        int | None, tyro.conf.arg(help="Frames of a segment: longer clips are a row of fields; 0: one field.")
    ] = None,
    rate: Annotated[
        float | None, tyro.conf.arg(help="Train for a small file: MB a frame that the model is to take.")
    ] = None,
    seed: Annotated[int | None, tyro.conf.arg(help="Seed of all random draws.")] = None,
    processes: Annotated[
        int | None, tyro.conf.arg(help="Processes that train together, each on a GPU of its own or on the CPU.")
    ] = None,
    only_segments: Annotated[
        tuple[int, ...], tyro.conf.arg(help="Train only these segments here; other machines may train the others.")
    ] = (),
    check: Annotated[
        bool, tyro.conf.arg(help="Look for what is wrong with the capture before a new run, and warn.")
    ] = True,
    view: Annotated[
        bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Show the field in a browser while it trains.")
    ] = False,
    view_host: Annotated[str, tyro.conf.arg(help="Address at which it is shown, see dymap view --host.")] = HOST,
    view_port: Annotated[int, tyro.conf.arg(help="Port at which it is shown; 0: any that is free.")] = PORT,
    set: Assignments = (),
    engine: Annotated[
        EngineName, tyro.conf.arg(help="Who trains segments: processes of this machine, or Ray (extra cluster).")
    ] = "pool",
    address: Address = None,
    device: Device = "auto",
    threads: Threads = 0,
    *,
    config: Configuration,
) -> int:
    """Train a field on a capture. Ctrl-C saves; the same command goes on, or dymap train --out RUN.

    On several GPUs: --processes, or torchrun --nproc_per_node N -m dymap train ...
    """
    options = {
        "capture.test_views": test_views or None,
        "capture.test_frame_step": test_frame_step,
        "capture.ratio": ratio,
        "capture.frames": frames,
        "capture.fps": fps,
        "capture.boxes": boxes,
        "capture.options.unit": unit,
        "train.colour_match": colour_match or None,
        "train.steps": steps,
        "train.segment": segment,
        "train.rate": rate,
        "train.seed": seed,
    }
    trained = runs.train(
        data,
        out,
        preset=preset,
        config=runs.configure(config, options, set),
        processes=processes,
        only_segments=only_segments,
        minutes=minutes,
        check=check,
        view=(view_host, view_port) if view else None,
        engine=engine,
        address=address,
        device=device,
        threads=threads,
        progress=no_bars if console.quiet else progress_bar,  # other processes have a terminal of their own
        say=say_nothing if console.quiet else say,
    )
    if trained.leads:
        say(end_of(trained))
    return INTERRUPTED if trained.interrupted else 0


def end_of(trained: runs.Trained) -> str:
    """How a training ended, and what comes next."""
    if trained.finished:
        following = command("train", "--out", trained.run) if trained.unfinished else command("bake", trained.run)
        others = f"; {trained.unfinished} of {trained.segments} segments are not finished" if trained.unfinished else ""
        return f"trained {trained.done} of {trained.steps} steps{others}; next: {following}"
    return (
        f"stopped and saved after {trained.done} of {trained.steps} steps; the same command goes on, or "
        f"{command('train', '--out', trained.run)}"
    )
