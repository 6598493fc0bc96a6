"""What is rendered next: one thread renders for all clients, and of each client only the newest request counts.

A client whose camera moves gets drafts, and the full picture at rest; a full picture that is being rendered is
cancelled when its camera moves again. Drafts are always finished, so that constant movement still shows something.
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
class Job:
    """What the render thread does next for a client.

    draft: quickly, or in full; next_frame: the clip advances by one frame; cancel: ends the job early.
    """

    client: int
    draft: bool
    next_frame: bool
    cancel: Cancel


@dataclass
class Request:
    """What a client asks for: the times at which its pictures are due; infinity: never."""

    draft: float = inf
    full: float = inf
    next_frame: float = inf
    running: Cancel = field(default_factory=Cancel)

    @property
    def due(self) -> float:
        return min(self.draft, self.full, self.next_frame)


class RenderQueue:
    """The requests of all clients, from any thread. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._changed = threading.Condition()
        self._requests: dict[int, Request] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, client: int) -> None:
        """Add a client, and request its first picture."""
        with self._changed:
            self._requests[client] = Request()
        self.request(client)

    def request(self, client: int) -> None:
        """A client moved or changed something: a draft is due at once, the full picture when it rests."""
        with self._changed:
            request = self._requests.get(client)
            if request is None:
                return
            now = self._clock()
            request.draft = min(request.draft, now)  # the request that has waited longest comes first
            request.full = now + REST
            request.running.cancel()
            self._changed.notify()

    def schedule_frame(self, client: int, when: float | None) -> None:
        """The clip advances for a client at a time of the clock; None: it is paused."""
        with self._changed:
            if client in self._requests:
                self._requests[client].next_frame = inf if when is None else when
                self._changed.notify()

    def take(self) -> Job | None:
        """The next job, as soon as one is due; None when the queue is closed."""
        with self._changed:
            while not self._closed:
                client = min(self._requests, key=lambda key: self._requests[key].due, default=None)
                due = inf if client is None else self._requests[client].due
                now = self._clock()
                if client is not None and due <= now:
                    return self._job(client, now)
                self._changed.wait(None if due == inf else due - now)
        return None

    def _job(self, client: int, now: float) -> Job:
        """One picture satisfies everything that is due to a client."""
        request = self._requests[client]
        moving = now < request.full < inf
        job = Job(client, moving, request.next_frame <= now, Cancel())
        request.draft = inf
        if not moving:
            request.full = inf
        if job.next_frame:
            request.next_frame = inf
        request.running = Cancel() if moving else job.cancel  # nothing can cancel a draft: it is finished
        return job

    def remove(self, client: int) -> None:
        """Forget a client and its request."""
        with self._changed:
            request = self._requests.pop(client, None)
            if request is not None:
                request.running.cancel()

    def close(self) -> None:
        """Cancel the job that is running; there are no more."""
        with self._changed:
            self._closed = True
            for request in self._requests.values():
                request.running.cancel()
            self._changed.notify_all()
