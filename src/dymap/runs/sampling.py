"""`dymap.runs.sample`: the built-in sample capture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dymap.errors import InputError
from dymap.runs.bars import Bars, no_bars
from dymap.runs.commands import command
from dymap.runs.training_command import held_out
from dymap.sample import write_sample


@dataclass(frozen=True)
class Sampled:
    """What was written. size: width and height of the images. following: the command that comes next."""

    folder: Path
    frames: int
    views: int
    size: int
    following: str


def sample(out: str | Path, *, size: int = 512, frames: int = 24, views: int = 16, progress: Bars = no_bars) -> Sampled:
    """Write the built-in sample: a dancer, ray-traced exactly, in the ZJU-MoCap layout.

    Raises InputError for a folder that holds anything else.
    """
    if min(size // 32, frames, views // 3) < 1:
        raise InputError("the sample needs --size 32 or more, --frames 1 or more and --views 3 or more")
    try:
        with progress("sample") as update:
            path = write_sample(out, frames=frames, views=views, size=size, progress=update)
    except FileExistsError as error:
        raise InputError(str(error)) from None
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror or error})") from None
    run = Path("runs") / path.resolve().name
    kept = held_out(views)
    told = ("--test-views", *kept) if kept else ()
    following = command("train", "--preset", "small", "--data", path, "--out", run, *told)
    return Sampled(path, frames, views, size, following)
