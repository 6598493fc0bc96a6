"""Who is painted next: one painter serves all browsers, each of which keeps at most one wish, its newest.

A browser that moves gets drafts, and the full picture when it rests; a full picture that is being rendered ends when
its browser moves again. Drafts are never ended early, so that constant movement still shows something.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from dymap.kernels import Cancel

REST = 0.2
"""Seconds after the last movement at which the full picture is due."""


@dataclass(frozen=True)
class Turn:
    """What the painter does next. draft: quickly, or in full; tick: the clip goes on by a frame; cancel: ends it."""

    client: int
    draft: bool
    tick: bool
    cancel: Cancel


@dataclass
class _Wish:
    """Times at which something is due to a client; infinity: never."""

    draft: float = inf
    full: float = inf
    tick: float = inf
    painting: Cancel = field(default_factory=Cancel)

    @property
    def due(self) -> float:
        return min(self.draft, self.full, self.tick)


class Turns:
    """The wishes of all clients; may be used from any thread. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._changed = threading.Condition()
        self._wishes: dict[int, _Wish] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._wishes)

    def join(self, client: int) -> None:
        """A client is there, and wishes for its first picture."""
        with self._changed:
            self._wishes[client] = _Wish()
        self.wish(client)

    def leave(self, client: int) -> None:
        """A client is forgotten, with what it wished for."""
        with self._changed:
            wish = self._wishes.pop(client, None)
            if wish is not None:
                wish.painting.cancel()

    def wish(self, client: int) -> None:
        """A client moved or changed something: a draft at once, the full picture when it rests."""
        with self._changed:
            wish = self._wishes.get(client)
            if wish is None:
                return
            now = self._clock()
            wish.draft = min(wish.draft, now)  # whoever has waited longest comes first
            wish.full = now + REST
            wish.painting.cancel()
            self._changed.notify()

    def tick(self, client: int, when: float | None) -> None:
        """The clip goes on for a client at a time of the clock; None: it stands."""
        with self._changed:
            if client in self._wishes:
                self._wishes[client].tick = inf if when is None else when
                self._changed.notify()

    def take(self) -> Turn | None:
        """The next turn, as soon as one is due; None when the turns have been closed."""
        with self._changed:
            while not self._closed:
                client = min(self._wishes, key=lambda key: self._wishes[key].due, default=None)
                due = inf if client is None else self._wishes[client].due
                now = self._clock()
                if client is not None and due <= now:
                    return self._begin(client, now)
                self._changed.wait(None if due == inf else due - now)
        return None

    def close(self) -> None:
        """End the picture under way; nobody gets a turn any more."""
        with self._changed:
            self._closed = True
            for wish in self._wishes.values():
                wish.painting.cancel()
            self._changed.notify_all()

    def _begin(self, client: int, now: float) -> Turn:
        """One picture satisfies everything that is due to a client."""
        wish = self._wishes[client]
        moving = now < wish.full < inf
        turn = Turn(client, moving, wish.tick <= now, Cancel())
        wish.draft = inf
        if not moving:
            wish.full = inf
        if turn.tick:
            wish.tick = inf
        wish.painting = Cancel() if moving else turn.cancel  # nobody holds a draft's: it is finished
        return turn
