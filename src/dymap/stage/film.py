"""Films that the page asks for: a camera path becomes an MP4, image by image, when nobody waits for a picture.

POST film -> a job in a temporary folder -> errands at the desk, an image each -> progress to the pages -> GET film/ID
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dymap.errors import InputError, printable
from dymap.geometry.camera import Camera
from dymap.kernels import Cancel
from dymap.partials import beside
from dymap.play.camera_file import cameras_of
from dymap.play.movie import Write, film_writer
from dymap.render.image import Cancelled
from dymap.stage.desk import Desk, Errand
from dymap.stage.message import Colour, View, numbers, real, size
from dymap.stage.painting import Canvas, Painting
from dymap.stage.subject import Subject, check_frame

MAX_SIDE = 4096
"""Pixels of a film's side."""
MAX_IMAGES = 20_000
MAX_BYTES = 2**31
"""Of all films together; the oldest goes first."""
MAX_REQUEST = 32 * 2**20
"""Bytes of a path."""
KEPT = 3
"""Films that wait to be fetched."""

Tell = Callable[[dict[str, Any], bool], None]
"""Tells all pages, and those that come later if that is asked for."""


@dataclass(eq=False)
class FilmJob:
    """A film that is made. state: running, done, cancelled or failed. done: images."""

    name: str
    file: Path
    path: list[tuple[Camera, int]]
    fps: float
    background: Colour
    state: str = "running"
    done: int = 0
    message: str = ""
    open: ExitStack = field(default_factory=ExitStack)
    write: Write | None = None
    canvas: Canvas | None = None  # of the image that is drawn

    def told(self) -> dict[str, Any]:
        """What the pages are told."""
        return {"type": "film", "film": self.name, "state": self.state, "done": self.done, "all": len(self.path),
                "message": self.message}  # fmt: skip


class Films:
    """One at a time. subject: what is shown now. tell: tells all pages."""

    def __init__(self, desk: Desk, subject: Callable[[], Subject], tell: Tell):
        self._desk, self._subject, self._tell = desk, subject, tell
        self._folder: Path | None = None
        self._jobs: dict[str, FilmJob] = {}
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._closed = False

    def start(self, asked: Any) -> FilmJob:
        """Begin a film. asked: {path: as `dymap render --cameras` reads it, size, fps, background}.

        Raises InputError for what cannot be filmed, and if one is being made.
        """
        if not isinstance(asked, dict):
            raise InputError("a film is asked for by an object: path, size, fps")
        subject = self._subject()
        frames = len(subject.boxes)
        width, height = size(asked, "size")
        if not 2 <= min(width, height) <= max(width, height) <= MAX_SIDE:
            raise InputError(f"size is {width} x {height}, expected 2 to {MAX_SIDE} pixels a side")
        fps = real(asked, "fps", 0.1, 240)
        background = (0.0, 0.0, 0.0)
        if asked.get("background") is not None:
            red, green, blue = (min(1.0, max(0.0, float(x))) for x in numbers(asked, "background", 3))
            background = (red, green, blue)
        placed = cameras_of(asked.get("path"), "the path", (width, height), frames)
        if len(placed) > MAX_IMAGES:
            raise InputError(f"the path has {len(placed)} images, expected {MAX_IMAGES} at most")
        path = [(camera.fitted(width, height), k % frames if frame is None else frame)
                for k, (camera, frame) in enumerate(placed)]  # fmt: skip
        with self._lock:
            if any(job.state == "running" for job in self._jobs.values()):
                raise InputError("another film is being made: wait until it is done, or cancel it")
            if self._closed:
                raise InputError("the stage was closed")
            name = secrets.token_hex(8)
            job = FilmJob(name, self._place() / f"{name}.mp4", path, fps, background)
            self._jobs[name] = job
            self._sweep()
        self._tell(job.told(), True)
        self._desk.errand(Errand(lambda cancel: self._step(job, cancel)))
        return job

    def _place(self) -> Path:
        """The folder of all films. Raises InputError if there can be none."""
        if self._folder is None:
            try:
                folder = self._open.enter_context(beside(Path(tempfile.gettempdir()) / "dymap-stage"))
                folder.mkdir(mode=0o700)  # other people of this machine look elsewhere
            except OSError as error:
                raise InputError(f"there is no room for temporary files ({error.strerror or error})") from None
            self._folder = folder
        return self._folder

    def _step(self, job: FilmJob, cancel: Cancel) -> bool:
        """One band of an image of a film, in the drawing thread; whether more of this image is to be drawn. Raises
        Cancelled."""
        if job.state != "running":
            job.open.close()
            return False
        try:
            if job.canvas is None:
                job.canvas = Canvas(self._painting(*job.path[job.done], job.background))
            if not job.canvas.add(cancel):
                return True
            if job.write is None:
                job.write = job.open.enter_context(film_writer(job.file, job.fps))
            job.write(job.canvas.drawn[0])
            job.done, job.canvas = job.done + 1, None
            if self._taken() > 2 * MAX_BYTES:
                raise InputError(f"the film was ended, as it took more than {2 * MAX_BYTES >> 30} GiB")
            if job.done == len(job.path):
                job.open.close()
                job.state = "done"
        except Cancelled:
            raise
        except Exception as error:
            self._fail(job, "failed", printable(str(error)))
        self._tell(job.told(), True)
        if job.state == "running":
            self._desk.errand(Errand(lambda cancel: self._step(job, cancel)))
        return False

    def _painting(self, camera: Camera, frame: int, background: Colour) -> Painting:
        subject = self._subject()
        check_frame(subject, frame)
        view = View(0, frame, camera.R, camera.T, (camera.width, camera.height), background=background)
        return Painting(subject, view, camera)

    def _fail(self, job: FilmJob, state: str, message: str) -> None:
        """What was written of it vanishes."""
        job.state, job.message = state, message
        with suppress(Abandoned, OSError, InputError), job.open:  # a full disk refuses its end too
            raise Abandoned
        job.file.unlink(missing_ok=True)

    def cancel(self, name: str) -> bool:
        """End a film, or forget a finished one; whether there is such."""
        with self._lock:
            job = self._jobs.pop(name, None)
        if job is None:
            return False
        if job.state == "running":
            job.state, job.message = "cancelled", "cancelled"
            self._desk.errand(Errand(lambda _: self._fail(job, "cancelled", "cancelled"), first=True))
            self._tell(job.told(), True)
        else:
            job.file.unlink(missing_ok=True)
        return True

    def file(self, name: str) -> Path | None:
        """A finished film."""
        job = self._jobs.get(name)
        return job.file if job is not None and job.state == "done" and job.file.exists() else None

    def close(self) -> None:
        """Remove all films. When nothing is drawn any more."""
        with self._lock:
            self._closed = True
        for job in self._jobs.values():
            if job.state == "running":
                self._fail(job, "cancelled", "the stage was closed")
        self._open.close()

    def _sweep(self) -> None:
        """Forget the oldest films."""
        while len(self._jobs) > KEPT or (len(self._jobs) > 1 and self._taken() > MAX_BYTES):
            self._jobs.pop(next(iter(self._jobs))).file.unlink(missing_ok=True)

    def _taken(self) -> int:
        """Bytes of all that lies in the folder."""
        files = [] if self._folder is None else [file for file in self._folder.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)


class Abandoned(Exception):
    """Leaves a film's writer without a film."""
