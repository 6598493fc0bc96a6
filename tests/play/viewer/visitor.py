"""A browser's part of the viewer without a browser: what viser's page sends and receives, over a websocket."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import msgspec.msgpack
import numpy as np
import viser
import zstandard
from viser import _messages as messages
from websockets.sync.client import connect

from dymap.play.viewer.camera import View

SIDE = 128
"""Pixels of the pictures of most tests."""
PATIENCE = 20.0
"""Seconds after which something that should come is missed."""


class Visitor:
    """One client. pictures: [H, W, 3] all that came; controls: label -> what the page knows of a control."""

    def __init__(self, socket: Any):
        self._socket = socket
        self.pictures: list[np.ndarray] = []
        self.controls: dict[str, dict[str, Any]] = {}
        self.cameras: dict[str, dict[str, Any]] = {}
        self.said: list[dict[str, Any]] = []

    def stand(self, view: View, width: int = 128, height: int = 128) -> None:
        """Report a camera in a window of so many pixels."""
        message = messages.ViewerCameraMessage(
            tuple(map(float, view.wxyz)), tuple(map(float, view.position)), view.fov, 0.01, 1000.0, height, width,
            look_at=(0.0, 0.0, 0.0), up_direction=(0.0, 0.0, 1.0),
        )  # fmt: skip
        self._send(message)

    def set(self, label: str, value: Any) -> None:
        """Move a control; press a button with True."""
        self._send(messages.GuiUpdateMessage(self.controls[label]["uuid"], {"value": value}))

    def click(self, name: str) -> None:
        """Click a thing of the scene."""
        where = {"ray_origin": (0.0, 0.0, 0.0), "ray_direction": (0.0, 0.0, 1.0), "screen_pos": (0.5, 0.5)}
        owner = self.cameras[name]["owner"]
        self._send(messages.SceneNodeClickMessage(name, None, **where, modifier=None, owner=owner))

    def until(self, ready: Callable[[], bool]) -> None:
        """Listen until something holds."""
        end = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < end, f"it did not come; last were {self.said[-5:]}"
            self.listen(0.05)

    def picture(self, width: int, height: int) -> np.ndarray:
        """The next picture of a size."""
        seen = len(self.pictures)
        self.until(lambda: any(picture.shape[:2] == (height, width) for picture in self.pictures[seen:]))
        return next(picture for picture in reversed(self.pictures) if picture.shape[:2] == (height, width))

    def listen(self, seconds: float) -> None:
        """Take in what comes meanwhile."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self._take(self._socket.recv(timeout=left))
            except TimeoutError:
                return

    def _send(self, message: messages.Message) -> None:
        self._socket.send(msgspec.msgpack.encode(message.as_serializable_dict()))

    def _take(self, window: bytes) -> None:
        """Messages in one window: their length, that of the compressed, the compressed (then arrays: none here)."""
        length = int.from_bytes(window[8:16], "little")
        inner = zstandard.ZstdDecompressor().decompress(window[16 : 16 + length], int.from_bytes(window[:8], "little"))
        for message in msgspec.msgpack.decode(inner)["messages"]:
            kind = message["type"]
            if kind == "BackgroundImageMessage" and message["rgb_data"] is not None:
                data = np.frombuffer(message["rgb_data"], np.uint8)
                self.pictures.append(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])
                continue
            self.said.append(message)
            if "uuid" in message and "props" in message:
                known = {"uuid": message["uuid"], "value": message.get("value")} | message["props"]
                self.controls[known.get("label", "line")] = known
            elif kind == "GuiUpdateMessage":
                next(c for c in self.controls.values() if c["uuid"] == message["uuid"]).update(message["updates"])
            elif kind == "CameraFrustumMessage":
                self.cameras[message["name"]] = message


@contextlib.contextmanager
def visit(port: int) -> Iterator[Visitor]:
    """Come to a viewer on this machine, and leave it at the end."""
    protocol = f"viser-v{viser.__version__}"
    with connect(f"ws://127.0.0.1:{port}", subprotocols=[protocol], max_size=None, compression=None) as socket:
        yield Visitor(socket)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR of bytes, decibels."""
    return float(10 * np.log10(255**2 / max(np.square(a.astype(float) - b).mean(), 1e-9)))
