"""The interactive viewer: a web server on this machine whose page shows a Video from any viewpoint, at any time.

Three parts work together, and none waits for another: the server's event loop writes down what browsers wish
(`viewer_seat.py`), `viewer_turns.py` keeps the newest wish of each, and one painter's thread renders them in turn.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Any

from dymap.errors import InputError
from dymap.play.video import Video
from dymap.play.viewer_camera import first_stand, upwards
from dymap.play.viewer_seat import Seat, Settings
from dymap.play.viewer_turns import Turns

HOST, PORT = "127.0.0.1", 8080
LOCAL_PAGES = (None, re.compile(r"https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"))
"""Origins of the pages that may talk to a server on this machine (None: programs); otherwise any page in the same
browser could. A tunnel may have any port."""


class Viewer:
    """Serves the page from when it is made until it is closed.

    host: the address to listen on: 127.0.0.1 lets nobody but this machine in. port: 0 takes one that is free.
    Raises InputError without viser, and where the address cannot be had.
    """

    def __init__(self, video: Video, host: str = HOST, port: int = PORT, settings: Settings | None = None):
        try:
            import viser
        except ModuleNotFoundError:
            raise InputError("the viewer needs viser; install it with: pip install 'dymap[viewer]'") from None
        check_address(host, port)
        self._video, self._settings = video, settings or Settings()
        self._turns = Turns()
        self._closed = threading.Event()
        self._seats: dict[int, Seat] = {}
        self._up = upwards(video.cameras)
        with _silence(), _answering(LOCAL_PAGES if is_local(host) else None):
            server = viser.ViserServer(host, port, verbose=False)
        self._server = server
        self.host, self.port = host, server.get_port()
        self._prepare(server)
        self._painter = threading.Thread(target=self._paint, name="dymap-viewer", daemon=True)
        self._painter.start()
        server.on_client_disconnect(self._left)
        server.on_client_connect(self._came)

    @property
    def url(self) -> str:
        """Where this machine's browser finds the page."""
        everywhere = self.host in ("", "0.0.0.0", "::")
        host = "127.0.0.1" if everywhere else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def clients(self) -> int:
        """How many browsers look at it."""
        return len(self._turns)

    def wait(self) -> None:
        """Until Ctrl-C, or until it is closed."""
        # Not join: Python takes a thread whose join was interrupted for ended, and `close` would not wait for it. In
        # pieces, so that Ctrl-C is heard on every system.
        while not self._closed.wait(1):
            pass

    def close(self) -> None:
        """Stop painting and serving; browsers are told that the connection has ended."""
        self._turns.close()
        self._painter.join()
        self._closed.set()
        with _silence():
            self._server.stop()

    def __enter__(self) -> Viewer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _prepare(self, server: Any) -> None:
        """The page's title and first camera. The page must not offer, nor anyone get, a public address."""
        server.request_share_url = lambda verbose=True: None  # noqa: ARG005  (its caller names it)
        server.gui.configure_theme(show_logo=False, show_share_button=False)
        server.gui.set_panel_label(self._video.name)
        server.scene.set_up_direction(self._up)
        first = first_stand(self._video.cameras, self._video.viewer_box(0).cpu().numpy(), self._up)
        begin = server.initial_camera
        begin.position, begin.look_at, begin.fov = first.position, first.look_at, first.fov

    def _paint(self) -> None:
        while (turn := self._turns.take()) is not None:
            seat = self._seats.get(turn.client)
            if seat is None:
                continue
            try:
                seat.paint(turn)
            except Exception as error:  # of one browser; the others go on looking
                with contextlib.suppress(Exception):  # it may have left
                    seat.fail(error)
                warnings.warn(f"a browser could not be shown its picture: {error!r}", RuntimeWarning, stacklevel=1)

    # Both run in the server's event loop, so that a browser has come before it leaves.
    async def _came(self, client: Any) -> None:
        self._seats[client.client_id] = Seat(client, self._video, self._turns, self._settings, self._up)
        self._turns.join(client.client_id)

    async def _left(self, client: Any) -> None:
        self._turns.leave(client.client_id)
        self._seats.pop(client.client_id, None)


def check_address(host: str, port: int) -> None:
    """Raises InputError unless a server can listen there."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: expected a number from 0 to 65535")
    try:
        places = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in places:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":  # as the server does: a port that was just left is free
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); is another viewer running there? "
            "--port chooses another port, 0 one that is free"
        ) from None


def is_local(host: str) -> bool:
    """Whether nobody but this machine reaches a server that listens on `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


@contextlib.contextmanager
def _answering(origins: Sequence[Any] | None) -> Iterator[None]:
    """A server that is started in this block refuses pages of other origins; None: it takes all. viser has no option
    for that."""
    from websockets.asyncio import server

    serve = server.serve
    server.serve = partial(serve, origins=origins)  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        server.serve = serve  # type: ignore[misc]


@contextlib.contextmanager
def _silence() -> Any:
    """viser prints a table of its own; what there is to say, our command says."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
