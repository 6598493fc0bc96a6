"""One browser: its texts become requests at the desk, and what is drawn for it goes out, the newest first.

Runs in the server's event loop, except `deliver` and `tell`, which any thread may call.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections import deque
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from dymap.errors import InputError, printable
from dymap.stage.desk import ON_THE_WAY, Desk
from dymap.stage.message import Got, View, read_message
from dymap.stage.pace import Pace

MESSAGES = 240.0
"""A second that are read of one client; the others of it wait in its network."""
BURST = 120.0
LARGEST = 2**20
"""Bytes of a message at which the connection ends."""
SILENCE = 20.0
"""Seconds after which a client that says nothing is asked whether it is there."""
ERRORS = 20
"""Of what a client says, that are answered; then it is sent away."""


class Client:
    """One connection. number: its own. pace: of its drafts. share: of the time in which is drawn."""

    def __init__(self, number: int, desk: Desk, loop: asyncio.AbstractEventLoop, share: float = 1.0):
        self.number, self.pace = number, Pace(share)
        self.last_frame = 0  # that was asked for
        self.ahead = -1  # the frame that was made ready for it last
        self._desk, self._loop = desk, loop
        self._pictures: deque[bytes] = deque(maxlen=ON_THE_WAY + 1)  # and one to keep
        self._texts: dict[str, dict[str, Any]] = {}
        self._ready = asyncio.Event()
        self._keeping: int | None = None

    async def serve(self, socket: web.WebSocketResponse, frames: Any, capture: Any) -> None:
        """Until the browser leaves. frames: tells how many the clip has; capture: is given views to keep."""
        sender = asyncio.ensure_future(self._send(socket))
        credit, last, mistakes = BURST, time.monotonic(), 0
        try:
            async for message in socket:
                now = time.monotonic()
                credit, last = min(BURST, credit + MESSAGES * (now - last)), now
                if credit < 1:  # its own reading waits; nobody else's
                    await asyncio.sleep((1 - credit) / MESSAGES)
                credit -= 1
                if message.type is not WSMsgType.TEXT:
                    self.say({"type": "error", "message": "messages are JSON texts", "fatal": False})
                    mistakes += 1
                else:
                    try:
                        said = read_message(message.data, frames())
                    except InputError as error:
                        self.say({"type": "error", "message": printable(str(error)), "fatal": False})
                        mistakes += 1
                    else:
                        self._take(said, capture)
                if mistakes > ERRORS:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"nothing of it is understood")
                    break
        finally:
            sender.cancel()

    def _take(self, said: View | Got, capture: Any) -> None:
        if isinstance(said, Got):
            self._desk.got(self.number, said.number)
        elif said.capture:
            capture(self, said)
        else:
            self._desk.request(self.number, said)

    def keeping(self, number: int) -> bool:
        """Whether a picture to keep may be drawn now: one at a time. number: of its view."""
        if self._keeping is not None:
            self.say({"type": "error", "message": "one picture at a time is kept", "fatal": False, "id": number})
            return False
        self._keeping = number
        return True

    def kept(self) -> None:
        """The picture to keep was drawn, or could not be."""
        self._keeping = None

    def deliver(self, header: dict[str, Any], picture: bytes) -> None:
        """Send a picture: the length of the JSON, the JSON, the picture."""
        text = json.dumps(header).encode()
        self._soon(self._pictures.append, struct.pack("<I", len(text)) + text + picture)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a text; of each kind only the newest waits."""
        self._soon(self.say, message)

    def say(self, message: dict[str, Any]) -> None:
        """`tell`, from the event loop."""
        self._texts[f"{message['type']} {message.get('film', '')}"] = message
        self._ready.set()

    def _soon(self, call: Any, argument: Any) -> None:
        def run() -> None:
            call(argument)
            self._ready.set()

        try:
            self._loop.call_soon_threadsafe(run)
        except RuntimeError:  # the server is closed
            return

    async def _send(self, socket: web.WebSocketResponse) -> None:
        """What waits goes out, in turn."""
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._texts or self._pictures:
                    while self._texts:
                        await socket.send_str(json.dumps(self._texts.pop(next(iter(self._texts)))))
                    if self._pictures:
                        await socket.send_bytes(self._pictures.popleft())
        except (ConnectionError, RuntimeError):  # it has left
            return


def open_socket() -> web.WebSocketResponse:
    """A connection to a browser that keeps what is sent within bounds."""
    return web.WebSocketResponse(max_msg_size=LARGEST, heartbeat=SILENCE, compress=False, timeout=2.0)
