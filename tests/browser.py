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
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from websockets.sync.client import connect

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]
GRAPHICS = {"webgl": WEBGL, "webgpu": [*WEBGL, *WEBGPU, "--use-vulkan=swiftshader"], "none": ["--disable-gpu"]}
"""Flags of a browser that draws without a GPU."""
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no headless browser (chromium) on this machine")


class Page:
    """A page. requests: addresses that it asked for; complaints: errors and warnings of its scripts."""

    def __init__(self, socket: Any):
        self._socket, self._calls, self._loaded = socket, 0, False
        self._asked: list[tuple[str, str]] = []
        """By which document, and for what."""
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

    @property
    def requests(self) -> list[str]:
        return [address for _, address in self._asked]

    def _receive(self) -> dict[str, Any]:
        """The next message; what happened in the page is noted."""
        message = json.loads(self._socket.recv(timeout=60))
        told = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self._asked.append((told["loaderId"], told["request"]["url"]))
        elif message.get("method") == "Page.frameNavigated" and "parentId" not in told["frame"]:
            self.complaints.clear()  # those of the page before, and what it asks for, may come until now
            self._asked = [one for one in self._asked if one[0] == told["frame"]["loaderId"]]
        elif message.get("method") == "Page.loadEventFired":
            self._loaded = True
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif message.get("method") == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.complaints.append(json.dumps([part.get("value", part.get("description")) for part in told["args"]]))
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])
        return message

    def visit(
        self, url: str, width: int, height: int, *, phone: bool = False, dark: bool = False, still: bool = False
    ) -> None:
        """Open an address in a window of so many CSS pixels, and wait until it is loaded.

        phone: with a finger instead of a mouse, and two pixels a CSS pixel. dark, still: what its person prefers.
        """
        self._loaded = False
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

    def rect(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height in the window, CSS pixels, of the first such element, wherever it is."""
        script = f"(p => [p.x, p.y, p.width, p.height])(document.querySelector({selector!r}).getBoundingClientRect())"
        left, top, width, height = self.evaluate(script)
        return left, top, width, height

    def fill(self, selector: str, value: object, kind: str = "change") -> None:
        """Give a control a value, as if a person had; kind: change, or input while a slider is dragged."""
        self.evaluate(
            f"(one => {{ one.value = {str(value)!r}; one.dispatchEvent(new Event({kind!r}, {{ bubbles: true }})); }})"
            f"(document.querySelector({selector!r}))"
        )
        self.settle()

    def mouse(self, kind: str, x: float, y: float, *, button: str = "left", modifiers: int = 0) -> None:
        """kind: mousePressed, mouseMoved, mouseReleased, with or by a button. modifiers: 1 alt, 2 ctrl, 8 shift."""
        held = {"none": 0, "left": 1, "right": 2, "middle": 4}[button]
        pressed = {"button": button, "buttons": held, "clickCount": 1, "modifiers": modifiers}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def drag(self, *points: tuple[float, float], button: str = "left", modifiers: int = 0) -> None:
        """Press at the first point, move through the others, release at the last."""
        self.mouse("mousePressed", *points[0], button=button, modifiers=modifiers)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, button=button, modifiers=modifiers)
            self.settle()
        self.mouse("mouseReleased", *points[-1], button=button, modifiers=modifiers)
        self.settle()

    def wheel(self, x: float, y: float, pixels: float) -> None:
        """Scroll down by so many pixels."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=pixels)
        self.settle()

    def click(self, selector: str) -> None:
        """Press and release the left button in the middle of an element."""
        left, top, width, height = self.place(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, left + width / 2, top + height / 2)

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        """kind: touchStart, touchMove, touchEnd (without points)."""
        self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[{"x": x, "y": y} for x, y in points])

    def press(self, key: str) -> None:
        """Press and release a key: `ArrowLeft`, `Tab`, `a`, `?`, ` `."""
        for kind in ("keyDown", "keyUp"):
            self.key(kind, key)

    def key(self, kind: str, key: str) -> None:
        """kind: keyDown or keyUp."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38}
        codes |= {"ArrowRight": 39, "ArrowDown": 40, "Delete": 46, " ": 32}
        named = len(key) > 1 or key == " "
        number = codes[key] if named else ord(key.upper())
        code = "Space" if key == " " else key if named else f"Key{key.upper()}" if key.isalpha() else key
        text = {"text": "\r"} if key == "Enter" else {} if len(key) > 1 else {"text": key}
        self.call(
            "Input.dispatchKeyEvent", type=kind, key=key, code=code, windowsVirtualKeyCode=number,
            **(text if kind == "keyDown" else {}),
        )  # fmt: skip

    def until(self, script: str, seconds: float = 20) -> Any:
        """What an expression comes to as soon as that is true; asserts that it becomes so."""
        limit = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < limit, (script, self.complaints)
            time.sleep(0.02)
        return value

    def save_downloads(self, folder: Path) -> None:
        """Files that the page saves go there."""
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def picture(self, **options: object) -> np.ndarray:
        """[H, W, 3] what the window shows."""
        data = base64.b64decode(self.call("Page.captureScreenshot", **options)["data"])
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        return picture[..., ::-1]


@contextlib.contextmanager
def browser(profile: Path, graphics: Literal["webgl", "webgpu", "none"] = "webgl") -> Iterator[Page]:
    """A headless browser. profile: a folder of its own; graphics: WebGL in software, or WebGPU too, or neither, which
    is quicker."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--hide-scrollbars", *GRAPHICS[graphics]]
    command += ["--remote-debugging-port=0", f"--user-data-dir={profile}"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command += ["--disable-quic", "--window-size=900,500", "about:blank"]
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
