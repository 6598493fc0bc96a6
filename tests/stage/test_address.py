"""The stage's addresses."""

from __future__ import annotations

import pytest

from dymap.stage.address import is_local, name_of, tunnel, url_of


def test_only_loopback_addresses_are_local() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "", "192.168.1.5", "::", "example", "127.evil.example"))


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.2", "http://127.0.0.2:80/"), ("::1", "http://[::1]:80/"), ("studio", "http://studio:80/"),
     ("0.0.0.0", "http://127.0.0.1:80/"), ("::", "http://127.0.0.1:80/"), ("", "http://127.0.0.1:80/")],
)  # fmt: skip
def test_a_server_at_all_addresses_is_opened_at_the_local_one(host: str, url: str) -> None:
    assert url_of(host, 80) == url
    assert url_of(host, 80, "word") == url + "word/"


def test_names_are_told_from_ports() -> None:
    assert name_of("LocalHost:8080") == "localhost"
    assert name_of("[::1]:80") == "[::1]"
    assert name_of("127.0.0.1") == "127.0.0.1"
    assert name_of("127.0.0.1:80@evil.example:80") == "127.0.0.1:80@evil.example"


def test_over_ssh_the_tunnel_names_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER", "anna")
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.7 22")
    assert tunnel(8080) == "ssh -L 8080:127.0.0.1:8080 anna@10.0.0.7"
    monkeypatch.delenv("SSH_CONNECTION")
    assert tunnel(80) == "ssh -L 80:127.0.0.1:80 USER@THIS_MACHINE"
