"""Baking a clip of several segments: side by side, and then into one file.

segment -> its process -> RUN/segments/NNN/exact.dymap -> one file, into which one segment after the other is packed
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.capture import Source, read_source
from dymap.config import Config
from dymap.errors import InputError
from dymap.field.segment import Segment
from dymap.runs.baked import baked_clip, baked_video
from dymap.runs.baking_field import bake_field, open_if_needed
from dymap.runs.bars import Bars, no_bars
from dymap.runs.coarseness import coarseness_of
from dymap.runs.commands import command
from dymap.runs.folder import RunFolder
from dymap.runs.packing import about_training, with_poster
from dymap.runs.process import pick_device
from dymap.runs.segments import SegmentRun
from dymap.runs.tasks import Channel, Engine, Place, Task
from dymap.train.checkpoint import newest_step
from dymap.video.clip import BakedVideo
from dymap.video.model_file import SUFFIX, load_exact, save_video
from dymap.video.packing import save_packed


def bake_clip(
    folder: RunFolder,
    path: Path,
    place: Path,
    source: Source,
    segments: Sequence[SegmentRun],
    engine: Engine,
    progress: Bars,
) -> tuple[int, float]:
    """Bake segments side by side, then all of them into one file, from which each is read again when it is written.

    Returns the steps that the least trained one has done, and the share of voxels that are occupied. Raises the first
    error of a segment.
    """
    record, where = folder.read(), engine.places(len(segments))
    tasks = [
        Task(one.name, partial(bake_part, place, folder, one), f"{command('bake', folder.root)} begins again")
        for one in segments
    ]
    baked, steps = [0] * len(segments), [0] * len(segments)
    frames = len(source.frames)
    with ExitStack() as opened:
        for one in segments:
            opened.callback(exact_file(one).unlink, missing_ok=True)
        with progress("bake") as update:

            def told(number: int, done: int) -> None:
                baked[number] = done
                update(sum(baked), sum(one.span.frames for one in segments))

            parts = engine.run(tasks, where, told)
        boxes, occupied = np.zeros((frames, 2, 3), np.float32), np.zeros(frames, np.float32)
        for number, (one, part) in enumerate(zip(segments, parts, strict=True)):
            assert part
            steps[number], boxes[slice(*one.span)], occupied[slice(*one.span)] = part
        about = about_training(record.preset, min(steps), record.config.train.seed)
        at, _ = engine.here(where)
        clip = baked_clip(
            [one.span for one in segments],
            partial(load_part, segments, at),
            torch.from_numpy(boxes).to(at),
            record.config,
            source,
            about,
        )
        write_clip(path, clip, record.config)
        clip.close()
    return min(steps), float(occupied.mean())


def write_clip(path: Path, clip: BakedVideo, config: Config) -> None:
    """Write a clip as the small file that streams."""
    save_packed(path, with_poster(clip), coarseness_of(config.train, clip))


def exact_file(one: SegmentRun) -> Path:
    """Where a baked segment is until the clip is written."""
    return one.run.root / f"exact{SUFFIX}"


def load_part(segments: Sequence[SegmentRun], device: torch.device, k: int) -> Segment:
    """Segment k, as it was baked."""
    return load_exact(exact_file(segments[k]), device).segment(0)


def bake_part(
    data: Path, folder: RunFolder, one: SegmentRun, at: Place, channel: Channel
) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """What a task does: bake a segment to its exact file. Returns the steps it was trained for, its
    boxes [frames, 2, 3], and of each frame the share of voxels that are occupied."""

    def update(done: int, total: int, note: str = "") -> None:  # noqa: ARG001
        channel.tell(done)

    where = pick_device(at.device, at.threads)
    config = folder.read().config
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who started this process has said them
        whole = open_if_needed(data, config, no_bars)
    source = (whole.source if whole else read_source(data, config.capture)).select((*one.span, 1))
    part = whole.window(*one.span) if whole else None
    field, occupancy, step = bake_field(one.run, part, one.span.frames, where, lambda _: nullcontext(update))
    save_video(exact_file(one), baked_video(field, occupancy, one.run.read().config, source, one.name))
    return step, field.boxes.cpu().numpy(), occupancy.float().mean(dim=(1, 2, 3)).cpu().numpy()


def refuse_exact(folder: RunFolder, asked: bool) -> None:
    """Raise InputError if a clip of several segments is to be a file of version 1, which holds one field."""
    if asked:
        raise InputError(
            f"{folder.root}: --exact and --half write a file of one field, and this clip has several segments: they "
            f"can be baked one by one, {command('bake', folder.segment(0).root, '--exact')}"
        )


def check_all_trained(folder: RunFolder, segments: Sequence[SegmentRun]) -> None:
    """Raise InputError if a segment is not trained at all."""
    untrained = [one for one in segments if not newest_step(one.run.checkpoints)]
    if untrained:
        raise InputError(
            f"{folder.root}: nothing trained yet of {untrained[0].name}; `{command('train', '--out', folder.root)}` "
            "goes on"
        )
