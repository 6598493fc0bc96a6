"""dymap clean: empty the cache."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import tyro

from dymap import runs
from dymap.cli.console import say
from dymap.errors import InputError, printable
from dymap.runs.sizes import bytes_text


def clean(
    capture: Annotated[
        tyro.conf.Positional[Path | None], tyro.conf.arg(help="Remove only what was prepared of this capture.")
    ] = None,
    older_than: Annotated[float | None, tyro.conf.arg(help="Remove only what was not used for so many days.")] = None,
    weights: Annotated[
        bool, tyro.conf.arg(help="Remove the weights of LPIPS too: only --download-lpips fetches them again.")
    ] = False,
    yes: Annotated[bool, tyro.conf.arg(help="Remove without asking.")] = False,
) -> int:
    """Empty the cache of prepared images, which are prepared again when they are needed: all, or a part.

    Nothing is removed that dymap did not write there, and the weights of LPIPS only with --weights. `dymap info
    --cache` only shows what there is.
    """
    if older_than is not None and not older_than >= 0:
        raise InputError(f"--older-than {older_than:g}: expected days, 0 or more")
    entries = runs.cache_entries(capture, older_than, weights)
    for line in lines_of(entries):
        say(line)
    if others := runs.strangers():
        say(f"not of dymap, and left there: {', '.join(printable(path.name) for path in others[:5])}"
            + (f", and {len(others) - 5} more" if len(others) > 5 else ""))  # fmt: skip
    if not entries:
        say("nothing to remove")
        return 0
    if not (yes or agreed(f"remove {len(entries)} folders, {bytes_text(sum(e.size for e in entries))}? [y/N] ")):
        say("nothing was removed")
        return 1
    removed = runs.clean(entries)
    say(f"removed {len(removed)} of {len(entries)} folders, {bytes_text(sum(entry.size for entry in removed))}")
    if len(removed) < len(entries):
        say("the others are in use by a command; clean again when it has ended")
    return 0


def agreed(question: str) -> bool:
    """Ask. Raises InputError if nobody is there to answer."""
    if not sys.stdin.isatty():
        raise InputError("nobody is there to be asked whether to remove this; say --yes")
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False


def lines_of(entries: Sequence[runs.CacheEntry]) -> Iterator[str]:
    """A line for each entry of the cache."""
    for entry in entries:
        images = f", {entry.images} images" if entry.images else ""
        whose = f" of {printable(str(entry.capture))}" if entry.capture else ""
        busy = ", in use" if entry.busy else ""
        what = f"{entry.what}{whose}{images}, last used {ago(time.time() - entry.used)}{busy}"
        yield f"{bytes_text(entry.size):>9}  {printable(entry.path.name)}: {what}"


def ago(seconds: float) -> str:
    """A time that has passed, in words."""
    for length, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {name} ago"
    return "just now"
