"""A small server of files for this machine's browser: ranges, no listings, no paths out of what is shown."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from dymap.errors import InputError
from dymap.site.pages import KINDS
from dymap.site.ranges import asked_bytes

HOST = "127.0.0.1"
HERE = re.compile(r"(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
"""Names of this machine: no page of another site can have them, so it cannot read what is served here."""
WORD = re.compile(r"[\w~@+,()\[\]-][\w .~@+,()\[\]-]*")
"""A part of a path that is served: nothing hidden, nothing that leads elsewhere."""
BLOCK = 64 * 1024
PATIENCE = 30.0
"""Seconds that a browser may be silent."""
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

Find = Callable[[str], bytes | Path | None]
"""Of a path without its first stroke (`stage/main.js`): what is there."""


@contextmanager
def serving(find: Find, port: int = 0, answers: type[Answers] | None = None) -> Iterator[str]:
    """Serve what `find` finds to this machine for as long as the block lasts; gives the address.

    port: 0: any that is free. answers: how requests are answered, default as below. Raises InputError for a port that
    is taken.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: expected a number from 0 to 65535")
    try:
        server = Server((HOST, port), answers or Answers)
    except OSError as error:
        raise InputError(
            f"cannot listen on {HOST} port {port} ({error.strerror or error}); --port chooses another, 0 a free one"
        ) from None
    server.find = find
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="dymap-site", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def in_folder(folder: Path) -> Find:
    """The files below a folder, and of folders in it (`stage/`) their index.html; links out of it are not followed."""
    root = folder.resolve()

    def find(path: str) -> Path | None:
        try:
            place = (root / path).resolve()
            if path.endswith("/"):
                place = (place / "index.html").resolve()
            return place if place.is_relative_to(root) and place.is_file() else None
        except (OSError, ValueError, RuntimeError):
            return None

    return find


class Server(ThreadingHTTPServer):
    """A thread for each connection. find: what is served. Closing it ends the connections, which browsers keep."""

    daemon_threads = True
    block_on_close = False
    find: Find

    def __init__(self, *arguments: Any):
        self._open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):  # it has just ended
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that leaves while it is answered: nothing that anybody needs to know."""


class Answers(BaseHTTPRequestHandler):
    """How a connection is answered, request by request."""

    protocol_version = "HTTP/1.1"
    server_version = "dymap"
    sys_version = ""
    timeout = PATIENCE
    server: Server
    ranges = True

    def do_GET(self) -> None:
        """Answer with a file, or a part of one."""
        found = self._found()
        if isinstance(found, HTTPStatus):
            self._refuse(found)
        elif isinstance(found, bytes):
            self._answer(found, len(found), None, self._path())
        else:
            try:
                file = found.open("rb")
            except OSError:
                self._refuse(HTTPStatus.NOT_FOUND)
                return
            with file:
                told = os.fstat(file.fileno())
                self._answer(file, told.st_size, told.st_mtime, found.name)

    do_HEAD = do_GET

    def write(self, data: bytes) -> None:
        """Send a part of a file."""
        self.wfile.write(data)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def _path(self) -> str:
        return unquote(urlsplit(self.path).path, errors="strict").removeprefix("/") or "index.html"

    def _found(self) -> bytes | Path | HTTPStatus:
        if not HERE.fullmatch(self.headers.get("Host", "").strip()):
            return HTTPStatus.FORBIDDEN
        try:
            path = self._path()
        except ValueError:
            return HTTPStatus.NOT_FOUND
        if not all(WORD.fullmatch(word) for word in path.removesuffix("/").split("/")):
            return HTTPStatus.NOT_FOUND
        return self.server.find(path) or HTTPStatus.NOT_FOUND

    def _answer(self, data: bytes | BinaryIO, size: int, changed: float | None, name: str) -> None:
        """Send what is asked for of a file of `size` bytes. changed: when it was; name: for its kind."""
        mark = None if changed is None else f'"{changed:.6f}-{size}"'
        header = self.headers.get("Range") if self.ranges else None
        if self.headers.get("If-Range") not in (None, mark):
            header = None
        try:
            part = asked_bytes(header, size)
        except ValueError as error:
            status, told = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, {"Content-Range": f"bytes */{size}"}
            self._refuse(status, told, f"the header Range asks for {error}")
            return
        first, stop = part or (0, size)
        self.send_response(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK)
        told = HEADERS | {"Content-Type": KINDS.get(Path(name).suffix, "application/octet-stream")}
        told["Content-Length"] = str(stop - first)
        if not self.ranges:
            del told["Accept-Ranges"]
        if part:
            told["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
        if mark and changed is not None:
            told |= {"ETag": mark, "Last-Modified": formatdate(changed, usegmt=True)}
        self._send(told)
        if self.command != "HEAD":
            self._copy(data, first, stop)

    def _copy(self, data: bytes | BinaryIO, first: int, stop: int) -> None:
        if not isinstance(data, bytes):
            data.seek(first)
        while first < stop:
            count = min(BLOCK, stop - first)
            block = data[first : first + count] if isinstance(data, bytes) else data.read(count)
            if not block:  # the file was cut short meanwhile, and less comes than was told
                self.close_connection = True
                return
            self.write(block)
            first += len(block)

    def _refuse(self, status: HTTPStatus, headers: dict[str, str] | None = None, why: str = "") -> None:
        text = f"{status.value} {status.phrase}{f': {why}' if why else ''}\n".encode()
        self.send_response(status)
        self._send(HEADERS | {"Content-Type": "text/plain", "Content-Length": str(len(text))} | (headers or {}))
        if self.command != "HEAD":
            self.wfile.write(text)

    def _send(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
