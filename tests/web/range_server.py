"""A static server on this machine that answers as good, simple and bad ones do; it notes what it was asked for."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class RangeServer(ThreadingHTTPServer):
    """/HOW/NAME is the file NAME of a folder. How: `ranges`, or what else Answer.do_GET knows.

    asked: (path, first byte, byte behind the last or None) of all requests. speed: bytes a second, of all together.
    """

    daemon_threads = True

    def __init__(self, folder: Path, speed: float | None = None):
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder, self.speed = folder, speed
        self.asked: list[tuple[str, int, int | None]] = []
        self.line = threading.Lock()
        """Held by who sends, if the line is slow."""

    def handle_error(self, *_: object) -> None:
        """Whoever goes away in the middle of an answer may."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def serving(folder: Path, speed: float | None = None) -> Iterator[RangeServer]:
    server = RangeServer(folder, speed)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8", ".wgsl": "text/plain", ".css": "text/css"}


class Answer(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        _, how, name = self.path.split("?")[0].split("/", 2)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, stop = (int(wanted[1]), int(wanted[2]) + 1) if wanted else (0, None)
        before = sum(path == self.path for path, *_ in self.server.asked)
        self.server.asked.append((self.path, first, stop))
        path = (self.server.folder / name).resolve()
        if how == "moved":
            self.send(302, b"", {"Location": f"/ranges/{name}"})
        elif how in ("404", "403", "503") or (how == "busy" and before % 2 == 0):
            self.send(int(how) if how.isdigit() else 503, b"no")
        elif not path.is_file() or self.server.folder.resolve() not in path.parents:
            self.send(404, b"no")
        elif how in ("plain", "streamed", "snapping") or stop is None:
            self.send_whole(how, path.read_bytes())
        elif first >= path.stat().st_size:
            self.send(416, b"", {"Content-Range": f"bytes */{path.stat().st_size}"})
        else:
            self.send_part(how, path.read_bytes(), first, min(stop, path.stat().st_size), before)

    def send_part(self, how: str, data: bytes, first: int, stop: int, before: int) -> None:
        """before: how often it was asked for before."""
        total = len(data) + (1 if how == "changing" and before else 0)
        place = {} if how == "hidden" else {"Content-Range": f"bytes {first}-{stop - 1}/{total}"}
        if how == "other":  # the wrong bytes
            place["Content-Range"] = f"bytes {first + 1}-{stop}/{total}"
        part = data[first:stop]
        self.send(206, part[:-1] if how == "short" else part, place, broken=how == "breaking" and before % 2 == 0)

    def send_whole(self, how: str, data: bytes) -> None:
        if how == "streamed":  # until the connection ends: nobody knows how much will come
            self.close_connection = True
            self.send(200, data, {"Content-Length": None, "Connection": "close"})
        else:
            self.send(200, data, broken=how == "snapping")

    def send(
        self, status: int, body: bytes, headers: Mapping[str, str | None] | None = None, broken: bool = False
    ) -> None:
        """broken: the connection ends half-way."""
        kind = TYPES.get(Path(self.path.split("?")[0]).suffix, "application/octet-stream")
        told = {"Content-Length": str(len(body)), "Content-Type": kind, "Cache-Control": "no-store"} | dict(
            headers or {}
        )
        self.send_response(status)
        for key, value in told.items():
            if value is not None:
                self.send_header(key, value)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        if broken:
            body, self.close_connection = body[: len(body) // 2], True
        with contextlib.suppress(OSError):
            self.write(body)

    def write(self, body: bytes) -> None:
        if not self.server.speed:
            self.wfile.write(body)
            return
        for at in range(0, len(body), 16384):
            with self.server.line:
                part = body[at : at + 16384]
                time.sleep(len(part) / self.server.speed)
                self.wfile.write(part)

    def do_OPTIONS(self) -> None:
        self.send(204, b"", {"Access-Control-Allow-Headers": "Range"})

    def log_message(self, *_: object) -> None:
        pass
