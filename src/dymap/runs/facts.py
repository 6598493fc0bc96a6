"""`dymap.runs.info`: what a folder or a file is, in rows of a name and a value, the next command among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from dymap.capture import Source, read_source
from dymap.capture.boxes import boxes_from, tight_boxes, widened_boxes
from dymap.capture.check import check_source
from dymap.capture.check.height import height, length
from dymap.capture.layouts import is_capture
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import read_json
from dymap.geometry.box import size_in_metres
from dymap.runs.commands import command
from dymap.runs.folder import RunFolder
from dymap.runs.machine import machine_rows
from dymap.runs.packed_facts import Rows, packed_rows
from dymap.runs.segments import SegmentRun, begun_segments
from dymap.runs.things import check_known
from dymap.runs.training_command import needed, training_command
from dymap.train.checkpoint import checkpoints, newest_step
from dymap.video.container import has_magic
from dymap.video.model_file import SUFFIX, load_video

MOST_SEGMENTS = 8
"""That are not finished, so many are told of."""
MOST_FINDINGS = 3
"""Of what is wrong with a capture, so many are told: a wrong camera is wrong in every frame."""


def info(path: str | Path | None = None) -> Rows:
    """What a run, a capture or a baked file is: cameras, frames, sizes, state and the next command.

    Without a path: what dymap itself runs on. Raises InputError for anything else.
    """
    if path is None:
        return machine_rows()
    place = Path(path)
    if place.is_file():
        check_known(place)
        return video_rows(place)
    if RunFolder(place).exists():
        return run_rows(RunFolder(place))
    if is_capture(place):
        return capture_rows(place)
    check_known(place)
    raise InputError(f"{place}: neither a run (config.json), nor a capture, nor a baked file ({SUFFIX})")


def capture_rows(path: Path) -> Rows:
    """Of a capture: nothing is prepared."""
    source = read_source(path, CaptureConfig())
    sizes = sorted({f"{camera.width} x {camera.height}" for camera in source.cameras})
    return [
        ("capture", f"{path} ({source.layout})"),
        ("cameras", f"{len(source.cameras)} of {', '.join(sizes)}"),
        ("distorted", f"{sum(camera.distorted for camera in source.cameras)} lenses"),
        ("frames", f"{len(source.frames)}, numbers {source.frames[0]} to {source.frames[-1]}"),
        ("masks", "yes" if source.has_masks else "no"),
        ("vertices", "yes" if source.has_points else "no"),
        *box_rows(path, source),
        ("next", training_command(path, source)),
    ]


def box_rows(path: Path, source: Source) -> Rows:
    """The person's box as training would make it, and what is wrong with it; from masks, that of the first frame."""
    words = needed(source)
    options = {"unit": words[words.index("--unit") + 1]} if "--unit" in words else {}
    config = CaptureConfig(options=options)
    try:
        if (origin := boxes_from(source, config)) == "hull":
            config = replace(config, frames=(0, 1, 1))
        read = read_source(path, config)
        tight = tight_boxes(read, config)
    except InputError as error:
        return [("box", f"none: {error}")]
    boxes = widened_boxes(tight, origin, config)
    note = (
        ", the median of all frames" if len(boxes) > 1 else ", of the first frame's masks" if origin == "hull" else ""
    )
    findings = islice(check_source(read, boxes, tight), MOST_FINDINGS)
    note += f"; {length(height(read, tight))} tall" + ("" if origin == "own" else " before padding")
    return [("box", size_in_metres(boxes) + note), *(("warning", finding.text) for finding in findings)]


def run_rows(run: RunFolder) -> Rows:
    """Of a run: how far it is."""
    record = run.read()
    found = bool(checkpoints(run.checkpoints))
    segments = begun_segments(run)
    steps = record.config.train.steps
    counts = [newest_step(one.run.checkpoints) for one in segments]
    found, done = (any(counts), min(counts)) if segments else (found, newest_step(run.checkpoints))
    there = record.source is None or record.source.exists()
    moved = () if there else ("--data", "DIR")
    rows = [
        ("run", f"{run.root} (preset {record.preset})"),
        ("capture", f"{record.source or 'none'}{'' if there else ' (not there; --data says where it is now)'}"),
        ("trained", f"{done} of {steps} steps" if found else "no checkpoint"),
        *([("segments", segments_text(segments, counts, steps))] if segments else []),
    ]
    if run.model.exists():
        rows += video_rows(run.model)[:-1]
    metrics = run.evaluation / "metrics.json"
    if metrics.exists():
        rows.append(("evaluated", means_text(read_json(metrics))))
    if done < steps and not (run.model.exists() and not found):
        following = command("train", "--out", run.root, *moved)
    elif not run.model.exists():
        following = command("bake", run.root, *moved)
    elif not metrics.exists() and record.source and record.config.capture.test_views:
        following = command("evaluate", run.root, *moved)
    else:
        following = command("render", run.root)
    return [*rows, ("next", following)]


def segments_text(segments: Sequence[SegmentRun], counts: Sequence[int], steps: int) -> str:
    """How far each segment is, those that are finished in one number."""
    open_ones = [
        f"{one.number} (frames {one.span.first} to {one.span.stop - 1}): {count}"
        for one, count in zip(segments, counts, strict=True)
        if count < steps
    ]
    rest = f"; {', '.join(open_ones[:MOST_SEGMENTS])}" if open_ones else ""
    more = f" and {len(open_ones) - MOST_SEGMENTS} more" if len(open_ones) > MOST_SEGMENTS else ""
    return f"{len(segments)} of {segments[0].span.frames} frames, {len(segments) - len(open_ones)} finished{rest}{more}"


def means_text(metrics: Any) -> str:
    """The means that a metrics.json holds, whoever wrote it."""
    mean = metrics.get("mean") if isinstance(metrics, dict) else None
    if not isinstance(mean, dict):
        return "metrics.json holds no means; dymap evaluate writes it anew"
    return ", ".join(f"{key} {value:.3f}" for key, value in mean.items() if isinstance(value, int | float))


def video_rows(path: Path) -> Rows:
    """Of a baked file; of one of version 2 only the header is read."""
    if has_magic(path):
        return packed_rows(path)
    baked = load_video(path)
    frames, cameras, grid = baked.frames, baked.cameras, baked.bake.grid
    return [
        ("video", f"{path}, {path.stat().st_size / 1e6:.1f} MB"),
        ("scene", baked.name),
        ("frames", f"{len(frames)} at {baked.fps:g} fps, numbers {frames[0]} to {frames[-1]}"),
        ("cameras", f"{len(cameras)} of {cameras[0].width} x {cameras[0].height}" if cameras else "none"),
        ("box", size_in_metres(baked.boxes.cpu().numpy()) + ", the median of all frames"),
        ("occupancy", " x ".join(map(str, grid))),
        ("next", command("render", path)),
    ]
