"""Clips from servers: what is asked of them, and what is said of bad ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.golden.sources import Golden
from tests.web.clips import write_clips
from tests.web.node import needs_node, run_node
from tests.web.range_server import RangeServer, serving

pytestmark = needs_node


@pytest.fixture(scope="module")
def server(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RangeServer]:
    folder = tmp_path_factory.mktemp("served")
    write_clips(folder, trimmed)["several segments"].rename(folder / "clip.dymap")
    (folder / "page.dymap").write_text("<html>no")
    (folder / "empty.dymap").write_bytes(b"")
    (folder / "cut.dymap").write_bytes((folder / "clip.dymap").read_bytes()[:-9])
    (folder / "numbers.bin").write_bytes(bytes(i * i % 251 for i in range(2**21)))
    with serving(folder) as server:
        yield server


GOOD = ("ranges", "plain", "streamed", "hidden", "moved", "busy", "breaking")
"""Servers that play: with and without parts, with a size and without, elsewhere, and such that fail now and then."""


def test_servers_of_many_kinds_give_the_same_clip(server: RangeServer) -> None:
    told = run_node("fetch_clip.mjs", *(f"{server.address}/{how}/clip.dymap?v=1" for how in GOOD))
    for how, one in zip(GOOD, told, strict=True):
        assert one == told[0], how
    assert told[0]["bytes"] == (server.folder / "clip.dymap").stat().st_size
    assert len(told[0]["digests"]) == 4


BAD = {
    "404/clip.dymap": "clip.dymap: not found on the server (404)",
    "ranges/lost.dymap": "lost.dymap: not found on the server (404)",
    "403/clip.dymap": "the server does not give it to this page (403); it may ask for a password",
    "503/clip.dymap": "the server answered with status 503",
    "ranges/page.dymap": "this is a web page and no dymap file",
    "ranges/empty.dymap": "is empty",
    "plain/empty.dymap": "is empty",
    "ranges/cut.dymap": "it was cut, or something was added",
    "streamed/cut.dymap": "it was cut, or something was added",
    "short/clip.dymap": "the server sent",
    "other/clip.dymap": "not those that were asked for",
    "snapping/clip.dymap": "the connection broke after",
}


def test_what_is_wrong_is_said_in_a_sentence(server: RangeServer) -> None:
    told = run_node("fetch_clip.mjs", *(f"{server.address}/{path}" for path in BAD), "http://127.0.0.1:9/clip.dymap",
                    "http://")  # fmt: skip
    for one, sentence in zip(told, [*BAD.values(), "it cannot be fetched", "it cannot be fetched"], strict=True):
        assert sentence in one.get("refused", f"not refused: {one}")
        assert "\n" not in one["refused"]


def test_parts_are_asked_for_once(server: RangeServer) -> None:
    told = run_node("http_reads.mjs", f"{server.address}/ranges/numbers.bin")
    assert set(told.values()) == {"right"}, told


def test_clips_are_closed_and_left_at_any_time(server: RangeServer) -> None:
    told = run_node("closing.mjs", f"{server.address}/ranges/clip.dymap")
    assert set(told.values()) == {"right"}, told


def test_a_file_that_changes_meanwhile_is_noticed(server: RangeServer) -> None:
    told = run_node("changing_file.mjs", f"{server.address}/changing/numbers.bin")
    assert "has changed since it was opened" in told
