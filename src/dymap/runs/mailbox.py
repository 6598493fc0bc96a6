"""Where the tasks of a cluster leave what they tell: an actor of its own, as they cannot reach who started them."""

from __future__ import annotations

from typing import Any

Letter = tuple[int, str, Any]
"""Number of the task; begun, told or warned; what."""


class Mailbox:
    """Letters to who started the tasks, and his word back: whether they are to stop."""

    def __init__(self) -> None:
        self._letters: list[Letter] = []
        self._stopping = False

    def post(self, letters: list[Letter]) -> bool:
        """Of a task; whether it is to stop."""
        self._letters += letters
        return self._stopping

    def collect(self, stopping: bool) -> list[Letter]:
        """Of who started the tasks: what came since the last time. stopping: his word from now on."""
        letters, self._letters, self._stopping = self._letters, [], stopping
        return letters
