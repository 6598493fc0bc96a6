"""Who the stage answers: its own page, on this machine, or whoever has the whole link."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dymap.stage.server import Stage
from dymap.stage.subject import ClipSubject
from tests.stage.visitor import get, visit

OTHERS = ("::1", "127.0.0.2")
"""Addresses of this machine that a server at 127.0.0.1 does not listen on."""


def test_only_this_machine_reaches_it(stage: Stage) -> None:
    assert stage.url == f"http://127.0.0.1:{stage.port}/"
    assert get(stage.url, "clip.json")[0] == 200
    for address in OTHERS:
        with pytest.raises(OSError), socket.create_connection((address, stage.port), timeout=1):  # noqa: PT011
            pass


@pytest.mark.parametrize("path", ["", "clip.json", "socket", "thumbnail/0.jpg", "film"])
def test_a_name_that_means_this_machine_only_for_now_is_refused(stage: Stage, path: str) -> None:
    for name in ("evil.example", f"evil.example:{stage.port}", "127.0.0.1.evil.example", ""):
        assert get(stage.url, path, Host=name)[0] in (400, 403)
    assert get(stage.url, "clip.json", Host="localhost:9000")[0] == 200, "a tunnel may have any port"


@pytest.mark.parametrize(
    ("origin", "answers"),
    [(None, True), ("http://127.0.0.1:{port}", True), ("http://127.0.0.1:1", False), ("http://localhost:{port}", False),
     ("http://evil.example", False), ("null", False)],
)  # fmt: skip
def test_other_pages_of_the_same_browser_get_nothing(stage: Stage, origin: Any, answers: bool) -> None:
    given = origin and origin.format(port=stage.port)
    expected = contextlib.nullcontext() if answers else pytest.raises(InvalidStatus)
    with expected, connect(f"ws://127.0.0.1:{stage.port}/socket", origin=given):
        pass
    assert (get(stage.url, "film", "POST", {}, **({"Origin": given} if given else {}))[0] == 400) == answers


def test_whoever_comes_from_another_machine_needs_the_whole_link(subject: ClipSubject) -> None:
    with Stage(subject, "0.0.0.0", 0) as stage:
        root, token = f"http://127.0.0.1:{stage.port}/", stage.token
        assert stage.url == f"{root}{token}/"
        assert len(token) >= 20
        for word in ("", "clip.json", "socket", "engines/engine.js", f"{token[:-1]}/clip.json", f"{token}x/clip.json",
                     f"x/{token}/clip.json", "%00/clip.json", "\xe9/clip.json".encode().hex()):  # fmt: skip
            assert get(root, word)[0] == 403, word
        with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{stage.port}/socket"):
            pass
        assert get(stage.url, "clip.json", Host="studio.example:80")[0] == 200
        assert get(stage.url, "engines/engine.js")[0] == 200
        with visit(stage.url) as visitor:
            visitor.view()
            assert visitor.picture()[1].any()
    with Stage(subject, "0.0.0.0", 0) as stage:
        assert stage.token != token


NO_ANSWER = (
    b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1", b"CONNECT x:80 HTTP/1.1\r\nHost: 127.0.0.1",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: x",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1", b"\x16\x03\x01", b"GET /" + b"a" * 9000 + b" HTTP/1.1",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 9000, b"NONSENSE",
    b"GET /" + b"a" * 300 + b".js HTTP/1.1\r\nHost: 127.0.0.1", b"GET http:// HTTP/1.1\r\nHost: 127.0.0.1",
)  # fmt: skip


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_what_is_no_request_is_refused_and_fills_no_terminal(
    subject: ClipSubject, host: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with Stage(subject, host, 0) as stage:
        for asked in NO_ANSWER:
            with socket.create_connection(("127.0.0.1", stage.port), timeout=5) as connection:
                connection.sendall(asked + b"\r\nConnection: close\r\n\r\n")
                assert connection.recv(100)[9:12] in (b"400", b"403", b"404"), asked[:60]
        assert get(stage.url, "clip.json")[0] == 200
    assert capfd.readouterr() == ("", "")


def test_only_the_pages_files_are_served(stage: Stage) -> None:
    assert get(stage.url, "engines/engine.js")[0] == 200
    for path in ("engines", "engines/", "engines/nothing.js", "../stage/server.py", "%2e%2e/stage/server.py",
                 "engines/..%2f..%2fstage/server.py", "engines//engine.js", ".hidden", "a\\b", "%00"):  # fmt: skip
        assert get(stage.url, path)[0] == 404, path
