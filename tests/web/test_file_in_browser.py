"""The reader in a real browser: a worker decodes, or the page's own thread in slices; servers of other origins."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import dymap
from tests.browser import Page, browser, needs_browser
from tests.faults.readers import PACKED, Reader, drawn
from tests.golden.sources import Golden
from tests.web.clips import write_clips
from tests.web.node import needs_node, run_node
from tests.web.range_server import RangeServer, serving

pytestmark = [needs_browser, needs_node]
WEB = Path(dymap.__file__).parent / "web"
READ = """
async function read(from, options) {
  const { Clip } = await import("/ranges/web/file/clip.js");
  const clip = new Clip(from, options);
  try {
    const { bytes } = await clip.open();
    const digests = [], tables = [];
    for (let index = 0; index < clip.spans.length; index++) {
      const { hash } = await clip.segment(index);
      const sum = await crypto.subtle.digest("SHA-256", hash[2]);
      digests.push([...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    }
    return { bytes, digests, apart: clip.decoding.apart };
  } catch (error) {
    return { name: error.name, message: error.message };
  } finally {
    clip.close();
  }
}
async function beside(work) {
  let turns = 0, looks = 0, before = 0, most = 0, ended = false;
  performance.now = () => ++looks; // a clock by which each step of the work takes a millisecond, on any machine
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    turns++;
    most = Math.max(most, looks - before);
    before = looks;
    if (!ended) channel.port2.postMessage(null);
  };
  channel.port2.postMessage(null);
  const result = await work();
  ended = true;
  delete performance.now;
  return { ...result, turns, most };
}
"""


class Scene(NamedTuple):
    page: Page
    server: RangeServer
    other: RangeServer
    """Another origin."""
    right: dict[str, Any]
    """What node reads."""

    def read(self, source: str, options: str = "{}") -> dict[str, Any]:
        return self.page.evaluate(f"(async () => {{ {READ} return read({source}, {options}); }})()")


@pytest.fixture(scope="module")
def scene(trimmed: Golden, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("site")
    write_clips(folder, trimmed)["several segments"].rename(folder / "clip.dymap")
    shutil.copytree(WEB, folder / "web")
    (folder / "page.html").write_text("<!doctype html><title>A page</title>")
    with serving(folder) as server, serving(folder) as other, browser(tmp_path_factory.mktemp("profile")) as page:
        (right,) = run_node("fetch_clip.mjs", f"{server.address}/ranges/clip.dymap")
        page.visit(f"{server.address}/ranges/page.html", 400, 300)
        yield Scene(page, server, other, right)


def test_a_worker_decodes(scene: Scene) -> None:
    assert scene.read("'clip.dymap'") == scene.right | {"apart": True}


@pytest.mark.parametrize("how", ["ranges", "plain", "streamed", "moved"])
def test_servers_of_other_origins(scene: Scene, how: str) -> None:
    """They tell a page neither the size of the file nor where a part lies."""
    assert scene.read(f"'{scene.other.address}/{how}/clip.dymap'") == scene.right | {"apart": True}


def test_a_file_that_is_dropped_on_the_page(scene: Scene) -> None:
    dropped = "new File([await (await fetch('clip.dymap')).arrayBuffer()], 'dropped.dymap')"
    assert scene.read(dropped)["digests"] == scene.right["digests"]
    assert "dropped.dymap: this is no dymap file" in scene.read("new File(['no clip'], 'dropped.dymap')")["message"]


@pytest.mark.parametrize(
    "make", ["null", "() => { throw new DOMException('no', 'SecurityError') }", "() => new Worker('lost.js')"]
)
def test_without_a_worker_the_page_decodes(scene: Scene, make: str) -> None:
    assert scene.read("'clip.dymap'", f"{{makeWorker: {make}}}") == scene.right | {"apart": False}


def test_decoding_on_the_page_leaves_it_time(scene: Scene) -> None:
    shutil.copy(WEB.parent / "play" / "dancer.dymap", scene.server.folder / "dancer.dymap")
    script = f"(async () => {{ {READ} return beside(() => read('dancer.dymap', {{makeWorker: null}})); }})()"
    found = scene.page.evaluate(script)
    assert found["apart"] is False
    assert found["turns"] > 5
    assert 10 < found["most"] < 30, (
        "12 milliseconds, or twice that, without a turn; a step is a small one: test_segments.py"
    )


def test_errors_of_a_worker_are_sentences(scene: Scene) -> None:
    damaged = bytearray((scene.server.folder / "clip.dymap").read_bytes())
    damaged[-50] ^= 1
    (scene.server.folder / "damaged.dymap").write_bytes(damaged)
    found = scene.read("'damaged.dymap'")
    assert found["name"] == "ClipFault"
    assert found["message"].startswith("damaged.dymap: damaged file (its segment is not what was written")


def test_damaged_files_are_read_or_refused_as_in_node(scene: Scene) -> None:
    data, reader = (scene.server.folder / "clip.dymap").read_bytes(), Reader("", lambda _: "", PACKED)
    names = [f"damaged-{index}.dymap" for index in range(24)]
    for index, name in enumerate(names):
        (scene.server.folder / name).write_bytes(drawn(reader, data, Random(f"browser {index}"))[1])
    told = run_node("fetch_clip.mjs", *(f"{scene.server.address}/ranges/{name}" for name in names))
    for name, expected in zip(names, told, strict=True):
        found = scene.read(f"'{name}'")
        if "refused" in expected:
            assert found == {"name": "ClipFault", "message": expected["refused"]}
        else:
            assert found == expected | {"apart": True}
