"""dymap sample: write the built-in sample capture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from dymap.cli.console import console, progress_bar
from dymap.cli.info import held_out
from dymap.errors import InputError
from dymap.sample import write_sample


def sample(
    out: Annotated[Path, tyro.conf.arg(help="Folder to write.")],
    size: Annotated[int, tyro.conf.arg(help="Width and height of the images.")] = 512,
    frames: Annotated[int, tyro.conf.arg(help="Frames of the loop.")] = 24,
    views: Annotated[int, tyro.conf.arg(help="Cameras in the ring.")] = 16,
) -> int:
    """Write the built-in sample: a dancer, ray-traced exactly, in the ZJU-MoCap layout."""
    if min(size // 32, frames, views // 3) < 1:
        raise InputError("the sample needs --size 32 or more, --frames 1 or more and --views 3 or more")
    try:
        with progress_bar("sample") as progress:
            path = write_sample(out, frames=frames, views=views, size=size, progress=progress)
    except FileExistsError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror or error})") from None
    console.print(f"{path}: {frames} frames, {views} views of {size} x {size}")
    console.print(
        f"next: dymap train --preset small --data {path} --out runs/{path.name} --test-views {held_out(views)}"
    )
    return 0
