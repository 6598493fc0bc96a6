"""Whose turn it is: one thread draws for all clients, and of each only the newest view counts.

A view that moves gets a draft, one that rests the full picture. A full picture that is being drawn is cancelled when
its client moves again; then a draft comes first, so that constant movement always shows something. Drafts are always
finished. A client that has not taken its last pictures gets no new ones until it has.

Drafts go before full pictures, and one of somebody else is drawn between two bands of a full picture (`between`). After
a draft a full picture begins, so that none waits for ever. Of each kind who has waited longest is next.

Errands (thumbnails, pictures to keep, images of films) are done when nobody has asked for a picture for a moment, and
give way; one that has waited long is done between two pictures, so that a film ends although somebody plays the clip
all the time. Large ones are done in parts, an errand each.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from dymap.kernels import Cancel
from dymap.stage.message import View

ON_THE_WAY = 2
"""Pictures that may be on their way to a client."""
LATELY = 0.5
"""Seconds for which a client that moved counts as moving."""
QUIET = 0.15
"""Seconds without a request after which errands are done."""
PATIENCE = 2.0
"""Seconds after which an errand no longer gives way."""


@dataclass(frozen=True)
class Job:
    """A picture to draw. waited: seconds since this view was asked for. cancel: ends it early."""

    client: int
    view: View
    draft: bool
    cancel: Cancel
    waited: float


@dataclass(eq=False)
class Errand:
    """What is done when nobody waits. run: is given what ends it early, which it may follow (by raising Cancelled: it
    is tried again later); returns whether there is more to do. client: for whom, if it is for nobody else: it ends when
    that one leaves. since: when it was to be done; first: before the other errands, and before pictures."""

    run: Callable[[Cancel], bool | None]
    client: int | None = None
    since: float = inf
    first: bool = False
    cancel: Cancel = field(default_factory=Cancel)


@dataclass(eq=False)
class _Place:
    """What is known of a client. since: when the oldest unanswered request came (infinity: nothing is asked for), by
    which its turn comes; asked: when the newest came."""

    view: View | None = None
    since: float = inf
    asked: float = 0.0
    draft_first: bool = False
    drawing: Job | None = None
    sent: deque[int] = field(default_factory=deque)
    moved: float = -inf

    @property
    def due(self) -> float:
        return self.since if len(self.sent) < ON_THE_WAY and self.drawing is None else inf

    @property
    def draft(self) -> bool:
        """Whether its next picture is a draft."""
        return self.draft_first or (self.view is not None and self.view.moving)


class Desk:
    """Requests of all clients, from any thread. clock: seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._changed = threading.Condition()
        self._places: dict[int, _Place] = {}
        self._errands: deque[Errand] = deque()
        self._errand: Errand | None = None  # that is being done
        self._urgent = False  # whether it gives way to nobody
        self._asked = -inf  # when somebody asked for a picture last
        self._was_errand = self._was_draft = False  # what was done last
        self._closed = False

    def __len__(self) -> int:
        return len(self._places)

    def add(self, client: int) -> None:
        with self._changed:
            self._places[client] = _Place()

    def remove(self, client: int) -> None:
        """Forget a client and what it asked for."""
        with self._changed:
            place = self._places.pop(client, None)
            if place is not None and place.drawing is not None:
                place.drawing.cancel.cancel()
            self._errands = deque(errand for errand in self._errands if errand.client != client)
            if self._errand is not None and self._errand.client == client:
                self._errand.cancel.cancel()

    def request(self, client: int, view: View) -> None:
        """A client asks for a view, in place of what it asked for before."""
        with self._changed:
            if (place := self._places.get(client)) is None:
                return
            now = self._asked = self._clock()
            place.view, place.asked, place.since = view, now, min(place.since, now)
            if view.moving:
                place.moved = now
            if place.drawing is not None and not place.drawing.draft:
                place.drawing.cancel.cancel()
            self._give_way()
            self._changed.notify()

    def got(self, client: int, number: int) -> None:
        """A client has the picture that answers view `number`, and those before."""
        with self._changed:
            if (place := self._places.get(client)) is not None:
                while place.sent and place.sent[0] <= number:
                    place.sent.popleft()
                self._changed.notify()

    def moving(self) -> int:
        """How many clients move, or have just moved."""
        with self._changed:
            now = self._clock()
            return sum(now - place.moved < LATELY for place in self._places.values())

    def errand(self, errand: Errand) -> None:
        """Something to do when nobody waits."""
        with self._changed:
            errand.since = self._clock()
            if errand.first:
                self._errands.appendleft(errand)
            else:
                self._errands.append(errand)
            self._changed.notify()

    def take(self) -> Job | Errand | None:
        """What to do next, as soon as there is something; None when the desk is closed."""
        with self._changed:
            self._errand = None
            while not self._closed:
                client = self._next()
                errand, now = self._errands[0] if self._errands else None, self._clock()
                urgent = errand is not None and (
                    errand.first or (now - errand.since > PATIENCE and not self._was_errand)
                )
                if client is not None and not urgent:
                    self._was_errand = False
                    return self._job(client)
                if errand is not None and (urgent or now - self._asked >= QUIET):
                    self._errands.popleft()
                    errand.cancel = Cancel()
                    self._errand, self._urgent, self._was_errand = errand, urgent, True
                    return errand
                self._changed.wait(None if errand is None else max(0.001, QUIET - (now - self._asked)))
        return None

    def between(self) -> Job | None:
        """The draft that comes between two bands of a full picture; None: nobody else waits for one."""
        with self._changed:
            drafts = self._waiting(draft=True)
            return self._job(drafts[0]) if drafts and not self._closed else None

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, unless the desk is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)

    def done(self, job: Job, delivered: bool, cancelled: bool = False) -> None:
        """A picture was drawn, and is on its way; or nothing came of it, as it was cancelled or for another reason."""
        with self._changed:
            place = self._places.get(job.client)
            if place is None:
                return
            place.drawing, place.draft_first = None, cancelled
            if delivered:
                place.sent.append(job.view.number)
            if delivered and job.draft and not job.view.moving and place.since == inf:
                place.since = place.asked = self._clock()  # the draft came first; now the full picture

    def again(self, errand: Errand) -> None:
        """An errand gave way, or has more to do: it is the next one, unless its client has left."""
        with self._changed:
            if errand.client is None or errand.client in self._places:
                self._errands.insert(sum(other.first for other in self._errands), errand)

    def close(self) -> None:
        """End what is being drawn; nothing comes after it."""
        with self._changed:
            self._closed = True
            if self._errand is not None:
                self._errand.cancel.cancel()
            for place in self._places.values():
                if place.drawing is not None:
                    place.drawing.cancel.cancel()
            self._changed.notify_all()

    def _next(self) -> int | None:
        """Whose picture is next, if anybody waits."""
        drafts, full = self._waiting(draft=True), self._waiting(draft=False)
        return next(iter(full + drafts if self._was_draft else drafts + full), None)

    def _waiting(self, draft: bool) -> list[int]:
        """Who waits for a draft, or for a full picture: the longest first."""
        places = ((place.due, key) for key, place in self._places.items() if place.draft is draft and place.due < inf)
        return [key for _, key in sorted(places)]

    def _job(self, client: int) -> Job:
        place = self._places[client]
        assert place.view is not None
        draft = self._was_draft = place.draft
        job = Job(client, place.view, draft, Cancel(), self._clock() - place.asked)
        place.since, place.draft_first, place.drawing = inf, False, job
        return job

    def _give_way(self) -> None:
        if self._errand is not None and not self._urgent:
            self._errand.cancel.cancel()
