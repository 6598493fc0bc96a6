"""`dymap.show`: the clip in a notebook, to be turned and played; the process of the notebook draws it."""

from __future__ import annotations

import atexit
import html
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dymap.config import HOST
from dymap.runs.viewing import check_stage, open_stage

if TYPE_CHECKING:
    from dymap.stage.server import Stage

ELSEWHERE = ("JUPYTERHUB_SERVICE_PREFIX", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE", "BINDER_SERVICE_HOST")
"""Variables of the environment that are set if the notebook is shown on another machine than it runs on."""
_open: dict[tuple[Any, ...], Shown] = {}


class Shown:
    """A stage of this process, as a notebook shows it. url: its page, for a browser on this machine. Closed with the
    process, or by `close`."""

    def __init__(self, stage: Stage, width: int, height: int):
        self._stage, self._width, self._height = stage, width, height

    @property
    def url(self) -> str:
        return self._stage.url

    def __repr__(self) -> str:
        """One line: what is shown, and where."""
        return f"<Shown {self._stage.subject.name[:40]!r} at {self.url}>"

    def _repr_html_(self) -> str:
        """The page in the notebook, or how to reach it if the notebook is shown elsewhere."""
        from dymap.stage.address import over_ssh, tunnel

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
        for key in [key for key, shown in _open.items() if shown is self]:
            del _open[key]
        self._stage.close()
        self._stage.subject.close()


def show(run: str | Path, width: int = 960, height: int = 600, **options: Any) -> Shown:
    """Show a baked run, or a baked file, in a notebook (as the last line of a cell).

    width, height: CSS pixels. options: renderer, size, background, data, device and threads, as of `dymap.runs.view`.
    What is shown already is not opened again. Raises InputError for a clip that is not there.
    """
    check_stage()
    key = (Path(run).resolve(), *sorted(options.items()))
    if key not in _open:
        stage = open_stage(run, HOST, 0, **options)
        shown = _open[key] = Shown(stage, width, height)
        atexit.register(shown.close)
    shown = _open[key]
    shown._width, shown._height = int(width), int(height)
    return shown
