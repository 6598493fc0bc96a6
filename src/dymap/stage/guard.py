"""Who gets an answer: this machine's own pages, or whoever has the link with the token.

* Host: a page of another site cannot make its name mean this machine (DNS rebinding), as only our own names are known.
* Origin: what changes something, and the socket, is only for pages that came from here. Programs name none.
* Token: if other machines reach the server, all its paths begin with a random word, compared in constant time.
"""

from __future__ import annotations

import hmac
import secrets
import warnings
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from dymap.errors import printable, shortened
from dymap.stage.address import is_local, name_of

HEADERS = {
    "Content-Security-Policy": "default-src 'self' 'unsafe-inline' data: blob:; "
    "connect-src 'self' ws: wss: blob: data:; worker-src 'self' blob:; "
    "base-uri 'self'; form-action 'none'; object-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def new_token(host: str, private: bool = False) -> str:
    """A random word for the link; none if only this machine reaches the server, which nobody shares (private: others
    do)."""
    return "" if is_local(host) and not private else secrets.token_urlsafe(18)


def guarded(host: str, token: str) -> Middleware:
    """A middleware that refuses strangers. host: what the server listens on; token: see `new_token`."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if refused := stranger(request, host, token):
            return web.Response(status=403, text=refused + "\n", headers=HEADERS)
        if unreadable := range_fault(request):
            return web.Response(status=416, text=unreadable + "\n", headers=HEADERS)
        try:
            answer = await handler(request)
        except web.HTTPException as fault:
            answer = web.Response(status=fault.status, text=printable(fault.text or fault.reason) + "\n")
        except Exception as fault:  # of one request, which nobody else needs to know of
            warnings.warn(f"{request.path[:80]!r} could not be answered: {fault!r:.200}", RuntimeWarning, stacklevel=1)
            answer = web.Response(status=500, text="this could not be answered\n")
        if not answer.prepared:
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
        return answer

    return guard


def stranger(request: web.Request, host: str, token: str) -> str:
    """Why a request is refused, in one sentence; nothing: it is not."""
    asked = request.headers.get(hdrs.HOST, "")
    if is_local(host) and not is_local(name_of(asked)):
        return "this stage is shown under the names of this machine only: localhost or 127.0.0.1"
    if token:
        given = request.path.lstrip("/").split("/")[0]  # `OPTIONS *` has no stroke
        if not hmac.compare_digest(given.encode(), token.encode()):
            return "this stage needs its whole link, with the token that was printed where it was started"
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and place_of(origin) != asked.strip().lower():
        return "this stage answers its own page only"
    return ""


def range_fault(request: web.Request) -> str:
    """What is wrong with the header Range, in one sentence; nothing: it can be followed, or there is none."""
    try:
        _ = request.http_range
    except ValueError:
        asked = printable(shortened(request.headers[hdrs.RANGE], 40))
        return f"the header Range is {asked!r}, expected bytes=FIRST-LAST"
    return ""


def place_of(origin: str) -> str:
    """Name and port of an origin; nothing for what is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
