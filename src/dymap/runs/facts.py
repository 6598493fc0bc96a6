"""`dymap.runs.info`: what a folder or a file is, in rows of a name and a value, the next command among them."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import torch

from dymap._version import __version__
from dymap.capture import Source, read_source
from dymap.capture.check import check_source
from dymap.capture.layouts import is_capture
from dymap.config import CaptureConfig
from dymap.errors import InputError
from dymap.files import read_json
from dymap.kernels import describe
from dymap.runs.folder import RunFolder
from dymap.runs.things import check_known
from dymap.train.checkpoint import checkpoints
from dymap.video.model_file import SUFFIX, load_video

Rows = list[tuple[str, str]]
"""(name, value), to be read from top to bottom."""


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


def machine_rows() -> Rows:
    """What dymap runs on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return [
        ("dymap", __version__),
        ("kernels", describe()),
        ("python", platform.python_version()),
        ("torch", f"{torch.__version__}, {torch.get_num_threads()} threads"),
        ("GPU", gpu),
    ]


def capture_rows(path: Path) -> Rows:
    """Of a capture: nothing is prepared."""
    source = read_source(path, CaptureConfig())
    views = "" if source.test_views else f" --test-views {held_out(len(source.cameras))}"
    command = f"dymap train --preset small --data {path} --out runs/{path.name}"
    sizes = sorted({f"{camera.width} x {camera.height}" for camera in source.cameras})
    return [
        ("capture", f"{path} ({source.layout})"),
        ("cameras", f"{len(source.cameras)} of {', '.join(sizes)}"),
        ("distorted", f"{sum(camera.distorted for camera in source.cameras)} lenses"),
        ("frames", f"{len(source.frames)}, numbers {source.frames[0]} to {source.frames[-1]}"),
        ("masks", "yes" if source.has_masks else "no"),
        ("vertices", "yes" if source.has_points else "no: use --boxes hull"),
        ("next", f"{command}{views}{needed(source)}"),
    ]


def needed(source: Source) -> str:
    """The options without which a training on a capture would go wrong, to be added to its command."""
    # A person's box between the cameras is enough to tell the units, and nothing is carved for it.
    centre = np.mean([camera.position for camera in source.cameras], axis=0)
    boxes = np.tile(np.stack([centre - 1, centre + 1]).astype(np.float32), (len(source.frames), 1, 1))
    found = "" if source.has_points else " --boxes hull"
    units = {finding.option for finding in check_source(source, boxes) if finding.option.startswith("--unit")}
    return found + "".join(f" {option}" for option in sorted(units))


def held_out(views: int) -> str:
    """Every fourth view, from the fourth on: a usual choice of test views."""
    return " ".join(str(view) for view in range(3, views, 4)) or "0"


def run_rows(run: RunFolder) -> Rows:
    """Of a run: how far it is."""
    record = run.read()
    found = checkpoints(run.checkpoints)
    done = found[-1][0] if found else 0
    rows = [
        ("run", f"{run.root} (preset {record.preset})"),
        ("capture", str(record.source or "none")),
        ("trained", f"{done} of {record.config.train.steps} steps" if found else "no checkpoint"),
    ]
    if run.model.exists():
        rows += video_rows(run.model)[:-1]
    metrics = run.evaluation / "metrics.json"
    if metrics.exists():
        mean = read_json(metrics)["mean"]
        rows.append(("evaluated", ", ".join(f"{k} {v:.3f}" for k, v in mean.items() if v is not None)))
    if done < record.config.train.steps and not (run.model.exists() and not found):
        command = f"dymap train --data {record.source} --out {run.root} (with the options it was begun with)"
    elif not run.model.exists():
        command = f"dymap bake {run.root}"
    elif not metrics.exists():
        command = f"dymap evaluate {run.root}"
    else:
        command = f"dymap render {run.root}"
    return [*rows, ("next", command)]


def video_rows(path: Path) -> Rows:
    """Of a baked file."""
    baked = load_video(path)
    frames, cameras, grid = baked.frames, baked.cameras, baked.bake.grid
    return [
        ("video", f"{path}, {path.stat().st_size / 1e6:.1f} MB"),
        ("scene", baked.name),
        ("frames", f"{len(frames)} at {baked.fps:g} fps, numbers {frames[0]} to {frames[-1]}"),
        ("cameras", f"{len(cameras)} of {cameras[0].width} x {cameras[0].height}" if cameras else "none"),
        ("occupancy", " x ".join(map(str, grid))),
        ("next", f"dymap render {path}"),
    ]
