"""What anybody may send to the viewer's server: only pages of allowed origins, in short messages that it knows.

Whoever sends anything else is sent away, which one short warning tells; nothing that was sent is printed. viser has no
options for that.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

MAX_MESSAGE = 2**20
"""Bytes of a message; those of a page have some hundreds."""
POLICY_VIOLATION = 1008
Handler = Callable[[Any], Awaitable[None]]


@contextlib.contextmanager
def guarded(origins: Sequence[Any] | None) -> Iterator[None]:
    """A server that is started in this block is guarded. origins: of the pages it serves; None: it serves all."""
    from websockets.asyncio import server

    serve, log = server.serve, logging.getLogger("dymap.viewer")
    log.disabled = True  # tracebacks, with what was sent

    def start(handler: Handler, *arguments: Any, **options: Any) -> Any:
        own = {"origins": origins, "max_size": MAX_MESSAGE, "logger": log}
        return serve(sending_away(handler), *arguments, **(options | own))

    server.serve = start  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        server.serve = serve  # type: ignore[misc]


def sending_away(handler: Handler) -> Handler:
    """A handler of connections that ends those of other programs, and those whose messages it does not know."""

    import viser
    from websockets.exceptions import ConnectionClosed

    async def handle(connection: Any) -> None:
        if connection.subprotocol != f"viser-v{viser.__version__}":
            await connection.close(POLICY_VIOLATION, "another program, or a page of another version")
            return
        try:
            await handler(connection)
        except ConnectionClosed:
            pass
        except Exception as error:
            tell(error)
            await connection.close(POLICY_VIOLATION, "not understood")

    return handle


def tell(error: BaseException | None) -> None:
    """Warn that a browser sent what is not understood, without what it sent."""
    kind = type(error).__name__ if error else "no reason"
    warnings.warn(f"a browser sent what the viewer does not understand ({kind})", RuntimeWarning, stacklevel=2)


def tell_of_task(_: Any, context: dict[str, Any]) -> None:
    """What an event loop calls with the fault of a task that nobody waits for."""
    tell(context.get("exception"))
