"""Baking a clip of several segments: side by side, and then into one file.

segment -> its process -> RUN/segments/NNN/exact.dymap -> one file, into which one segment after the other is packed
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dymap.capture import Source, read_source
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
from dymap.video.model_file import SUFFIX, load_exact, save_video
from dymap.video.packing import save_packed


class BakedPart(NamedTuple):
    """What is known of a baked segment. boxes: [frames, 2, 3]; occupied: [frames] share of voxels; the others as of
    BakedField."""

    step: int
    boxes: NDArray[np.float32]
    occupied: NDArray[np.float32]
    coarseness: float | None


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
    baked = [0] * len(segments)
    frames = len(source.frames)
    with ExitStack() as opened:
        for one in segments:
            opened.callback(exact_file(one).unlink, missing_ok=True)
        with progress("bake") as update:

            def told(number: int, done: int) -> None:
                baked[number] = done
                update(sum(baked), sum(one.span.frames for one in segments))

            parts = [part for part in engine.run(tasks, where, told) if part]
        boxes, occupied = np.zeros((frames, 2, 3), np.float32), np.zeros(frames, np.float32)
        for one, part in zip(segments, parts, strict=True):
            boxes[slice(*one.span)], occupied[slice(*one.span)] = part.boxes, part.occupied
        least = min(part.step for part in parts)
        about = about_training(record.preset, least, record.config.train.seed)
        at, _ = engine.here(where)
        clip = baked_clip(
            [one.span for one in segments],
            partial(load_part, segments, at),
            torch.from_numpy(boxes).to(at),
            record.config,
            source,
            about,
        )
        save_packed(path, with_poster(clip), coarseness_of(clip, [part.coarseness for part in parts]))
        clip.close()
    return least, float(occupied.mean())


def exact_file(one: SegmentRun) -> Path:
    """Where a baked segment is until the clip is written."""
    return one.run.root / f"exact{SUFFIX}"


def load_part(segments: Sequence[SegmentRun], device: torch.device, k: int) -> Segment:
    """Segment k, as it was baked."""
    return load_exact(exact_file(segments[k]), device).segment(0)


def bake_part(data: Path, folder: RunFolder, one: SegmentRun, at: Place, channel: Channel) -> BakedPart:
    """What a task does: bake a segment to its exact file."""

    def update(done: int, total: int, note: str = "") -> None:  # noqa: ARG001
        channel.tell(done)

    where = pick_device(at.device, at.threads)
    config = folder.read().config
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who started this process has said them
        whole = open_if_needed(data, config, no_bars)
    source = (whole.source if whole else read_source(data, config.capture)).select((*one.span, 1))
    part = whole.window(*one.span) if whole else None
    made = bake_field(one.run, part, one.span.frames, where, lambda _: nullcontext(update))
    save_video(exact_file(one), baked_video(made.field, made.occupancy, one.run.read().config, source, one.name))
    occupied = made.occupancy.float().mean(dim=(1, 2, 3)).cpu().numpy()
    return BakedPart(made.step, made.field.boxes.cpu().numpy(), occupied, made.coarseness)


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
