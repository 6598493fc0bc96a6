"""dymap view: serves until Ctrl-C; what is refused; what it says."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dymap.runs.demonstration import PACKAGED
from dymap.stage.server import Stage
from tests.cli.conftest import Run
from tests.stage.visitor import get, visit

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
    with viewing(PACKAGED, "--size", 64) as (process, port, said):
        url = f"http://127.0.0.1:{port}/"
        assert "24 frames" in said
        assert f"ssh -L {port}:127.0.0.1:{port}" in said
        with visit(url) as visitor:
            head, picture = visitor.picture(visitor.view(canvas=[400, 300]))
            assert (head["width"], head["height"]) == (64, 48)
            assert picture.max() > 100
            for frame in range(5):
                visitor.view(frame=frame, moving=True)
            assert end(process, number).endswith("ended\n")
        with pytest.raises(OSError, match=r"refused|denied"):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_from_other_machines_the_link_needs_its_token(dymap: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def wait(stage: Stage) -> None:
        seen.append((get(stage.url, "clip.json")[0], get(f"http://127.0.0.1:{stage.port}/", "clip.json")[0]))

    monkeypatch.setattr(Stage, "wait", wait)
    said = dymap("view", PACKAGED, "--host", "0.0.0.0", "--port", 0)
    assert (said.code, said.err, seen) == (0, "", [(200, 403)])
    assert re.search(r"open http://127\.0\.0\.1:\d+/[\w-]{20,}/ ", said.out)
    assert "token" in said.out
    assert "ssh" not in said.out


def test_over_ssh_the_tunnel_is_printed(dymap: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stage, "wait", lambda _: None)
    monkeypatch.setenv("USER", "anna")
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.7 22")
    said = dymap("view", PACKAGED, "--port", 0)
    assert re.search(r"over ssh: run on your own machine ssh -L (\d+):127\.0\.0\.1:\1 anna@10\.0\.0\.7", said.out)


def test_what_was_filmed_is_shown_if_the_capture_is_at_hand(
    dymap: Run, baked: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []

    def wait(stage: Stage) -> None:
        said.append(json.loads(get(stage.url, "clip.json")[1])["capture"])
        said.append(get(stage.url, "truth/1/2.jpg?width=20")[0])
        said.append(get(stage.url, "thumbnail/1.jpg")[0])

    monkeypatch.setattr(Stage, "wait", wait)
    assert dymap("view", baked, "--port", 0).code == 0
    assert said == [True, 200, 200]
    said.clear()
    alone = tmp_path / "alone.dymap"
    shutil.copy(baked / "video.dymap", alone)
    assert dymap("view", alone, "--port", 0).code == 0
    assert said == [False, 404, 200]
    said.clear()
    moved = tmp_path / "run"
    shutil.copytree(baked, moved)
    record = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(record | {"data": str(tmp_path / "gone")}))
    assert dymap("view", moved, "--port", 0).code == 0
    assert said == [False, 404, 200]
    said.clear()
    assert dymap("view", moved, "--data", sample, "--port", 0).code == 0
    assert said == [True, 200, 200]
    dymap("view", alone, "--data", sample).failed_with("--data is for a run's folder")


def test_what_is_refused(dymap: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dymap("view", tmp_path / "none").failed_with("none: not there", "folder of a baked run")
    dymap("view", tmp_path).failed_with("not baked yet; run `dymap bake")
    broken = tmp_path / "broken.dymap"
    broken.write_bytes(b"nothing")
    dymap("view", broken).failed_with("broken.dymap")
    dymap("view", PACKAGED, "--size", 9).failed_with("--size 9: expected 64 to 4096")
    dymap("view", PACKAGED, "--port", -1).failed_with("--port -1: expected a number")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        dymap("view", PACKAGED, "--port", port).failed_with(f"cannot listen on 127.0.0.1 port {port}", "--port")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    dymap("view", PACKAGED).failed_with("pip install 'dymap[viewer]'")
