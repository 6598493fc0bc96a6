"""dymap sample: write the built-in sample capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.cli.progress import progress_bar


def sample(
    out: Annotated[Path, tyro.conf.arg(help="Folder to write.")],
    size: Annotated[int, tyro.conf.arg(help="Width and height of the images.")] = 512,
    frames: Annotated[int, tyro.conf.arg(help="Frames of the loop.")] = 24,
    views: Annotated[int, tyro.conf.arg(help="Cameras in the ring.")] = 16,
) -> int:
    """Write the built-in sample: a dancer, ray-traced exactly, in the ZJU-MoCap layout."""
    made = runs.sample(out, size=size, frames=frames, views=views, progress=progress_bar)
    say(f"{made.folder}: {frames} frames, {views} views of {size} x {size}")
    say(f"next: {made.following}")
    return 0
