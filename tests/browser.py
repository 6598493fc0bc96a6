"""A headless browser driven over its debugging port (the Chrome DevTools Protocol), as a person drives one."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no headless browser (chromium) on this machine")


class Page:
    """A page. requests: addresses that it asked for; complaints: errors and warnings of its scripts."""

    def __init__(self, socket: Any):
        self._socket, self._calls, self._loaded = socket, 0, False
        self.requests: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Network", "Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while True:
            message = self._receive()
            if message.get("id") == self._calls:
                assert "error" not in message, message
                return message["result"]

    def _receive(self) -> dict[str, Any]:
        """The next message; what happened in the page is noted."""
        message = json.loads(self._socket.recv(timeout=60))
        told = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif message.get("method") == "Page.loadEventFired":
            self._loaded = True
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])
        return message

    def visit(
        self, url: str, width: int, height: int, *, phone: bool = False, dark: bool = False, still: bool = False
    ) -> None:
        """Open an address in a window of so many CSS pixels, and wait until it is loaded.

        phone: with a finger instead of a mouse, and two pixels a CSS pixel. dark, still: what its person prefers.
        """
        self._loaded, self.complaints, self.requests = False, [], []
        scale = 2 if phone else 1
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if still else "no-preference",
        }
        wanted = [{"name": name, "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=wanted)
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self._receive()

    def evaluate(self, script: str) -> Any:
        """What an expression comes to; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def settle(self) -> None:
        """Wait until what was done has come to the page's scripts: moves come with the next picture."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self) -> str:
        return self.evaluate("document.body?.innerText ?? ''")

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height in the window, CSS pixels, of the first such element, scrolled into view."""
        self.evaluate(f"document.querySelector('{selector}').scrollIntoView({{block: 'center', behavior: 'instant'}})")
        script = f"(p => [p.x, p.y, p.width, p.height])(document.querySelector('{selector}').getBoundingClientRect())"
        left, top, width, height = self.evaluate(script)
        return left, top, width, height

    def mouse(self, kind: str, x: float, y: float) -> None:
        """kind: mousePressed, mouseMoved, mouseReleased, with or by the left button."""
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def click(self, selector: str) -> None:
        """Press and release the left button in the middle of an element."""
        left, top, width, height = self.place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, left + width / 2, top + height / 2)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """kind: touchStart, touchMove, touchEnd (without points)."""
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    def press(self, key: str) -> None:
        """Press and release a key: `ArrowLeft`, `Tab`."""
        codes = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key])

    def picture(self, **options: object) -> np.ndarray:
        """[H, W, 3] what the window shows."""
        data = base64.b64decode(self.call("Page.captureScreenshot", **options)["data"])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        return picture[..., ::-1]


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A headless browser with WebGL in software. profile: a folder of its own."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--hide-scrollbars", "--use-angle=swiftshader"]
    command += ["--enable-unsafe-swiftshader", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--window-size=900,500", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            told, limit = profile / "DevToolsActivePort", time.monotonic() + 90
            while not (told.exists() and len(told.read_text().split()) == 2):
                assert time.monotonic() < limit, "the browser did not start"
                time.sleep(0.05)
            debugging = told.read_text().split()[0]
            pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{debugging}/json", timeout=10))
            address = next(page for page in pages if page["type"] == "page")["webSocketDebuggerUrl"]
            with connect(address, max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
