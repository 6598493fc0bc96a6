"""The small server: ranges, nothing outside of what is shown, and only for this machine."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from dymap.errors import InputError
from dymap.site.ranges import asked_bytes
from dymap.site.server import in_folder, serving

DATA = bytes(range(256)) * 1024


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("outside")
    (root / "secret.txt").write_text("secret")
    folder = root / "site"
    (folder / "stage").mkdir(parents=True)
    (folder / "empty").mkdir()
    (folder / "index.html").write_text("<p>page")
    (folder / "stage" / "index.html").write_text("<p>stage")
    (folder / "stage" / "a.js").write_text("1")
    (folder / ".hidden").write_text("hidden")
    (folder / "a clip.dymap").write_bytes(DATA)
    (folder / "link.txt").symlink_to(root / "secret.txt")
    (folder / "away").symlink_to(root)
    with serving(in_folder(folder)) as url:
        yield url


def ask(url: str, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_files_are_served_with_their_kinds(url: str) -> None:
    for path, kind, text in (
        ("/", "text/html", b"<p>page"), ("/stage/", "text/html", b"<p>stage"),
        ("/stage/a.js?x", "text/javascript", b"1"),
    ):  # fmt: skip
        status, headers, data = ask(url, path)
        assert (status, data) == (200, text)
        assert headers["Content-Type"].startswith(kind)
        assert headers["X-Content-Type-Options"] == "nosniff"
    status, headers, data = ask(url, "/a%20clip.dymap", "HEAD")
    assert (status, headers["Content-Length"], data) == (200, str(len(DATA)), b"")


def test_a_part_is_served_and_only_that(url: str) -> None:
    status, headers, data = ask(url, "/a%20clip.dymap", Range="bytes=1000-2999")
    assert (status, data) == (206, DATA[1000:3000])
    assert headers["Content-Range"] == f"bytes 1000-2999/{len(DATA)}"
    assert ask(url, "/a%20clip.dymap", Range="bytes=-5")[2] == DATA[-5:]
    status, headers, _ = ask(url, "/a%20clip.dymap", Range=f"bytes={len(DATA)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")
    mark = headers = ask(url, "/a%20clip.dymap")[1]["ETag"]
    assert ask(url, "/a%20clip.dymap", Range="bytes=0-1", If_Range=mark)[0] == 206
    assert ask(url, "/a%20clip.dymap", Range="bytes=0-1", If_Range='"another"')[0] == 200


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None), ("bytes=0-0", (0, 1)), ("bytes=5-", (5, 10)), ("bytes=-3", (7, 10)), ("bytes=-30", (0, 10)),
        ("bytes=2-100", (2, 10)), ("bytes=5-4", None), ("bytes=-", None), ("bytes=0-1,4-5", None), ("lines=0-1", None),
        ("bytes=a-b", None), ("bytes=0-" + "9" * 40, None),
    ],
)  # fmt: skip
def test_a_range_is_read_as_the_standard_has_it(header: str | None, part: tuple[int, int] | None) -> None:
    assert asked_bytes(header, 10) == part


@pytest.mark.parametrize(
    "path",
    [
        "/link.txt", "/away/secret.txt", "/away/", "/../secret.txt", "/%2e%2e/secret.txt",
        "/stage/..%2f..%2fsecret.txt", "/stage",
        "/.hidden", "/empty/", "/nothing", "//etc/passwd", "/%00", "/%ff", "/stage\\a.js", "/a%20clip.dymap/",
        "/a" * 2000,
    ],
)  # fmt: skip
def test_nothing_else_is_served(url: str, path: str) -> None:
    status, _, data = ask(url, path)
    assert status == 404
    assert b"secret" not in data


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "localhost.example.com", "", "[::1]x"])
def test_names_that_another_site_can_have_are_refused(url: str, host: str) -> None:
    assert ask(url, "/", Host=host)[0] == 403
    assert ask(url, "/", Host="localhost:1234")[0] == 200


def test_only_reading_is_answered(url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(url, "/", method)[0] == 501


def test_a_browser_that_leaves_is_no_fault(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    place = urlsplit(url)
    for request in (b"GET /a%20clip.dymap HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01 nonsense\r\n\r\n", b""):
        with socket.create_connection((place.hostname, place.port), timeout=10) as connection:
            connection.sendall(request)
    assert ask(url, "/")[0] == 200
    assert "Traceback" not in capfd.readouterr().err


def test_a_port_that_is_taken_is_told(url: str) -> None:
    port = urlsplit(url).port
    assert port is not None
    with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1 port {port}"), serving(lambda _: None, port):
        pass


def test_closing_ends_connections_that_browsers_keep() -> None:
    before = threading.active_count()
    with serving(lambda _: b"page") as url:
        kept = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        kept.request("GET", "/")
        assert kept.getresponse().read() == b"page"
    end = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.02)
    assert threading.active_count() == before
