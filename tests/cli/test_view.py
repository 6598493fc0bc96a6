"""dymap view: serves until Ctrl-C; what is refused; what a browser shows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dymap.play.video import load
from dymap.play.viewer.camera import view_of
from dymap.play.viewer.controls import Settings
from dymap.play.viewer.server import Viewer
from dymap.runs.demonstration import PACKAGED
from tests.browser import browser, needs_browser
from tests.cli.conftest import Run
from tests.play.viewer.visitor import visit

not_windows = pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")


@contextlib.contextmanager
def viewing(*arguments: object) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """`python -m dymap view ...` in a process of its own, its port, and what it said so far; ended in any case."""
    command = [sys.executable, "-m", "dymap", "view", *map(str, arguments), "--port", "0", "--threads", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = process.stdout.readline() + process.stdout.readline()
            found = re.search(r"open http://[^ ]*:(\d+)", said)
            assert found, (said, process.communicate())
            yield process, int(found[1]), said
        finally:
            process.kill()


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> str:
    """Ctrl-C, or another signal; what was said since. It must end well and soon."""
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert err == ""
    return out


@not_windows
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_while_browsers_look(number: int) -> None:
    camera = load(PACKAGED).cameras[0]
    with viewing(PACKAGED, "--size", 64) as (process, port, said):
        assert "24 frames" in said
        assert f"ssh -L {port}:127.0.0.1:{port}" in said
        assert b"<html" in urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=10).read().lower()
        with visit(port) as visitor:
            visitor.stand(view_of(camera), 400, 300)
            assert visitor.picture(64, 48).max() > 100
            visitor.set("Play", True)
            visitor.until(lambda: visitor.controls["Play"]["label"] == "Pause")
            assert end(process, number) == "ended\n"
        with pytest.raises(OSError, match=r"refused|denied"):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_other_addresses_are_warned_of(dymap: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Viewer, "wait", lambda _: None)
    said = dymap("view", PACKAGED, "--host", "0.0.0.0", "--port", 0)
    assert (said.code, said.err.count("\n")) == (0, 1)
    assert re.search(
        r"open http://127\.0\.0\.1:(\d+) .* warning: whoever reaches 0\.0\.0\.0:\1 can look", f"{said.out} {said.err}"
    )
    assert "ssh" not in said.out
    assert "viser" not in said.out, "viser says nothing of its own"


def test_what_is_refused(dymap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dymap("view", tmp_path / "none").failed_with("none: not there", "folder of a baked run")
    dymap("view", tmp_path).failed_with("not baked yet; run `dymap bake")
    broken = tmp_path / "broken.dymap"
    broken.write_bytes(b"nothing")
    dymap("view", broken).failed_with("broken.dymap")
    dymap("view", PACKAGED, "--size", 9).failed_with("--size 9: expected 64 to 2048")
    dymap("view", PACKAGED, "--port", -1).failed_with("--port -1: expected a number")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dymap("view", PACKAGED, "--port", port).failed_with(f"cannot listen on 127.0.0.1 port {port}", "--port")
    monkeypatch.setitem(sys.modules, "viser", None)
    dymap("view", PACKAGED).failed_with("pip install 'dymap[viewer]'")


@needs_browser
def test_a_browser_shows_the_clip(tmp_path: Path) -> None:
    """On white, in the middle of the window, upright; and the page asks nobody else for anything."""
    settings = Settings("fast", 128, (255, 255, 255))
    with Viewer(load(PACKAGED), port=0, settings=settings) as viewer, browser(tmp_path) as page:
        page.visit(viewer.url, 900, 500)
        limit = time.monotonic() + 45
        while " ms" not in page.text():
            assert time.monotonic() < limit, page.text()
            time.sleep(0.1)
        for label in ("Play", "Frame", "Layer", "Renderer", "Resolution", "Background", "Cameras"):
            assert label in page.text()
        while (shown := figure(page.picture())).mean() < 0.02:
            assert time.monotonic() < limit, "the picture did not appear"
        rows, columns = np.nonzero(shown)
        assert abs(np.median(columns) / shown.shape[1] - 0.5) < 0.1
        assert np.ptp(rows) > np.ptp(columns), "she stands"
        local = (f"{viewer.url}/", "data:", "blob:", "about:")
        assert [url for url in page.requests if not url.startswith(local)] == []


def figure(window: np.ndarray) -> np.ndarray:
    """[H, W] bool: what is not white, between the controls on the right and a notice on the left."""
    shown = window.min(axis=-1) < 150
    width = shown.shape[1]
    shown[:, : int(0.36 * width)] = shown[:, int(0.61 * width) :] = False
    return shown
