"""dymap capture check: what is wrong with a capture?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.cli.options import Assignments
from dymap.cli.progress import progress_bar
from dymap.config import Config

WARNINGS, GROSS = 3, 4
"""Exit codes: only notes were made; something is grossly wrong. 0: nothing was; 1: it cannot be read."""


def check(
    data: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(help="Folder of the capture.")],
    page: Annotated[Path | None, tyro.conf.arg(help="HTML page to write: rig, pictures and curves.")] = None,
    json: Annotated[Path | None, tyro.conf.arg(help="File to write the findings and their numbers to.")] = None,
    fix: Annotated[
        Path | None, tyro.conf.arg(help="Folder to write a corrected capture to, if that is certain.")
    ] = None,
    frames: Annotated[tuple[int, int, int] | None, tyro.conf.arg(help="First, end (-1: all) and step.")] = None,
    unit: Annotated[Literal["mm", "m"] | None, tyro.conf.arg(help="Unit of the cameras' T on disk.")] = None,
    set: Assignments = (),
) -> int:
    """Say what is wrong with a capture: cameras, masks, pictures, times. Exit code: 0 nothing, 3 notes, 4 gross."""
    options = {"capture.frames": frames, "capture.options.unit": unit}
    config = runs.configure(Config(), options, set)
    found = runs.check_capture(data, config.capture, page=page, json=json, fix=fix, progress=progress_bar)
    for finding in found.findings:
        say(f"{'GROSS' if finding.gross else 'note'}: {finding.text}")
    say(f"{data}: {found.summary}")
    for written in (found.page, found.json):
        if written is not None:
            say(f"wrote {written}")
    if found.fixed is not None:
        say(f"{found.fixed}: a corrected copy; it differs in {', '.join(map(repr, found.repaired))}")
    if found.following:
        say(f"next: {found.following}")
    return GROSS if found.gross else WARNINGS if found.findings else 0
