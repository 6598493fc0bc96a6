"""`dymap.show`: the clip in a notebook, to be turned and played; the process of the notebook draws it."""

from __future__ import annotations

import atexit
import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dymap.config import HOST
from dymap.errors import InputError
from dymap.runs.viewing import check_stage, open_stage

if TYPE_CHECKING:
    from dymap.stage.server import Stage

ELSEWHERE = ("JUPYTERHUB_SERVICE_PREFIX", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "BINDER_SERVICE_HOST")
"""Variables of the environment that are set if the notebook is shown on another machine than it runs on."""
MOST = 8
"""Stages that are open at once: each keeps frames in memory. Before another is opened, the oldest is closed."""
SIDES = (50, 10_000)
"""CSS pixels that the page may be wide or high."""
OPTIONS = {"renderer", "size", "background", "data", "device", "threads"}
"""Of `open_stage`, that may be given."""
_open: dict[tuple[Any, ...], Shown] = {}


class Shown:
    """A stage of this process, as a notebook shows it. url: its page, for a browser on this machine. Closed with the
    process, or by `close`."""

    def __init__(self, stage: Stage, width: int, height: int):
        self._stage, self._width, self._height = stage, width, height
        self._process, self._closed = os.getpid(), False

    @property
    def url(self) -> str:
        return self._stage.url

    def __repr__(self) -> str:
        """One line: what is shown, and where."""
        return f"<Shown {self._stage.subject.name[:40]!r} {'closed' if self._closed else f'at {self.url}'}>"

    def _repr_html_(self) -> str:
        """The page in the notebook, or how to reach it if the notebook is shown elsewhere."""
        from dymap.stage.address import over_ssh, tunnel

        if self._closed:
            return "<p>This was closed; run the cell with dymap.show again.</p>"
        link = f'<a href="{self.url}" target="_blank" rel="noopener">{self.url}</a>'
        if over_ssh() or any(name in os.environ for name in ELSEWHERE):
            return (
                "<p>This notebook runs on another machine than your browser, which does not reach its pictures by "
                f"itself: run there <code>{html.escape(tunnel(self._stage.port))}</code> and open {link}.</p>"
            )
        return (
            f'<iframe src="{self.url}" width="{self._width}" height="{self._height}" allow="fullscreen" '
            f'style="border: 0; max-width: 100%" title="{html.escape(self._stage.subject.name)}"></iframe>'
            f"<p>If nothing is shown, the notebook runs on another machine; in a window of its own: {link}</p>"
        )

    def close(self) -> None:
        """Stop drawing; the page says so."""
        if self._closed or os.getpid() != self._process:  # a copy of the process has none of its threads
            return
        self._closed = True
        for key in [key for key, shown in _open.items() if shown is self]:
            del _open[key]
        atexit.unregister(self.close)
        self._stage.close()
        self._stage.subject.close()


def show(run: str | Path, width: int = 960, height: int = 600, **options: Any) -> Shown:
    """Show a baked run, or a baked file, in a notebook (as the last line of a cell).

    width, height: CSS pixels. options: renderer, size, background, data, device and threads, as of `dymap.runs.view`.
    What is shown already is not opened again. Only who has the link, with its token, is answered, as others may use the
    same machine. Raises InputError for a clip that is not there, and for options that cannot be.
    """
    check_stage()
    if not isinstance(run, str | os.PathLike):
        raise InputError(f"show takes the folder of a baked run, or a baked file, not {type(run).__name__}")
    for name, side in (("width", width), ("height", height)):
        if isinstance(side, bool) or not isinstance(side, int) or not SIDES[0] <= side <= SIDES[1]:
            raise InputError(f"{name} is {side!r:.40}, expected {SIDES[0]} to {SIDES[1]} pixels")
    if unknown := sorted(options.keys() - OPTIONS):
        raise InputError(f"show knows no {unknown[0]!r:.40}; expected {', '.join(sorted(OPTIONS))}, width or height")
    key = (os.getpid(), Path(run).resolve(), *((name, str(options[name])) for name in sorted(options)))
    if key not in _open:
        stage = open_stage(run, HOST, 0, private=True, **options)
        while len(_open) >= MOST:
            _open.pop(next(iter(_open))).close()
        shown = _open[key] = Shown(stage, width, height)
        atexit.register(shown.close)
    shown = _open[key]
    shown._width, shown._height = width, height
    return shown
