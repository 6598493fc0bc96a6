"""The command that trains on a capture, with the options that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dymap.capture.check import check_source
from dymap.capture.source import Source
from dymap.runs.commands import command

FEW = 6
"""Cameras below which none is kept for evaluation unless it is asked for."""


def training_command(data: Path, source: Source, asked: Sequence[str] = ()) -> str:
    """The command that trains on a capture. asked: options with which it was read, as of `asked_options`."""
    kept = [] if source.test_views else held_out(len(source.cameras))
    views = ("--test-views", *kept) if kept else ()
    rate = ("--fps", f"{source.fps:g}") if source.fps and "--fps" not in asked else ()
    out = Path("runs") / data.resolve().name
    return command("train", "--preset", "small", "--data", data, "--out", out, *views, *rate, *asked, *needed(source))


def needed(source: Source) -> list[str]:
    """The options without which a training on a capture would go wrong, to be added to its command."""
    # A person's box between the cameras is enough to tell the units, and nothing is carved for it.
    centre = np.mean([camera.position for camera in source.cameras], axis=0)
    boxes = np.tile(np.stack([centre - 1, centre + 1]).astype(np.float32), (len(source.frames), 1, 1))
    units = {finding.option for finding in check_source(source, boxes) if finding.option.startswith("--unit")}
    return [word for option in sorted(units) for word in option.split()]


def held_out(views: int) -> list[str]:
    """Every fourth view, from the fourth on: a usual choice of test views; none of few, which are all needed."""
    return [str(view) for view in range(3, views, 4)] if views >= FEW else []
