"""The viewer's server: browsers come and go, and one thread renders for all of them."""

from __future__ import annotations

import contextlib
import io
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from dymap.config import HOST, PORT
from dymap.errors import InputError, printable
from dymap.geometry.camera import up_direction
from dymap.play.video import Video
from dymap.play.viewer.address import LOCAL_PAGES, check_address, is_local, url_of
from dymap.play.viewer.camera import first_pose
from dymap.play.viewer.client import ViewerClient
from dymap.play.viewer.controls import Settings
from dymap.play.viewer.guard import guarded, tell_of_task
from dymap.play.viewer.queue import RenderQueue
from dymap.signals import held

POLL = 0.1
"""Seconds between two looks at whether to end."""


class Viewer:
    """Serves the page from when it is made until it is closed.

    host: the address to listen on; 127.0.0.1 is reached from this machine only. port: 0 takes one that is free. asked:
    whether `wait` should return.
    Raises InputError without viser, and if the address cannot be had.
    """

    def __init__(
        self,
        video: Video,
        host: str = HOST,
        port: int = PORT,
        settings: Settings | None = None,
        asked: Callable[[], bool] = lambda: False,
    ):
        try:
            import viser
        except ModuleNotFoundError:
            raise InputError("the viewer needs viser; install it with: pip install 'dymap[viewer]'") from None
        check_address(host, port)
        self._video, self._settings = video, settings or Settings()
        self._queue = RenderQueue()
        self._clients: dict[int, ViewerClient] = {}
        self._closed, self._asked = False, asked
        self._up = up_direction(video.cameras)
        with held(), _without_output(), guarded(LOCAL_PAGES if is_local(host) else None):
            server = viser.ViserServer(host, port, verbose=False)
        server.get_event_loop().set_exception_handler(tell_of_task)
        self._server = server
        self.host, self.port = host, server.get_port()
        self._prepare(server)
        self._render_thread = threading.Thread(target=self._run_jobs, name="dymap-viewer", daemon=True)
        with held():
            self._render_thread.start()
        server.on_client_disconnect(self._disconnected)
        server.on_client_connect(self._connected)

    # Both run in the server's event loop, so that a browser has connected before it disconnects.
    async def _connected(self, handle: Any) -> None:
        self._clients[handle.client_id] = ViewerClient(handle, self._video, self._queue, self._settings, self._up)
        self._queue.add(handle.client_id)

    async def _disconnected(self, handle: Any) -> None:
        self._queue.remove(handle.client_id)
        self._clients.pop(handle.client_id, None)

    def _run_jobs(self) -> None:
        """Run the clients' jobs one after another, until the queue is closed. The render thread."""
        while (job := self._queue.take()) is not None:
            client = self._clients.get(job.client)
            if client is None:
                continue
            try:
                client.run(job)
            except Exception as error:  # of one browser; the others go on looking
                with contextlib.suppress(Exception):  # it may have left
                    client.fail(error)
                warnings.warn(f"a browser could not be shown its picture: {error!r:.200}", RuntimeWarning, stacklevel=1)

    @property
    def url(self) -> str:
        """Where this machine's browser finds the page."""
        return url_of(self.host, self.port)

    @property
    def clients(self) -> int:
        """How many browsers are connected."""
        return len(self._queue)

    def wait(self) -> None:
        """Wait until Ctrl-C, until it is asked to end, or until it is closed."""
        # Asleep, and not in an Event or a join: an exception inside Python's locks can leave one held for ever.
        while not (self._closed or self._asked()):
            time.sleep(POLL)

    def close(self) -> None:
        """Stop rendering and serving; browsers are told that the connection has ended."""
        with held(), _without_output():
            self._queue.close()
            self._render_thread.join()
            self._closed = True
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
        server.gui.set_panel_label(printable(self._video.name))
        server.scene.set_up_direction(self._up)
        pose = first_pose(self._video.cameras, self._video.viewer_box(0).cpu().numpy(), self._up)
        camera = server.initial_camera
        camera.position, camera.look_at, camera.fov = pose.position, pose.look_at, pose.fov


@contextlib.contextmanager
def _without_output() -> Iterator[None]:
    """viser prints a table of its own; what there is to say, our command prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
