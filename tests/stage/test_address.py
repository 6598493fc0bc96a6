"""The viewer's addresses."""

from __future__ import annotations

import pytest

from dymap.play.viewer.address import is_local, url_of


def test_only_loopback_addresses_are_local() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "", "192.168.1.5", "::", "example"))


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.2", "http://127.0.0.2:80"), ("::1", "http://[::1]:80"), ("studio", "http://studio:80"),
     ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://127.0.0.1:80"), ("", "http://127.0.0.1:80")],
)  # fmt: skip
def test_a_server_at_all_addresses_is_opened_at_the_local_one(host: str, url: str) -> None:
    assert url_of(host, 80) == url
