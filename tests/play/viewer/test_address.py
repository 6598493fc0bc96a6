"""The viewer's addresses."""

from __future__ import annotations

from dymap.play.viewer.address import is_local


def test_only_loopback_addresses_are_local() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "", "192.168.1.5", "::", "example"))
