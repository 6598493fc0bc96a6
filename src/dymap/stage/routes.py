"""What the stage's server answers, address by address."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from aiohttp import web

from dymap.errors import InputError, shortened
from dymap.stage.film import Films
from dymap.stage.picture import jpeg
from dymap.stage.subject import Subject, is_number

WEB = Path(__file__).parents[1] / "web"
"""The page's files."""
KINDS = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wgsl": "text/plain", ".svg": "image/svg+xml",
    ".png": "image/png", ".json": "application/json", ".woff2": "font/woff2",
}  # fmt: skip
"""What is served, and as what."""
THUMBNAIL = 192
"""Pixels of a thumbnail's longer side."""
PATIENCE = 60.0
"""Seconds that somebody waits for a thumbnail."""
CONFIGURED = re.compile(r'<script type="application/json" id="stage">.*?</script>', re.DOTALL)


class Host(Protocol):
    """The stage, as it is seen from here."""

    token: str
    films: Films
    files: ThreadPoolExecutor

    @property
    def subject(self) -> Subject: ...

    @property
    def settings(self) -> Any: ...

    def in_turn(self, make: Any) -> asyncio.Future[Any]: ...

    async def serve(self, request: web.Request) -> web.StreamResponse: ...


def routes(stage: Host) -> list[web.RouteDef]:
    """All of them, behind the token if there is one."""
    root = f"/{stage.token}" if stage.token else ""
    answers = Answers(stage)
    return [
        web.get(f"{root}/", answers.page),
        web.get(f"{root}/clip.json", answers.clip),
        web.get(f"{root}/socket", stage.serve),
        web.get(f"{root}/poster.jpg", answers.poster),
        web.get(root + "/thumbnail/{view}.jpg", answers.thumbnail),
        web.get(root + "/truth/{view}/{frame}.jpg", answers.truth),
        web.post(f"{root}/film", answers.start_film),
        web.get(root + "/film/{name}", answers.film),
        web.delete(root + "/film/{name}", answers.cancel_film),
        web.get(root + "/{path:.+}", answers.file),
    ]


class Answers:
    """thumbnails: view -> JPEG, of the subject that is shown."""

    def __init__(self, stage: Host):
        self._stage = stage
        self._thumbnails: dict[int, bytes] = {}
        self._pictured = stage.subject

    async def page(self, _: web.Request) -> web.Response:
        """The page, told that this server draws for it."""
        told = {"engine": "server", "background": list(self._stage.settings.background)}
        script = f'<script type="application/json" id="stage">{json.dumps(told)}</script>'
        try:
            text = (WEB / "index.html").read_text(encoding="utf-8")
        except OSError:
            raise web.HTTPNotFound(text="this installation of dymap lacks its page; install it again") from None
        if CONFIGURED.search(text):
            text = CONFIGURED.sub(lambda _: script, text, count=1)
        else:
            text = text.replace("</head>", f"{script}\n</head>", 1)
        return web.Response(text=text, content_type="text/html")

    async def clip(self, _: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(self._stage.subject.describe))

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file of the page."""
        words = request.match_info["path"].split("/")
        if not all(re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", word) for word in words):
            raise web.HTTPNotFound
        path = WEB.joinpath(*words)
        kind = KINDS.get(path.suffix)
        with suppress(OSError):  # of a name that is too long
            if kind is not None and path.is_file():
                return web.FileResponse(path, headers={"Content-Type": kind})
        raise web.HTTPNotFound

    async def poster(self, _: web.Request) -> web.Response:
        if not (picture := self._stage.subject.poster()):
            raise web.HTTPNotFound
        return web.Response(body=picture, content_type="image/jpeg")

    async def thumbnail(self, request: web.Request) -> web.Response:
        """What a camera filmed at the first frame, or would have, small."""
        subject = self._stage.subject
        view = self._number(request, "view", len(subject.cameras))
        if self._pictured is not subject:
            self._pictured, self._thumbnails = subject, {}
        kept = self._thumbnails
        if view not in kept:
            picture = await self._filmed(subject, 0, view)
            if picture is None:
                picture = await self._drawn(subject, view)
            camera = subject.cameras[view]
            kept[view] = jpeg(smaller(picture, THUMBNAIL * camera.width / max(camera.width, camera.height)))
        return web.Response(body=kept[view], content_type="image/jpeg")

    async def truth(self, request: web.Request) -> web.Response:
        """What a camera filmed, as evaluation compares it. ?width=: no wider than that."""
        subject = self._stage.subject
        view = self._number(request, "view", len(subject.cameras))
        frame = self._number(request, "frame", len(subject.boxes))
        width = request.query.get("width", "100000")
        if not is_number(width) or int(width) < 1:
            raise web.HTTPBadRequest(text=f"width is {shortened(width, 40)!r}, expected a number of pixels")
        try:
            picture = await self._in_thread(subject.truth, frame, view)
        except InputError as error:
            raise web.HTTPConflict(text=str(error)) from None
        except OSError as error:
            text = f"what was filmed cannot be read any more ({error.strerror or error})"
            raise web.HTTPConflict(text=text) from None
        if picture is None:
            raise web.HTTPNotFound(text="the capture is not at hand, or this camera did not film then")
        return web.Response(body=jpeg(smaller(picture, int(width)), 95), content_type="image/jpeg")

    async def start_film(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="a film is asked for in JSON")
        try:
            asked = json.loads(await request.read())
        except (ValueError, RecursionError):
            raise web.HTTPBadRequest(text="a film is asked for in JSON") from None
        try:
            job = await asyncio.to_thread(self._stage.films.start, asked)
        except InputError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        return web.json_response(job.told())

    async def film(self, request: web.Request) -> web.StreamResponse:
        file = self._stage.films.file(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound(text="there is no such film, or it is not done")
        headers = {"Content-Type": "video/mp4", "Content-Disposition": 'attachment; filename="film.mp4"'}
        return web.FileResponse(file, headers=headers)

    async def cancel_film(self, request: web.Request) -> web.Response:
        if not self._stage.films.cancel(request.match_info["name"]):
            raise web.HTTPNotFound(text="there is no such film")
        return web.Response(status=204)

    def _number(self, request: web.Request, key: str, count: int) -> int:
        word = request.match_info[key]
        if not is_number(word) or int(word) >= count:
            raise web.HTTPNotFound(text=f"{key} is {shortened(word, 40)!r}, expected a number from 0 to {count - 1}")
        return int(word)

    async def _filmed(self, subject: Subject, frame: int, view: int) -> Any:
        """None: it is not at hand."""
        try:
            return await self._in_thread(subject.truth, frame, view)
        except (InputError, OSError):
            return None

    async def _drawn(self, subject: Subject, view: int) -> Any:
        """What a camera sees at the first frame, small."""
        camera = subject.cameras[view]
        scale = min(1.0, THUMBNAIL / max(camera.width, camera.height))
        small = camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))
        try:
            return await asyncio.wait_for(
                self._stage.in_turn(lambda cancel: subject.renderer(0).render(small, cancel=cancel).numpy()), PATIENCE
            )
        except (InputError, TimeoutError) as error:
            raise web.HTTPNotFound(text=str(error) or "the stage is busy") from None

    async def _in_thread(self, call: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._stage.files, functools.partial(call, *arguments))


def smaller(picture: np.ndarray, width: float) -> np.ndarray:
    """The picture, no wider than `width` pixels."""
    if width >= picture.shape[1]:
        return picture
    scale = width / picture.shape[1]
    size = (max(1, round(width)), max(1, round(picture.shape[0] * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
