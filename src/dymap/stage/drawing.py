"""The drawing thread: takes what the desk says is next, draws it, and has it delivered."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from dymap.errors import InputError, printable, shortened
from dymap.kernels import Cancel
from dymap.render.image import Cancelled
from dymap.signals import held
from dymap.stage.client import Client
from dymap.stage.desk import Desk, Errand, Job
from dymap.stage.keepsake import Keepsake
from dymap.stage.message import View
from dymap.stage.painting import Canvas, Drawn, Painting
from dymap.stage.picture import encode
from dymap.stage.subject import Subject, check_frame
from dymap.stage.view import camera_of, full_size, scaled

BESIDE = 2
"""Frames by which a draft of a playing clip may be beside its time."""
LEAP = 8
"""Frames that a playing clip goes ahead at most between two pictures."""


class Drawing:
    """Draws for all clients. subject: what is shown now; client: number -> who it is, if still here. side: pixels of a
    full picture's longer side at most. niceness: how far other work comes first, 0 to 19 (Linux). share: of a
    processor's time, that this thread takes at most."""

    def __init__(
        self,
        desk: Desk,
        subject: Callable[[], Subject],
        client: Callable[[int], Client | None],
        side: int,
        niceness: int = 0,
        share: float = 1.0,
    ):
        self._desk, self._subject, self._client, self._side = desk, subject, client, side
        self._niceness, self._share = niceness, share
        self._thread = threading.Thread(target=self._run, name="dymap-stage-draws", daemon=True)
        with held():
            self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        come_after(self._niceness)
        self._worked = time.thread_time()
        while (work := self._desk.take()) is not None:
            if isinstance(work, Errand):
                self._do(work)
            else:
                self._answer(work)
            self._rest()

    def _do(self, errand: Errand) -> None:
        try:
            more = errand.run(errand.cancel)
        except Cancelled:
            more = True
        except Exception as error:
            warn(error)
            return
        if more:
            self._desk.again(errand)

    def _answer(self, job: Job) -> None:
        """Draw a picture for whom it is, or say why not."""
        client = self._client(job.client)
        delivered = cancelled = False
        if client is not None:
            try:
                self._draw(client, job)
                delivered = True
            except Cancelled:
                cancelled = True
            except Exception as error:  # of one picture; the others go on
                client.tell({"type": "error", "message": sentence(error), "fatal": False})
        self._desk.done(job, delivered, cancelled)

    def _draw(self, client: Client, job: Job) -> None:
        """Draw a picture and send it. Raises Cancelled, and whatever is wrong with the clip."""
        started = time.perf_counter()
        subject, view = self._subject(), job.view
        check_frame(subject, view.frame)
        leap = (view.frame - client.last_frame) % len(subject.boxes)
        following = (view.frame + leap) % len(subject.boxes)
        client.last_frame = view.frame
        view = at_hand(view, client.ahead, subject)
        full = full_size(view.canvas, self._side)
        share = client.pace.share() if job.draft else 1.0
        width, height = scaled(full, share)
        painting = Painting(subject, view, camera_of(view, width, height))
        prepared = time.perf_counter()
        (picture, opacity), others = (painting.draw(job.cancel), 0.0) if job.draft else self._in_bands(painting, job)
        if view.moving and 0 < leap <= LEAP:
            client.ahead = following
            subject.ahead(following)
        drawn = time.perf_counter()
        data = encode(picture, opacity, job.draft)
        ended = time.perf_counter()
        client.pace.took(share, ended - prepared - others, self._desk.moving(), prepared - started)
        header = {
            "type": "picture", "id": view.number, "kind": "draft" if job.draft else "full", "width": width,
            "height": height, "frame": view.frame, "mime": "image/jpeg", "alpha": opacity is not None,
            "queue": milliseconds(job.waited + others), "render": milliseconds(drawn - started - others),
            "encode": milliseconds(ended - drawn),
        }  # fmt: skip
        client.deliver(header, data)

    def _in_bands(self, painting: Painting, job: Job) -> tuple[Drawn, float]:
        """A full picture, and seconds that drafts of others took between its bands. Raises Cancelled."""
        canvas, others = Canvas(painting), 0.0
        while not canvas.add(job.cancel):
            started = time.perf_counter()
            self._rest()
            if (draft := self._desk.between()) is not None:
                self._answer(draft)
                self._rest()
            others += time.perf_counter() - started
            if job.cancel.cancelled:
                raise Cancelled
        return canvas.drawn, others

    def _rest(self) -> None:
        """Nothing, or as long as is needed so that the rest of the time is left to others."""
        if self._share < 1:
            self._desk.pause(rest_after(time.thread_time() - self._worked, self._share))
            self._worked = time.thread_time()

    def keep(self, client: Client, view: View) -> None:
        """Draw the whole canvas as a PNG when nobody waits, and send it."""
        keepsake = Keepsake(view, self._subject)

        def run(cancel: Cancel) -> bool:
            try:
                more = keepsake.go_on(cancel)
            except Cancelled:
                raise
            except Exception as error:
                client.kept()
                client.tell({"type": "error", "message": sentence(error), "fatal": False, "id": view.number})
                return False
            if not more:
                client.kept()
                client.deliver(keepsake.header(), keepsake.file())
            return more

        self._desk.errand(Errand(run, client.number))


def come_after(niceness: int) -> None:
    """Have other work come before that of this thread, and of those that it starts, by so much (Linux)."""
    if niceness and hasattr(os, "setpriority"):
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(19, own + niceness))


def at_hand(view: View, ahead: int, subject: Subject) -> View:
    """The view; or, while the clip plays, the same of the frame that was made ready for it if that is beside the one
    that is asked for and not ready: to make both would halve the pictures."""
    near = 0 < abs(view.frame - ahead) <= BESIDE and 0 <= ahead < len(subject.boxes)
    if view.moving and near and subject.ready(ahead) and not subject.ready(view.frame):
        return replace(view, frame=ahead)
    return view


def rest_after(seconds: float, share: float) -> float:
    """How long to rest after so much work, which is then that share of the time."""
    return seconds * (1 / share - 1)


def milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)


def sentence(error: Exception) -> str:
    """What a page is told of an error."""
    text = printable(str(error)) or type(error).__name__
    if isinstance(error, InputError):
        return text
    warn(error)
    return f"no picture could be drawn: {shortened(text, 200)}"


def warn(error: Exception) -> None:
    warnings.warn(f"a picture could not be drawn: {error!r:.200}", RuntimeWarning, stacklevel=2)
