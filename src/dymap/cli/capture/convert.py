"""dymap capture convert: a capture in another layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.cli.options import Assignments
from dymap.cli.progress import progress_bar
from dymap.config import Config
from dymap.runs.commands import command


def convert(
    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of a capture in any layout.")],
    out: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder to make.")],
    to: Annotated[Literal["easymocap", "zjumocap", "transforms"], tyro.conf.arg(help="Layout to write.")],
    frames: Annotated[tuple[int, int, int] | None, tyro.conf.arg(help="First, end (-1: all) and step.")] = None,
    unit: Annotated[Literal["mm", "m"] | None, tyro.conf.arg(help="Unit of the cameras' T in annots.npy.")] = None,
    set: Assignments = (),
) -> int:
    """Write a capture in another layout; pictures stay as they are, files that every program reads to the bit."""
    options = {"capture.frames": frames, "capture.options.unit": unit}
    made = runs.convert_capture(
        source, out, to, config=runs.configure(Config(), options, set).capture, progress=progress_bar
    )
    for sentence in made.told:
        say(sentence)
    say(f"{made.folder}: {made.frames} frames of {made.cameras} cameras, {to} (from {made.layout})")
    say(f"next: {command('info', made.folder)}")
    return 0
