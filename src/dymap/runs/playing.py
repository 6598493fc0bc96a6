"""`dymap.runs.play`: a clip, or a folder that was exported, in this machine's browser, drawn by the browser itself."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dymap.errors import InputError
from dymap.partials import beside
from dymap.runs.bars import Bars, no_bars
from dymap.runs.exporting import given_clip, small_clip
from dymap.signals import asked_to_end
from dymap.site.export import CLIP, POSTER, stage_files
from dymap.site.server import Find, in_folder, serving
from dymap.stage.address import over_ssh, tunnel

WINDOWS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
"""One of them is in the environment if there are windows, but on Windows and macOS."""
POLL = 0.1
"""Seconds between two looks at whether it is to end."""


@dataclass(frozen=True, eq=False)
class Playing:
    """A server that serves. url: what a browser opens. tunnel: the command that brings it to the machine where the user
    sits, if that is another (ssh), else nothing. name: of the clip or the folder. asked: whether it is to end."""

    url: str
    tunnel: str
    name: str
    asked: Callable[[], bool]

    def open_browser(self) -> bool:
        """Open it in a browser with windows; returns whether there is one here."""
        windows = os.name == "nt" or sys.platform == "darwin"
        if self.tunnel or not (windows or any(os.environ.get(name) for name in WINDOWS)):
            return False  # a browser of the terminal would be opened, and waited for
        return webbrowser.open(self.url)

    def wait(self) -> None:
        """Wait until Ctrl-C, or until it is asked to end."""
        # Asleep, and not in an Event or a join: an exception inside Python's locks can leave one held for ever.
        while not self.asked():
            time.sleep(POLL)


@contextmanager
def play(
    what: str | Path, *, port: int = 0, device: str = "auto", threads: int = 0, progress: Bars = no_bars
) -> Iterator[Playing]:
    """Serve a baked file, that of a run, or a folder with a page, to the browser of this machine, and to nobody else.

    with dymap.runs.play("clip.dymap") as playing: playing.wait()

    port: 0: any that is free. A file of version 1 is packed first, into a temporary file. Raises InputError for what is
    none of these and a port that is taken. For the main thread.
    """
    place = Path(what)
    with ExitStack() as opened:
        if (place / "index.html").is_file() and not (place / "config.json").is_file():
            find, name = in_folder(place), str(place)
        elif not place.exists():
            raise InputError(f"{place}: not there; expected a baked file, the folder of a baked run, or a site")
        else:
            # Of a killed process, the next one sweeps it. Packing is ended by Ctrl-C, as everywhere.
            folder = opened.enter_context(beside(Path(tempfile.gettempdir()) / "dymap-play"))
            folder.mkdir(mode=0o700)
            small, _ = small_clip(place, folder / CLIP, device=device, threads=threads, progress=progress)
            find, name = of_clip(small)
        asked = opened.enter_context(asked_to_end())
        url = opened.enter_context(serving(find, port))
        yield Playing(url, tunnel(urlsplit(url).port or 0) if over_ssh() else "", name, asked)


def of_clip(small: Path) -> tuple[Find, str]:
    """The page with a file of version 2, and what the clip is called. Raises InputError if it is damaged."""
    given = given_clip(small)
    files: dict[str, bytes | Path] = {path: text.encode() for path, text in stage_files(given).items()}
    files |= {CLIP: small, POSTER: given.poster}
    return files.get, given.title
