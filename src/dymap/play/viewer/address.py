"""Where the viewer listens, and which web pages may talk to it."""

from __future__ import annotations

import os
import re
import socket

from dymap.errors import InputError

LOCAL_PAGES = (None, re.compile(r"https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"))
"""Origins of the pages that may talk to a server on this machine (None: programs); otherwise any page in the same
browser could. A tunnel may have any port."""


def check_address(host: str, port: int) -> None:
    """Raises InputError unless a server can listen there."""
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: expected a number from 0 to 65535")
    try:
        places = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, place in places:
            with socket.socket(family, kind, protocol) as probe:
                if os.name == "posix":  # as the server does: a port that was just left is free
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host} port {port} ({error.strerror or error}); is another viewer running there? "
            "--port chooses another port, 0 one that is free"
        ) from None


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    return host in ("localhost", "::1") or host.startswith("127.")


def url_of(host: str, port: int) -> str:
    """What this machine's browser opens to reach a server that listens on `host`."""
    reached = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # those are all addresses of the machine
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"
