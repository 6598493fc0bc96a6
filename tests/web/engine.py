"""The engine "browser" driven in a headless browser: what it draws, as arrays."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.browser import Page
from tests.web.served import Handler

BLANK = b"<!doctype html><link rel=icon href=data:,><style>* { margin: 0 }</style><canvas></canvas>"
OPEN = """(async () => {
  const { BrowserEngine } = await import("/engines/browser.js");
  window.engine?.close();
  const engine = window.engine = new BrowserEngine(FILE, OPTIONS);
  window.told = [];
  for (const kind of ["picture", "error", "clip", "buffer"]) {
    engine.addEventListener(kind, ({ detail }) => told.push({ kind, ...detail, how: detail?.kind }));
  }
  window.bytes = array => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    let text = "";
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode(...bytes.subarray(i, i + 4096));
    return btoa(text);
  };
  window.nextOf = wanted => new Promise(done => engine.addEventListener("picture", function told({ detail }) {
    if (wanted && !wanted(detail)) return;
    engine.removeEventListener("picture", told);
    done(detail);
  }));
  try {
    await engine.open();
    return "";
  } catch (error) {
    return error.message;
  }
})()"""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The address of a server of the page's files, of an empty page (/blank), and of a folder (/clips/)."""

    class WithClips(Handler):
        def translate_path(self, path: str) -> str:
            if path.startswith("/clips/"):
                return str(folder / path.removeprefix("/clips/"))
            return super().translate_path(path)

        def do_GET(self) -> None:
            if self.path != "/blank":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(BLANK)
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), WithClips) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def open_engine(page: Page, file: str, **options: Any) -> str:
    """Open a clip, as `engine` in the page; returns what it says if it cannot."""
    return page.evaluate(OPEN.replace("FILE", json.dumps(file)).replace("OPTIONS", json.dumps(options)))


def view_of(camera: int, frame: int, **changes: Any) -> str:
    """What a camera of the clip sees, as the text of a View in JavaScript."""
    other = json.dumps({"moving": False, "layer": "colour", "background": [0, 0, 0], "exposure": 0} | changes)
    return f"{{...engine.clip.cameras[{camera}], frame: {frame}, ...{other}}}"


def pixels(page: Page, view: str, width: int, height: int) -> NDArray[np.uint8]:
    """[height, width, 4] what a view shows."""
    found = page.evaluate(f"engine.pixels({view}, {width}, {height}).then(bytes)")
    return np.frombuffer(base64.b64decode(found), np.uint8).reshape(height, width, 4)


def numbers(page: Page, view: str, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[height, width, 4] colours over black and opacity; [height, width] depths."""
    script = f"engine.numbersOf({view}, {width}, {height}).then(n => [bytes(n.colours), bytes(n.depths)])"
    colours, depths = (np.frombuffer(base64.b64decode(text), np.float32) for text in page.evaluate(script))
    return colours.reshape(height, width, 4), depths.reshape(height, width)
