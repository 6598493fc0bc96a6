"""dymap export and dymap play: what is written, what is refused, and what is served until Ctrl-C."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.config import INTERRUPTED
from dymap.runs.demonstration import PACKAGED
from dymap.video.container import open_container
from dymap.video.model_file import save_video
from tests.cli.conftest import Run
from tests.golden.sources import Golden
from tests.site.scripts import Scripts
from tests.video.videos import painted_video

not_windows = pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")


@pytest.fixture
def exact(trimmed: Golden, tmp_path: Path) -> Path:
    save_video(tmp_path / "exact.dymap", painted_video(trimmed))
    return tmp_path / "exact.dymap"


def test_a_folder_holds_page_and_clip(dymap: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    said = dymap("export", PACKAGED, "--out", site, "--film", "--film-size", 32, 32)
    assert said.code == 0, said.err
    assert f"dymap play {site}" in said.out
    assert (site / "video.dymap").read_bytes() == PACKAGED.read_bytes()
    settings = json.loads(Scripts((site / "index.html").read_text()).text("stage"))
    assert settings == {"engine": "browser", "clip": "video.dymap", "film": "film.mp4"}
    assert (site / "poster.jpg").read_bytes().startswith(b"\xff\xd8")
    assert b"ftyp" in (site / "film.mp4").read_bytes()[:32]
    assert 'src="video.dymap" film="film.mp4"' in (site / "player.html").read_text()
    for script in ("dymap-stage.js", "dymap-player.js"):
        assert not re.search(r"^(import|export)\b", (site / script).read_text(), re.MULTILINE)
    listed = json.loads((site / "dymap-site.json").read_text())["files"]
    assert {path.name for path in site.iterdir()} == {*listed, "dymap-site.json"}


def test_only_what_was_exported_is_replaced(dymap: Run, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert dymap("export", PACKAGED, "--out", site).code == 0
    assert dymap("export", PACKAGED, "--out", site).code == 0
    (site / "CNAME").write_text("mine")
    dymap("export", PACKAGED, "--out", site).failed_with("CNAME", "nothing of others is overwritten")
    assert (site / "CNAME").read_text() == "mine"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    dymap("export", PACKAGED, "--out", tmp_path / "mine").failed_with("was not exported by dymap")
    (tmp_path / "mine.html").write_text("<p>mine")
    dymap("export", PACKAGED, "--out", tmp_path / "mine.html").failed_with("--single-file")
    page = ("export", PACKAGED, "--single-file", "--out")
    dymap(*page, tmp_path / "mine.html").failed_with("was not exported by dymap")
    dymap(*page, tmp_path / "mine").failed_with("a folder; expected the name of an HTML file")
    dymap(*page, tmp_path / "page.txt").failed_with("ends in .html")
    dymap("export", PACKAGED, "--out", tmp_path / "page.html").failed_with("the name of a page", "--single-file")
    assert dymap(*page, tmp_path / "page.html").code == 0
    assert dymap(*page, tmp_path / "page.html").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "mine.html", "page.html", "site"]


def test_one_file_says_its_size(dymap: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    said = dymap("export", PACKAGED, "--out", page, "--single-file")
    assert said.code == 0, said.err
    clip = base64.b64decode(Scripts(page.read_text(encoding="utf-8")).text("clip"))
    assert clip == PACKAGED.read_bytes()
    size = float(re.search(r"([\d.]+) MB \(", said.out)[1])  # type: ignore[index]
    assert size == pytest.approx(page.stat().st_size / 1e6, abs=0.006)


def test_one_file_does_not_hold_everything(dymap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dymap.runs.exporting.MAX_SINGLE", 500_000)
    page = tmp_path / "page.html"
    said = dymap("export", PACKAGED, "--out", page, "--single-file")
    said.failed_with("1 MB, and one HTML file holds 0 MB; export a folder")
    assert list(tmp_path.iterdir()) == []


def test_what_people_are_told_can_be_given(dymap: Run, tmp_path: Path) -> None:
    assert dymap("export", PACKAGED, "--out", tmp_path / "site", "--title", "A body <b>").code == 0
    assert open_container(tmp_path / "site" / "video.dymap").header["title"] == "A body <b>"
    assert "<title>A body &lt;b&gt;</title>" in (tmp_path / "site" / "index.html").read_text()


def test_what_cannot_be_exported_is_told(dymap: Run, tmp_path: Path) -> None:
    dymap("export", tmp_path / "none", "--out", tmp_path / "site").failed_with("no such file or folder")
    damaged = tmp_path / "damaged.dymap"
    damaged.write_bytes(PACKAGED.read_bytes()[:-1])
    dymap("export", damaged, "--out", tmp_path / "site").failed_with("damaged.dymap")
    dymap("play", tmp_path / "none", "--no-browser").failed_with("not there")
    dymap("play", damaged, "--no-browser").failed_with("damaged.dymap")
    (tmp_path / "empty").mkdir()
    dymap("play", tmp_path / "empty", "--no-browser").failed_with("empty")
    assert not (tmp_path / "site").exists()


@contextlib.contextmanager
def playing(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m dymap play ...` in a process of its own, and its address; ended in any case."""
    command = [sys.executable, "-m", "dymap", "play", *map(str, arguments), "--no-browser", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/", said)
            assert found, (said, process.communicate())
            yield process, found[0]
        finally:
            process.kill()


def fetched(url: str) -> bytes:
    return urllib.request.urlopen(url, timeout=10).read()


@not_windows
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_file_is_served_with_its_page_until_ctrl_c(number: int) -> None:
    with playing(PACKAGED) as (process, url):
        settings = json.loads(Scripts(fetched(url).decode()).text("stage"))
        assert settings["engine"] == "browser"
        assert fetched(url + settings["clip"]) == PACKAGED.read_bytes()
        assert b"bundledUrl" in fetched(f"{url}dymap-stage.js")
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "ended\n", "")


@pytest.mark.parametrize("place", ["windows", "terminal", "ssh"])
def test_a_browser_is_opened_where_there_are_windows(
    place: str, dymap: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<p>a page")
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    monkeypatch.setattr("dymap.runs.playing.Playing.wait", lambda _: None)
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    if place != "terminal":
        monkeypatch.setenv("DISPLAY", ":0")
    if place == "ssh":
        monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22")
    said = dymap("play", tmp_path)
    assert said.code == 0
    assert len(opened) == (place == "windows")
    assert ("no browser was found" in said.out) == (place == "terminal")
    assert bool(re.search(r"ssh -L (\d+):127\.0\.0\.1:\1 \S*@10\.0\.0\.2", said.out)) == (place == "ssh")
    assert dymap("play", tmp_path, "--no-browser").code == 0
    assert len(opened) == (place == "windows")


@not_windows
def test_a_folder_is_served_as_it_is(dymap: Run, exact: Path, tmp_path: Path) -> None:
    assert dymap("export", PACKAGED, "--out", tmp_path / "site").code == 0
    with playing(tmp_path / "site") as (_, url):
        assert fetched(url) == (tmp_path / "site" / "index.html").read_bytes()
        assert len(fetched(f"{url}video.dymap")) == (tmp_path / "site" / "video.dymap").stat().st_size
    with playing(exact) as (_, url):  # packed on the way
        assert fetched(f"{url}video.dymap").startswith(b"\x89dymap")


@not_windows
def test_ctrl_c_while_a_file_is_packed_ends_it_and_leaves_nothing(
    dymap: Run, exact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.setattr("dymap.runs.exporting.pack", interrupted)
    assert dymap("play", exact, "--no-browser").code == INTERRUPTED
    assert list((tmp_path / "temporary").iterdir()) == []
