"""A file that is replaced or deleted while it is shown: the new one is shown, or a sentence says what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dymap.errors import InputError, printable
from dymap.stage.server import Stage
from dymap.stage.subject import Subject


class FileWatch:
    """Looks at a file now and then (`Stage`'s look). open: reads it anew; raises InputError."""

    def __init__(self, file: Path, open: Callable[[], Subject]):
        self._file, self._open = file, open
        self._shown = self._seen = Stamp.of(file)

    def __call__(self, stage: Stage) -> None:
        now = Stamp.of(self._file)
        settled, self._seen = now == self._seen, now
        if now == self._shown or not settled:  # a file that is being written is not read yet
            return
        self._shown = now
        if now is None:
            self._tell(stage, f"{self._file} is gone; what is still in memory is shown")
            return
        try:
            stage.show(self._open())
        except (InputError, OSError) as error:
            self._tell(stage, f"{self._file} has changed and cannot be shown: {error}; what is in memory is shown")
        else:
            stage.take_back("error")

    def _tell(self, stage: Stage, text: str) -> None:
        stage.tell({"type": "error", "message": printable(text), "fatal": False, "lasting": True}, keep=True)


@dataclass(frozen=True)
class Stamp:
    """By what a file that was replaced is known."""

    device: int
    inode: int
    size: int
    changed: int

    @staticmethod
    def of(file: Path) -> Stamp | None:
        """None: it is not there, or cannot be looked at."""
        try:
            facts = file.stat()
        except OSError:
            return None
        return Stamp(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)
