"""dymap info: what is this?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.clean import lines_of
from dymap.cli.console import say
from dymap.errors import printable
from dymap.runs.sizes import bytes_text


def info(
    path: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(help="A run, a capture or a baked file.")] = None,
    cache: Annotated[bool, tyro.conf.arg(help="Show what the cache holds: prepared images, weights of LPIPS.")] = False,
) -> int:
    """Say what a run, a capture or a baked file is: cameras, frames, sizes, state and the next command.

    Without a path: what dymap itself runs on. --cache: what is in the cache, of all captures or of the one that is
    named; `dymap clean` removes it, but for the weights of LPIPS.
    """
    if cache:
        entries = runs.cache_entries(path)
        say(f"{printable(str(runs.cache_root()))}: {len(entries)} folders, {bytes_text(sum(e.size for e in entries))}")
        for line in lines_of(entries):
            say(line)
        return 0
    for name, value in runs.info(path):
        say(f"{name:<11}{value}")
    return 0
