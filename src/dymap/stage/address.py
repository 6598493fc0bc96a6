"""Where the stage listens, what its link is, and how it is reached from another machine."""

from __future__ import annotations

import os
import re
import socket

from dymap.errors import InputError

LOCAL = re.compile(r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]|::1")
"""Names of this machine that no name server can give to another."""


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
            f"cannot listen on {host} port {port} ({error.strerror or error}); does another program listen there? "
            "--port chooses another port, 0 one that is free"
        ) from None


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    return LOCAL.fullmatch(host) is not None


def url_of(host: str, port: int, token: str = "") -> str:
    """What this machine's browser opens to reach a server that listens on `host`. token: the first folder of all its
    paths, or nothing."""
    reached = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host  # those are all addresses of the machine
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}/{token + '/' if token else ''}"


def name_of(host: str) -> str:
    """The name in a Host header or an origin (`name:port`, `[::1]:port`), without the port."""
    return re.sub(r":\d*$", "", host.strip().lower())


def over_ssh() -> str | None:
    """This machine's address as the ssh client that is in use reaches it; None: nobody is here over ssh."""
    words = os.environ.get("SSH_CONNECTION", "").split()  # client's address, its port, ours, our port
    return words[2] if len(words) == 4 else None


def tunnel(port: int) -> str:
    """The command that brings the stage's port of this machine to another one, which types it."""
    here = over_ssh()
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "USER"
    return f"ssh -L {port}:127.0.0.1:{port} {f'{user}@{here}' if here else 'USER@THIS_MACHINE'}"
