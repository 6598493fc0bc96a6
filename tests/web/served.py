"""A server of the page's files for tests: `web/` at /, `tests/web/` at /tests/, the page with the fake engine at
/fake.html, and the clip that comes with dymap at /dancer.dymap."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from dymap.runs.demonstration import PACKAGED

WEB = Path(__file__).parents[2] / "src" / "dymap" / "web"
TESTS = Path(__file__).parent


class Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}  # noqa: RUF012

    def translate_path(self, path: str) -> str:
        path = path.split("?")[0].split("#")[0]
        if path == "/dancer.dymap":
            return str(PACKAGED)
        return str(TESTS / path.removeprefix("/tests/") if path.startswith("/tests/") else WEB / path.lstrip("/"))

    def do_GET(self) -> None:
        if self.path.split("?")[0] != "/fake.html":
            return super().do_GET()
        page = (WEB / "index.html").read_text(encoding="utf-8").replace("stage/main.js", "tests/fake_main.js").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The address of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(WEB))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
