"""The stage's server: the page and its files, sockets, thumbnails, what was filmed, and films."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import WSCloseCode, web

from dymap.config import HOST, PORT
from dymap.errors import InputError
from dymap.signals import held
from dymap.stage.address import check_address, url_of
from dymap.stage.client import Client, open_socket
from dymap.stage.desk import Desk, Errand
from dymap.stage.drawing import Drawing, come_after
from dymap.stage.film import MAX_REQUEST, Films
from dymap.stage.guard import guarded, new_token
from dymap.stage.message import View
from dymap.stage.routes import routes
from dymap.stage.subject import Subject

CLIENTS = 32
"""Browsers at once."""
POLL = 0.1
"""Seconds between two looks at whether to end."""
NO_LOG = logging.getLogger("dymap.stage")
NO_LOG.addHandler(logging.NullHandler())
NO_LOG.propagate = False
"""Requests that are no HTTP are answered, and not told with a traceback each: anybody could fill the terminal."""
LOOK = 1.0
"""Seconds between two looks at whether what is shown has changed."""
FOR_GOOD = 4000
"""Code of a connection that ends and is not to be tried again; its reason is for people."""
REASON = 123
"""Bytes of the reason why a connection ends (RFC 6455)."""
GOODBYE = 3.0
"""Seconds that browsers have to take their farewell."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Settings:
    """side: pixels of a full picture's longer side at most. background: red, green, blue, 0 to 1, that the page begins
    with. niceness: how far other work on this machine comes first, 0 to 19. share: of a processor's time, that the
    drawing thread takes at most. private: whether the link has a token even if only this machine reaches it."""

    side: int = 1024
    background: tuple[float, float, float] = (0.0, 0.0, 0.0)
    niceness: int = 0
    share: float = 1.0
    private: bool = False


class Stage:
    """Serves the page from when it is made until it is closed.

    host: the address to listen on; 127.0.0.1 is reached from this machine only, with any other the link has a token.
    port: 0 takes one that is free. asked: whether `wait` should return. look: is called now and then from the drawing
    thread with this stage: may `show` another subject, or `tell` the pages.
    Raises InputError if the address cannot be had.
    """

    def __init__(
        self,
        subject: Subject,
        host: str = HOST,
        port: int = PORT,
        settings: Settings | None = None,
        asked: Callable[[], bool] = lambda: False,
        look: Callable[[Stage], None] | None = None,
    ):
        check_address(host, port)
        self.host, self.port, self.settings = host, port, settings or Settings()
        self.token = new_token(host, self.settings.private)
        self._subject, self._asked, self._look = subject, asked, look
        self._desk = Desk()
        self._clients: dict[int, Client] = {}
        self._sockets: set[web.WebSocketResponse] = set()
        self._numbers = itertools.count()
        self._notice: dict[str, dict[str, Any]] = {}
        self._closed = False
        self._lock = threading.Lock()
        self.files = ThreadPoolExecutor(1, "dymap-stage-files", come_after, (self.settings.niceness,))
        self.films = Films(self._desk, lambda: self._subject, self.tell)
        chosen = self.settings
        self._drawing = Drawing(
            self._desk, lambda: self._subject, self._clients.get, chosen.side, chosen.niceness, chosen.share
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dymap-stage", daemon=True)
        with held():
            self._thread.start()
            try:
                self._runner, self.port = self._do(self._open())
            except OSError as error:
                self._end_threads()
                raise InputError(f"cannot listen on {host} port {port} ({error.strerror or error})") from None

    @property
    def url(self) -> str:
        """Where this machine's browser finds the page; with the token, if it needs one."""
        return url_of(self.host, self.port, self.token)

    @property
    def subject(self) -> Subject:
        return self._subject

    @property
    def clients(self) -> int:
        """How many browsers are connected."""
        return len(self._clients)

    def show(self, subject: Subject) -> None:
        """Show something else from now on; pages are told, and ask anew. From the drawing thread (`look`)."""
        before, self._subject = self._subject, subject
        if before is not subject:
            before.close()
        self.tell({"type": "clip"})

    def tell(self, message: dict[str, Any], keep: bool = False) -> None:
        """Tell all pages; keep: those that come later too (of each type the last)."""
        with self._lock:
            if keep:
                self._notice[message["type"]] = message
            clients = list(self._clients.values())
        for client in clients:
            client.tell(message)

    def take_back(self, kind: str) -> None:
        """Tell pages that come later no more of a type."""
        with self._lock:
            self._notice.pop(kind, None)

    def wait(self) -> None:
        """Wait until Ctrl-C, until it is asked to end, or until it is closed."""
        # Asleep, and not in an Event or a join: an exception inside Python's locks can leave one held for ever.
        while not (self._closed or self._asked()):
            time.sleep(POLL)

    def close(self, farewell: str = "") -> None:
        """Stop drawing and serving; browsers are told that the connection has ended. farewell: why it has for good;
        without it they try to come back."""
        with held():
            if self._closed:
                return
            self._closed = True
            self._desk.close()
            self._drawing.join()
            self._do(self._shut(farewell))
            self._end_threads()
            self.films.close()

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def in_turn(self, make: Callable[[Any], Result]) -> asyncio.Future[Result]:
        """What the drawing thread makes of a Cancel when nobody waits. From the event loop."""
        future: asyncio.Future[Result] = self._loop.create_future()

        def settle(set_it: Callable[[Any], None], value: Any) -> None:
            if not future.done():
                set_it(value)

        def run(cancel: Any) -> None:
            if future.cancelled():
                return
            try:
                made = make(cancel)
            except InputError as error:
                self._loop.call_soon_threadsafe(settle, future.set_exception, error)
            else:
                self._loop.call_soon_threadsafe(settle, future.set_result, made)

        self._desk.errand(Errand(run))
        return future

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A browser's socket, until it leaves."""
        socket = open_socket()
        await socket.prepare(request)
        if len(self._clients) >= CLIENTS:
            await socket.send_json(
                {"type": "error", "message": f"{CLIENTS} browsers look already, and no more can", "fatal": True}
            )
            await socket.close()
            return socket
        client = Client(next(self._numbers), self._desk, self._loop, self.settings.share)
        with self._lock:
            self._clients[client.number] = client
            notices = list(self._notice.values())
        self._sockets.add(socket)
        self._desk.add(client.number)
        for notice in notices:
            client.say(notice)
        try:
            await client.serve(socket, lambda: len(self._subject.boxes), self._keep)
        finally:
            with self._lock:
                del self._clients[client.number]
            self._sockets.discard(socket)
            self._desk.remove(client.number)
        return socket

    def _keep(self, client: Client, view: View) -> None:
        if client.keeping(view.number):
            self._drawing.keep(client, view)

    async def _open(self) -> tuple[web.AppRunner, int]:
        """Start the server; its runner and its port."""
        app = web.Application(middlewares=[guarded(self.host, self.token)], client_max_size=MAX_REQUEST)
        app.add_routes(routes(self))
        runner = web.AppRunner(app, access_log=None, logger=NO_LOG, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.host or None, self.port).start()
        except OSError:
            await runner.cleanup()
            raise
        if self._look is not None:
            self._looking = asyncio.ensure_future(self._look_around(self._look))
        return runner, runner.addresses[0][1]

    async def _look_around(self, look: Callable[[Stage], None]) -> None:
        while True:
            done = asyncio.Event()

            def run(_: object, done: asyncio.Event = done) -> None:
                try:
                    look(self)
                finally:
                    self._loop.call_soon_threadsafe(done.set)

            self._desk.errand(Errand(run, first=True))
            await done.wait()
            await asyncio.sleep(LOOK)

    async def _shut(self, farewell: str) -> None:
        if self._look is not None:
            self._looking.cancel()
        text, code = cut(farewell or "the stage was closed", REASON), FOR_GOOD if farewell else WSCloseCode.GOING_AWAY
        if closing := [asyncio.ensure_future(socket.close(code=code, message=text)) for socket in self._sockets]:
            await asyncio.wait(closing, timeout=GOODBYE)  # some may read nothing any more
        await self._runner.cleanup()

    def _do(self, work: Awaitable[Result]) -> Result:
        """Do something in the event loop, and wait for it."""

        async def run() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _end_threads(self) -> None:
        self._desk.close()
        self.files.shutdown(wait=False, cancel_futures=True)  # reading a capture for the first time can take minutes
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def cut(text: str, most: int) -> bytes:
    """A text of at most so many bytes: whole letters of UTF-8."""
    return text.encode(errors="replace")[:most].decode(errors="ignore").encode()
