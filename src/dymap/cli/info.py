"""dymap info: what is this?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import say


def info(
    path: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(help="A run, a capture or a baked file.")] = None,
) -> int:
    """Say what a run, a capture or a baked file is: cameras, frames, sizes, state and the next command.

    Without a path: what dymap itself runs on.
    """
    for name, value in runs.info(path):
        say(f"{name:<11}{value}")
    return 0
