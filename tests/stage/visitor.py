"""A browser's part of the stage without a browser: what the page's engine sends and receives, over a socket."""

from __future__ import annotations

import contextlib
import json
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from websockets.sync.client import connect

SIDE = 96
"""Pixels of the pictures of most tests."""
PATIENCE = 30.0
"""Seconds after which something that should come is missed."""


class Visitor:
    """One client. clip: what the stage says of it; said: texts that came."""

    def __init__(self, socket: Any, clip: dict[str, Any]):
        self._socket, self.clip, self.number = socket, clip, 0
        self.acknowledges = True
        self.said: list[dict[str, Any]] = []

    def view(self, camera: int = 0, **more: Any) -> int:
        """Ask for what a camera of the capture sees; returns the view's number."""
        self.number += 1
        self.send(self.message(camera) | {"id": self.number} | more)
        return self.number

    def message(self, camera: int = 0) -> dict[str, Any]:
        seen = self.clip["cameras"][camera]
        return {"type": "view", "id": 0, "frame": 0, "R": seen["R"], "T": seen["T"], "K": seen["K"],
                "image": [seen["width"], seen["height"]], "canvas": [seen["width"], seen["height"]],
                "moving": False}  # fmt: skip

    def send(self, message: Any) -> None:
        self._socket.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def next(self, timeout: float = PATIENCE) -> tuple[dict[str, Any], bytes]:
        """What comes next: a text, or a picture's head and file."""
        data = self._socket.recv(timeout=timeout)
        if isinstance(data, str):
            self.said.append(json.loads(data))
            return self.said[-1], b""
        length = struct.unpack_from("<I", data)[0]
        head = json.loads(data[4 : 4 + length])
        if self.acknowledges:
            self.send({"type": "got", "id": head["id"]})
        return head, data[4 + length :]

    def picture(self, number: int | None = None, kind: str | None = None) -> tuple[dict[str, Any], np.ndarray]:
        """The next picture (of a view and a kind): its head and [H, W, 3 or 4] RGB(A)."""
        end = time.monotonic() + PATIENCE
        while True:
            head, data = self.next(end - time.monotonic())
            if data and number in (None, head["id"]) and kind in (None, head["kind"]):
                return head, decoded(data)

    def text(self, kind: str) -> dict[str, Any]:
        """The next text of a kind."""
        end = time.monotonic() + PATIENCE
        while True:
            head, data = self.next(end - time.monotonic())
            if not data and head["type"] == kind:
                return head


@contextlib.contextmanager
def visit(url: str, **options: Any) -> Iterator[Visitor]:
    """Come to a stage on this machine, and leave it at the end."""
    clip = json.loads(get(url, "clip.json")[1])
    address = url.replace("http", "ws", 1) + "socket"
    with connect(address, max_size=None, compression=None, **options) as socket:
        yield Visitor(socket, clip)


def get(url: str, path: str = "", method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
    """Status and content of an address."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"Content-Type": "application/json"} | headers
    request = urllib.request.Request(url + path, data, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read()


def decoded(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB if picture.shape[-1] == 3 else cv2.COLOR_BGRA2RGBA)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of bytes, decibels."""
    return float(10 * np.log10(255**2 / max(np.square(a.astype(float) - b).mean(), 1e-9)))
